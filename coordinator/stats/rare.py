"""Rare events over strata: the exact conditional test and interval, where normal approximations fail."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from coordinator.model import Counts, Interval
from coordinator.stats.distributions import TIE

_STEPS = 50  # bisections of a log ratio within +-40: to 1e-13
_FAR = 40.0

Part = tuple[int, float]  # events of both sides, the log odds of falling on the treated side


def _parts(pairs: Sequence[tuple[Counts, Counts]]) -> list[Part]:
    """Events by odds: strata of one share are one binomial."""
    events: dict[float, int] = {}
    for treated, control in pairs:
        odds = round(math.log(treated.trials / control.trials), 12)
        events[odds] = events.get(odds, 0) + round(treated.events) + round(control.events)
    return [(k, odds) for odds, k in events.items() if k]


def _mass(parts: Sequence[Part], log_ratio: float) -> npt.NDArray[np.float64]:
    """Chances of 0, 1, ... treated events given each stratum's total, at a log rate ratio."""
    mass = np.ones(1)
    for k, odds in parts:
        x = np.arange(k + 1.0)
        logit = odds + log_ratio
        log_choose = special.gammaln(k + 1) - special.gammaln(x + 1) - special.gammaln(k - x + 1)
        log = log_choose + x * special.log_expit(logit) + (k - x) * special.log_expit(-logit)
        mass = np.convolve(mass, np.exp(log))
    return mass


def stratified_binomial(pairs: Sequence[tuple[Counts, Counts]]) -> float:
    """The exact p-value of equal rates in every stratum, for rare events (two-sided).

    Given each stratum's total, its treated events are binomial with the treated share of its trials
    (Przyborowski & Wilenski 1940); the sum over the strata is tested by the chance of all sums at most as
    likely as the one seen. With one share it is the exact binomial of the totals. For rates up to some 5 %;
    conservative; time goes with the square of the events. Events are rounded to whole numbers.

    Args:
        pairs: (treated, control) of each stratum, each side with trials.

    Returns:
        The p-value, 1 without events.

    >>> stratified_binomial([(Counts(3, 1000), Counts(0, 1000)), (Counts(2, 500), Counts(0, 500))])
    0.0625
    """
    mass = _mass(_parts(pairs), 0.0)
    seen = sum(round(t.events) for t, _ in pairs)
    return float(min(1.0, mass[mass <= mass[seen] * TIE].sum()))


def _solve(parts: Sequence[Part], seen: int, tail: float, *, upper: bool) -> float:
    """The log ratio at which the chance of at most (or at least) ``seen`` treated events is ``tail``."""
    low, high = -_FAR, _FAR
    for _ in range(_STEPS):
        middle = (low + high) / 2
        mass = _mass(parts, middle)
        if upper:  # the chance of at most ``seen`` falls with the ratio
            low, high = (middle, high) if mass[: seen + 1].sum() > tail else (low, middle)
        else:
            low, high = (low, middle) if mass[seen:].sum() > tail else (middle, high)
    return (low + high) / 2


def stratified_ratio_interval(pairs: Sequence[tuple[Counts, Counts]], *, level: float = 0.95) -> Interval | None:
    """The exact interval of the common relative effect over strata, for rare events.

    The rate ratios at which neither tail of ``stratified_binomial``'s distribution is below (1 - level) / 2;
    with one share it is ``poisson_ratio_interval`` of the totals. Conservative.

    Args:
        pairs: (treated, control) of each stratum, each side with trials.
        level: confidence level, strictly between 0 and 1.

    Returns:
        The interval, infinite above where the control side has no event; None without events.

    >>> interval = stratified_ratio_interval([(Counts(3, 1000), Counts(0, 1000)), (Counts(2, 500), Counts(0, 500))])
    >>> round(interval.low, 4), interval.high
    (-0.0836, inf)
    """
    parts = _parts(pairs)
    total, seen = sum(k for k, _ in parts), sum(round(t.events) for t, _ in pairs)
    if not total:
        return None
    tail = (1 - level) / 2
    low = -1.0 if seen == 0 else math.expm1(_solve(parts, seen, tail, upper=False))
    high = math.inf if seen == total else math.expm1(_solve(parts, seen, tail, upper=True))
    return Interval(low, high, level)
