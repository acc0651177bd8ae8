"""Intervals of a rate, of a difference of rates and of a ratio of rates."""

from __future__ import annotations

import math

from scipy import special

from coordinator.model import Counts, Interval
from coordinator.stats.distributions import normal_quantile

_LARGEST_LOG = 700.0  # exp of more is infinite


def usable(counts: Counts) -> bool:
    """Whether the counts can be tested: finite, at least one trial, 0 <= events <= trials.

    >>> usable(Counts(1, 10)), usable(Counts(0, 0)), usable(Counts(math.nan, 10))
    (True, False, False)
    """
    return math.isfinite(counts.trials) and counts.trials >= 1 and 0 <= counts.events <= counts.trials


def from_log(centre: float, half: float, level: float) -> Interval:
    """The interval of a relative effect (ratio - 1) from that of the ratio's logarithm.

    Args:
        centre: logarithm of the ratio.
        half: half the width on the log scale, 0 or more.
        level: level to write on the interval.

    >>> from_log(0.0, math.log(2), 0.95)
    Interval(low=-0.5, high=1.0, level=0.95)
    """
    high = math.expm1(centre + half) if centre + half < _LARGEST_LOG else math.inf
    return Interval(math.expm1(centre - half), high, level)


def clopper_pearson(events: float, trials: float, *, level: float = 0.95) -> Interval:
    """The exact interval of a rate: it covers at least ``level`` whatever the rate.

    Clopper & Pearson 1934, by beta quantiles. Holds from one trial on; without trials it is 0 to 1, with
    impossible counts NaN.

    Args:
        events: events, 0 to trials.
        trials: independent trials.
        level: confidence level, strictly between 0 and 1.

    >>> interval = clopper_pearson(0, 100)
    >>> interval.low, round(interval.high, 4)
    (0.0, 0.0362)
    """
    if trials == 0 and events == 0:
        return Interval(0.0, 1.0, level)
    if not usable(Counts(events, trials)):
        return Interval(math.nan, math.nan, level)
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(special.betaincinv(events, trials - events + 1, tail))
    high = 1.0 if events == trials else float(special.betainccinv(events + 1, trials - events, tail))
    return Interval(low, high, level)


def _wilson(counts: Counts, z: float) -> tuple[float, float]:
    n, p = counts.trials, counts.rate
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def newcombe(treated: Counts, control: Counts, *, level: float = 0.95) -> Interval:
    """The hybrid score interval of the difference of two rates (treated - control).

    Newcombe 1998 (Statistics in Medicine 17:873), method 10: Wilson's limits of each side, squared and added.
    Near its level from about five trials a side; NaN where a side has no trials.

    Args:
        treated: events and trials of the treated side.
        control: those of the control side.
        level: confidence level, strictly between 0 and 1.

    >>> interval = newcombe(Counts(56, 70), Counts(48, 80))  # Newcombe's first example
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.0524, 0.3339)
    """
    if not (usable(treated) and usable(control)):
        return Interval(math.nan, math.nan, level)
    z = normal_quantile(level)
    (low_t, high_t), (low_c, high_c) = _wilson(treated, z), _wilson(control, z)
    t, c = treated.rate, control.rate
    return Interval(t - c - math.hypot(t - low_t, high_c - c), t - c + math.hypot(high_t - t, c - low_c), level)


def rate_ratio_interval(treated: Counts, control: Counts, *, level: float = 0.95) -> Interval | None:
    """The log-ratio interval of the relative effect (treated rate / control rate - 1).

    Katz et al. 1978 (Biometrics 34:469). Where one side has no events, 0.5 is added to the events and the
    trials of both (Walter 1975); where every trial of both sides is an event, 0.5 is taken off the events.
    A normal approximation: fair from about five events a side.

    Args:
        treated: events and trials of the treated side.
        control: those of the control side.
        level: confidence level, strictly between 0 and 1.

    Returns:
        The interval, or None where a side has no trials or neither side has an event.

    >>> interval = rate_ratio_interval(Counts(10, 100), Counts(10, 100))
    >>> round(interval.low, 4), round(interval.high, 4)
    (-0.5646, 1.2969)
    """
    if not (usable(treated) and usable(control)) or treated.events + control.events == 0:
        return None
    a, n, b, m = treated.events, treated.trials, control.events, control.trials
    if a == 0 or b == 0:
        a, n, b, m = a + 0.5, n + 0.5, b + 0.5, m + 0.5
    if a == n and b == m:
        a, b = a - 0.5, b - 0.5
    centre = math.log(a / n) - math.log(b / m)
    half = normal_quantile(level) * math.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    return from_log(centre, half, level)


def poisson_ratio_interval(treated: Counts, control: Counts, *, level: float = 0.95) -> Interval | None:
    """The exact interval of the relative effect for rare events.

    Given the total, the treated side's events are binomial with share r n / (r n + m) for a rate ratio r
    (Przyborowski & Wilenski 1940); Clopper-Pearson of that share, solved for r. Holds for Poisson events, so
    for rates up to some 5 %; conservative. Holds from one event on.

    Args:
        treated: events and trials (or exposure) of the treated side.
        control: those of the control side.
        level: confidence level, strictly between 0 and 1.

    Returns:
        The interval; its upper end is infinite where the control side has no event. None where a side has
        no trials or neither side has an event.

    >>> interval = poisson_ratio_interval(Counts(5, 1000), Counts(0, 1000))
    >>> round(interval.low, 4), interval.high
    (-0.0836, inf)
    """
    if not (usable(treated) and usable(control)) or treated.events + control.events == 0:
        return None
    share = clopper_pearson(treated.events, treated.events + control.events, level=level)
    exposure = control.trials / treated.trials
    low, high = (math.inf if s >= 1 else s / (1 - s) * exposure - 1 for s in (share.low, share.high))
    return Interval(low, high, level)
