"""Intervals of one side alone, for limits that hold whatever the other side is."""

from __future__ import annotations

import math

from coordinator.model import Interval, Moments, Series
from coordinator.stats.distributions import student_quantile
from coordinator.stats.series import effective_n


def mean_interval(moments: Moments, *, level: float = 0.95) -> Interval:
    """Student's t interval of a mean (Student 1908); fair from about 30 values of light-tailed data.

    Args:
        moments: of the values.
        level: strictly between 0 and 1.

    Returns:
        The interval; NaN ends below two values.

    >>> found = mean_interval(Moments(100, 10.0, 396.0))
    >>> round(found.low, 4), round(found.high, 4)
    (9.6032, 10.3968)
    """
    if not moments.n > 1 or math.isnan(moments.m2):
        return Interval(math.nan, math.nan, level)
    half = student_quantile(level, moments.n - 1) * math.sqrt(moments.variance / moments.n)
    return Interval(moments.mean - half, moments.mean + half, level)


def series_interval(series: Series, *, level: float = 0.95) -> Interval:
    """Student's t interval of a gauge's mean with its effective sample size (AR(1), Bayley & Hammersley 1946).

    Args:
        series: the gauge; missing points are left out.
        level: strictly between 0 and 1.

    Returns:
        The interval; NaN ends below three points.
    """
    values = [value for value in series.values if value is not None]
    if len(values) < 3:
        return Interval(math.nan, math.nan, level)
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    effective = effective_n(values)
    half = student_quantile(level, max(effective - 1, 1.0)) * math.sqrt(variance / max(effective, 1.0))
    return Interval(mean - half, mean + half, level)
