"""Gauges over time: points of a series are not samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from coordinator.model import Interval, Series, TestResult
from coordinator.stats.distributions import student_p, student_quantile
from coordinator.stats.intervals import from_log
from coordinator.stats.means import log_ratio

_TEST = "paired difference (effective n)"


def effective_n(values: Sequence[float]) -> float:
    """How many independent values a series is worth: n (1 - r) / (1 + r) under AR(1).

    r is the autocorrelation at lag 1, corrected for its bias in short series, (n r + 1) / (n - 3) (Kendall
    1954), and kept within 0 to 0.99: the result is never above n. With 60 points and an AR coefficient of
    0 / .5 / .8 / .95 a test at 5 % gives 4 / 5 / 7 / 10 % false alarms (plain Welch: 6 / 29 / 53 / 77 %).

    Args:
        values: values at equal distances in time, without gaps.

    Returns:
        Between 0 and n; n itself for a constant series and for fewer than four values.

    >>> effective_n([1.0, -1.0] * 10)
    20.0
    """
    n = len(values)
    if n < 4:
        return float(n)
    mean = math.fsum(values) / n
    deviations = [v - mean for v in values]
    spread = math.fsum(d * d for d in deviations)
    if not spread > 0:
        return float(n)
    lagged = math.fsum(a * b for a, b in pairwise(deviations))
    r = min(0.99, max(0.0, (n * lagged / spread + 1) / (n - 3)))
    return n * (1 - r) / (1 + r)


def _mean_and_se(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, standard error and effective n; the variance is corrected for the correlation too."""
    n, worth = len(values), effective_n(values)
    mean = math.fsum(values) / n
    if worth <= 1:
        return mean, math.nan, worth
    variance = math.fsum((v - mean) ** 2 for v in values) / n / (1 - 1 / worth)
    return mean, math.sqrt(variance / worth), worth


def paired_difference(treated: Series, control: Series, *, level: float = 0.95) -> tuple[TestResult, float]:
    """Compares two gauges by their differences at equal times, with an effective number of points.

    Pairing takes out the load both sides share. t-test of the mean difference with effective n - 1 degrees of
    freedom (Zwiers & von Storch 1995); times that only one side has, None, NaN and infinities are dropped.
    Below an effective n of 10 the test cannot be trusted: pause, do not promote or roll back on it.

    Args:
        treated: the treated side's points.
        control: the control side's points.
        level: level of the intervals, strictly between 0 and 1.

    Returns:
        (result, effective n). p is NaN with fewer than three pairs or an effective n of 1 or less; where the
        differences do not vary it is 1 if they are all 0, else NaN. ``relative`` is the ratio of the means
        minus 1 (None where the control mean is <= 0 or within 3 standard errors of 0), its interval by the
        delta method on the log ratio.

    >>> from datetime import datetime, timedelta
    >>> times = tuple(datetime(2026, 1, 1) + timedelta(minutes=i) for i in range(6))
    >>> a = Series(times, (11.0, 12.0, 11.5, 13.0, 12.0, None))
    >>> b = Series(times, (10.0, 11.5, 10.0, 12.5, 11.0, 10.0))
    >>> result, n = paired_difference(a, b)
    >>> round(result.difference, 2), round(result.p_value, 3), n
    (0.9, 0.009, 5.0)
    """
    pairs = _pairs(treated, control)
    if not pairs:
        return TestResult(_TEST, math.nan, math.nan), 0.0
    mean, se, worth = _mean_and_se([t - c for t, c in pairs])
    mean_t, mean_c = (math.fsum(side) / len(pairs) for side in zip(*pairs, strict=True))
    relative, _ = log_ratio(mean_t, 0.0, mean_c, _plain_se([c for _, c in pairs], mean_c), 0.0, level)
    if len(pairs) < 3 or math.isnan(se):
        return TestResult(_TEST, math.nan, mean, relative), worth
    if se == 0:
        return TestResult(_TEST, 1.0 if mean == 0 else math.nan, mean, relative), worth
    critical = student_quantile(level, worth - 1)
    result = TestResult(
        _TEST,
        student_p(mean / se, worth - 1),
        mean,
        relative,
        Interval(mean - critical * se, mean + critical * se, level),
        _relative_interval(pairs, mean_t, mean_c, level) if relative is not None else None,
    )
    return result, worth


def _plain_se(values: Sequence[float], mean: float) -> float:
    """Standard deviation over the root of the effective n, taken as 1 at least: a trend is not near zero."""
    n = len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / n / max(1.0, effective_n(values)))


def _pairs(treated: Series, control: Series) -> list[tuple[float, float]]:
    other = dict(zip(control.times, control.values, strict=True))
    mine = dict(zip(treated.times, treated.values, strict=True))
    found = ((mine[time], other.get(time)) for time in sorted(mine))
    return [(t, c) for t, c in found if t is not None and c is not None and math.isfinite(t) and math.isfinite(c)]


def _relative_interval(
    pairs: Sequence[tuple[float, float]], mean_t: float, mean_c: float, level: float
) -> Interval | None:
    """Delta method: the ratio's error is the mean of t / mean_t - c / mean_c on the log scale."""
    if not mean_t > 0:
        return None
    _, se, worth = _mean_and_se([t / mean_t - c / mean_c for t, c in pairs])
    if math.isnan(se):
        return None
    half = student_quantile(level, worth - 1) * se
    centre = math.log(mean_t / mean_c)
    return from_log(centre, half, level)
