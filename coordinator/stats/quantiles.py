"""Quantiles from value counts: estimate, exact interval, two-sample comparison."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate

from coordinator.model import Counts, Histogram, Interval, TestResult
from coordinator.stats.distributions import binomial_at_least, binomial_at_most, normal_p, normal_quantile
from coordinator.stats.means import log_ratio
from coordinator.stats.proportions import chi_square

_Z = 1.959963984540054  # the order statistics that give the standard error are those of the 95 % interval


def _rank(n: int, q: float) -> int:
    return min(n, max(1, math.ceil(n * q - 1e-9)))


def _order_statistic(histogram: Histogram, rank: int) -> float:
    cumulative = list(accumulate(histogram.counts))
    return histogram.values[bisect_left(cumulative, rank)]


def quantile(histogram: Histogram, q: float) -> float:
    """The smallest value with at least a share ``q`` of the samples at or below it.

    Hyndman & Fan 1996, definition 1 (NumPy's ``inverted_cdf``): always a value that was seen.

    Args:
        histogram: value counts.
        q: the quantile, 0 to 1.

    Returns:
        The value, NaN without samples.

    >>> quantile(Histogram.of([1.0, 2.0, 3.0, 4.0]), 0.5)
    2.0
    """
    return _order_statistic(histogram, _rank(histogram.n, q)) if histogram.n else math.nan


def quantile_interval(histogram: Histogram, q: float, *, level: float = 0.95) -> Interval:
    """The exact interval of a quantile, between two order statistics.

    Thompson 1936: the number of samples below the quantile is binomial, so the interval covers at least
    ``level`` for any distribution of independent samples.

    Args:
        histogram: value counts.
        q: the quantile, strictly between 0 and 1.
        level: confidence level, strictly between 0 and 1.

    Returns:
        The interval; an end is infinite where the samples are too few to bound it (p95: below 72), both
        are NaN without samples.

    >>> quantile_interval(Histogram.of(range(1, 101)), 0.5)
    Interval(low=40, high=61, level=0.95)
    """
    n, tail = histogram.n, (1 - level) / 2
    if not n:
        return Interval(math.nan, math.nan, level)
    low, high = 0, _rank(n, q)
    while low < high:  # the largest rank with P(B <= rank - 1) <= tail
        middle = (low + high + 1) // 2
        low, high = (middle, high) if binomial_at_most(middle - 1, n, q) <= tail else (low, middle - 1)
    first, low, high = low, _rank(n, q), n + 1
    while low < high:  # the smallest rank with P(B >= rank) <= tail
        middle = (low + high) // 2
        low, high = (low, middle) if binomial_at_least(middle, n, q) <= tail else (middle + 1, high)
    return Interval(
        _order_statistic(histogram, first) if first else -math.inf,
        _order_statistic(histogram, low) if low <= n else math.inf,
        level,
    )


def _standard_error(histogram: Histogram, q: float) -> float:
    """Half the distance of the 95 % order statistics over 1.96; NaN where there are too few samples."""
    n = histogram.n
    centre, half = n * q, _Z * math.sqrt(n * q * (1 - q))
    low, high = math.floor(centre - half), math.ceil(centre + half) + 1
    if low < 1 or high > n:
        return math.nan
    # The ranks are rounded outwards; scaled back to the distance that was meant.
    width = _order_statistic(histogram, high) - _order_statistic(histogram, low)
    return width * (2 * half / (high - low)) / (2 * _Z)


def compare_quantiles(treated: Histogram, control: Histogram, q: float, *, level: float = 0.95) -> TestResult:
    """Compares a quantile of two sides by order-statistic standard errors (two-sided normal test).

    Woodruff 1952: half the width of the 95 % order-statistic interval over 1.96 is the standard error (the
    p-value does not depend on ``level``). Samples must be independent; needs n x min(q, 1 - q) of about 20
    a side. Where ties leave both standard errors 0 and the quantiles differ, p is the chi-square test of the
    shares at or below the lower of the two.

    Args:
        treated: value counts of the treated side.
        control: value counts of the control side.
        q: the quantile, strictly between 0 and 1.
        level: level of the intervals, strictly between 0 and 1.

    Returns:
        The result; p and intervals are NaN and None where a side has too few samples for the order
        statistics (p95: some 130); the relative effect follows ``welch``'s rules.

    >>> result = compare_quantiles(Histogram.of(range(110, 310)), Histogram.of(range(100, 300)), 0.5)
    >>> result.difference, round(result.relative, 4), round(result.p_value, 2)
    (10.0, 0.0503, 0.32)
    """
    test = "quantile order statistics"
    t, c = float(quantile(treated, q)), float(quantile(control, q))
    if math.isnan(t) or math.isnan(c):
        return TestResult(test, math.nan, math.nan)
    se_t, se_c = _standard_error(treated, q), _standard_error(control, q)
    se = math.hypot(se_t, se_c)
    z = normal_quantile(level)
    relative, relative_interval = log_ratio(t, se_t, c, se_c, z, level)
    if math.isnan(se):
        return TestResult(test, math.nan, t - c, relative)
    if se > 0:
        p_value = normal_p((t - c) / se)
    else:
        p_value = 1.0 if t == c else chi_square(_at_most(treated, min(t, c)), _at_most(control, min(t, c)))
    interval = Interval(t - c - z * se, t - c + z * se, level)
    return TestResult(test, p_value, t - c, relative, interval, relative_interval)


def _at_most(histogram: Histogram, value: float) -> Counts:
    below = sum(n for v, n in zip(histogram.values, histogram.counts, strict=True) if v <= value)
    return Counts(below, histogram.n)
