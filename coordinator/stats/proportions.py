"""Tests of two rates from events and trials, also over strata."""

from __future__ import annotations

import math
from collections.abc import Sequence

from coordinator.model import Counts, TestResult
from coordinator.stats.distributions import binomial_p, fisher_p, normal_p
from coordinator.stats.intervals import newcombe, poisson_ratio_interval, rate_ratio_interval, usable
from coordinator.stats.mantel_haenszel import cochran_mantel_haenszel, risk_difference, risk_ratio, totals
from coordinator.stats.rare import stratified_binomial, stratified_ratio_interval

_RARE_RATE = 0.05
_RARE_EVENTS = 20
_MOST_TABLES = 10**7  # possible tables: above it Fisher's test takes too much memory
_MOST_EXACT = 5000  # events over strata: above it the exact test takes too long


def smallest_expected(treated: Counts, control: Counts) -> float:
    """The smallest expected cell of the 2x2 table under equal rates (Cochran 1954: chi-square from 5 on).

    Args:
        treated: events and trials of the treated side.
        control: those of the control side.

    Returns:
        A count, 0 or more; NaN where a side has no trials or odd counts.

    >>> smallest_expected(Counts(3, 10), Counts(5, 30))
    2.0
    """
    if not (usable(treated) and usable(control)):
        return math.nan
    both = treated + control
    rate = both.rate
    return min(treated.trials, control.trials) * min(rate, (both.trials - both.events) / both.trials)


def chi_square(treated: Counts, control: Counts) -> float:
    """Pearson's chi-square p-value of two equal rates, without continuity correction (two-sided).

    Pearson 1900, computed as the pooled z-test whose square it is. Fair where every expected cell is 5.

    Args:
        treated: events and trials of the treated side.
        control: those of the control side.

    Returns:
        The p-value; 1 where no trial or every trial is an event, NaN without trials or with odd counts.

    >>> round(chi_square(Counts(30, 100), Counts(20, 100)), 4)
    0.1025
    """
    if not (usable(treated) and usable(control)):
        return math.nan
    both = treated + control
    misses = both.trials - both.events
    if both.events == 0 or misses == 0:
        return 1.0
    variance = both.events / both.trials * (misses / both.trials) * (1 / treated.trials + 1 / control.trials)
    return normal_p((treated.rate - control.rate) / math.sqrt(variance))


def fisher_exact(treated: Counts, control: Counts) -> float:
    """Fisher's exact two-sided p-value of two equal rates: all tables at most as likely as this one.

    Fisher 1935; ties within a relative 1e-7 as in R's ``fisher.test``. Valid at any size, conservative in
    small ones. Counts are rounded to whole numbers; above some 10 million possible tables it is chi-square.

    Args:
        treated: events and trials of the treated side.
        control: those of the control side.

    Returns:
        The p-value; 1 where neither side has an event, NaN without trials or with odd counts.

    >>> round(fisher_exact(Counts(8, 10), Counts(1, 6)), 4)
    0.035
    """
    if not (usable(treated) and usable(control)):
        return math.nan
    a, b = round(treated.events), round(control.events)
    if min(treated.trials, control.trials, a + b) > _MOST_TABLES:
        return chi_square(treated, control)
    return fisher_p(a, round(treated.trials), round(control.trials), a + b)


def conditional_binomial(treated: Counts, control: Counts) -> float:
    """The exact p-value that the treated side has its share of all events (two-sided).

    Przyborowski & Wilenski 1940: given their total, rare events fall on the treated side with its share of
    the trials; two-sided as ``scipy.stats.binomtest``. For rates up to some 5 %; conservative. Events are
    rounded to whole numbers.

    Args:
        treated: events and trials (or exposure) of the treated side.
        control: those of the control side.

    Returns:
        The p-value; 1 where neither side has an event, NaN without trials or with odd counts.

    >>> conditional_binomial(Counts(5, 1000), Counts(0, 1000))
    0.0625
    """
    if not (usable(treated) and usable(control)):
        return math.nan
    share = treated.trials / (treated.trials + control.trials)
    return binomial_p(round(treated.events), round(treated.events) + round(control.events), share)


def _relative(treated: float, control: float) -> float | None:
    return treated / control - 1 if control > 0 else None


def _is_rare(both: Counts, smaller: float) -> bool:
    return both.rate < _RARE_RATE and smaller * both.rate < _RARE_EVENTS


def compare_rates(treated: Counts, control: Counts, *, level: float = 0.95, rare: bool = False) -> TestResult:
    """Compares two rates by the test that their counts allow.

    With ``rare``, a pooled rate below 5 % and fewer than 20 expected events in the smaller side:
    ``exact binomial`` (chi-square's one-sided false alarm is 3.3 % at a 5 % share where 2.5 is meant). Else
    ``Fisher's exact`` where an expected cell is below 5, else ``chi-square``. Difference: Newcombe's hybrid
    score interval. Relative effect: log-ratio interval, under the exact binomial the exact one. Trials must
    be independent: units, not events.

    Args:
        treated: events and trials of the treated side.
        control: those of the control side.
        level: level of the intervals, strictly between 0 and 1.
        rare: whether the exact conditional test may be used.

    Returns:
        The result; ``relative`` is None where the control side has no event, its interval where neither
        side has one. Without trials or with odd counts the p-value is NaN and nothing else is given.

    >>> result = compare_rates(Counts(5, 1000), Counts(0, 1000), rare=True)
    >>> result.test, result.p_value, result.difference, result.relative
    ('exact binomial', 0.0625, 0.005, None)
    """
    if not (usable(treated) and usable(control)):
        return TestResult("chi-square", math.nan, math.nan)
    relative_interval = rate_ratio_interval
    if rare and _is_rare(treated + control, min(treated.trials, control.trials)):
        test, p_value = "exact binomial", conditional_binomial(treated, control)
        relative_interval = poisson_ratio_interval
    elif smallest_expected(treated, control) < 5:
        test, p_value = "Fisher's exact", fisher_exact(treated, control)
    else:
        test, p_value = "chi-square", chi_square(treated, control)
    return TestResult(
        test,
        p_value,
        treated.rate - control.rate,
        _relative(treated.rate, control.rate),
        newcombe(treated, control, level=level),
        relative_interval(treated, control, level=level),
    )


def compare_rates_stratified(
    pairs: Sequence[tuple[Counts, Counts]], *, level: float = 0.95, rare: bool = False
) -> TestResult:
    """Compares two rates within strata and joins them: never pooled over a ramp.

    Strata without trials on both sides do not count. One stratum: ``compare_rates``. More:
    ``Cochran-Mantel-Haenszel`` without continuity correction (Mantel & Haenszel 1959), the Mantel-Haenszel
    risk ratio with Greenland & Robins' variance (1985) and risk difference with Sato's (1989), which hold
    for few large and for many small strata. Fair from about 5 expected events a side over all strata. With
    ``rare`` and few events over all strata, as in ``compare_rates`` (and at most 5,000): ``exact binomial``,
    given each stratum's total (`rare.py`); zero events on a side are then exact too.

    Args:
        pairs: (treated, control) of each stratum.
        level: level of the intervals, strictly between 0 and 1.
        rare: whether the exact conditional test may be used.

    Returns:
        The result; p is 1 where no trial or every trial is an event, NaN without a usable stratum. The
        relative effect is None where the control side has no event; its interval then adds half an event
        to each side (spread over the strata), and is None where neither side has one.

    >>> strata = [(Counts(10, 100), Counts(30, 400)), (Counts(40, 200), Counts(18, 100))]
    >>> result = compare_rates_stratified(strata)
    >>> result.test, round(result.p_value, 4), round(result.relative, 4)
    ('Cochran-Mantel-Haenszel', 0.4095, 0.1852)
    """
    full = [(t, c) for t, c in pairs if usable(t) and usable(c)]
    if not full:
        return TestResult("Cochran-Mantel-Haenszel", math.nan, math.nan)
    if len(full) == 1:
        return compare_rates(*full[0], level=level, rare=rare)
    difference, difference_interval = risk_difference(full, level)
    relative, relative_interval = risk_ratio(full, level)
    treated, control = totals(full)
    both = treated + control
    few = rare and _is_rare(both, min(treated.trials, control.trials)) and both.events <= _MOST_EXACT
    if few:
        relative_interval = stratified_ratio_interval(full, level=level)
    return TestResult(
        "exact binomial" if few else "Cochran-Mantel-Haenszel",
        stratified_binomial(full) if few else cochran_mantel_haenszel(full),
        difference,
        relative,
        difference_interval,
        relative_interval,
    )
