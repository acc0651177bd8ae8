"""Tests of two means from their moments: Welch, ratio metrics, CUPED, strata."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from coordinator.model import Interval, Moments, TestResult
from coordinator.stats.distributions import student_p, student_quantile
from coordinator.stats.intervals import from_log

_NEAR_ZERO = 3.0  # standard errors from 0 below which a relative effect has no meaning


def log_ratio(
    treated: float, se_treated: float, control: float, se_control: float, critical: float, level: float
) -> tuple[float | None, Interval | None]:
    """The relative effect and its interval from two estimates with standard errors, on the log scale.

    Delta method: the variance of log(treated / control) is (se_t / treated)^2 + (se_c / control)^2.

    Args:
        treated: estimate of the treated side.
        se_treated: its standard error, 0 or more.
        control: estimate of the control side.
        se_control: its standard error.
        critical: two-sided critical value (t or normal).
        level: level to write on the interval.

    Returns:
        (None, None) where the control estimate is <= 0 or within 3 standard errors of 0; no interval where
        the treated estimate is <= 0 or a standard error is NaN.

    >>> log_ratio(11.0, 0.0, 10.0, 0.0, 1.96, 0.95)[0]
    0.10000000000000009
    """
    if not control > 0 or control <= _NEAR_ZERO * se_control:
        return None, None
    ratio = treated / control
    relative = ratio - 1
    if not 0 < ratio < math.inf or math.isnan(se_treated) or math.isnan(se_control):
        return relative, None
    half = critical * math.hypot(se_treated / treated, se_control / control)
    centre = math.log(ratio)
    return relative, from_log(centre, half, level)


def _degenerate(test: str, treated: float, control: float) -> TestResult:
    """No spread to test against: p is 1 where the sides are equal, else NaN."""
    p_value = 1.0 if treated == control else math.nan
    relative = treated / control - 1 if control > 0 else None
    return TestResult(test, p_value, treated - control, relative)


def welch(treated: Moments, control: Moments, *, level: float = 0.95) -> TestResult:
    """Welch's t-test of two means with unequal variances (two-sided).

    Welch 1947, degrees of freedom by Satterthwaite 1946; the relative effect by the log-ratio delta method
    with the same degrees of freedom. Units must be independent; fair from n >= 355 x skewness^2 a side
    (Kohavi et al. 2014), for symmetric data from about 10.

    Args:
        treated: moments of the treated side, in the metric's unit.
        control: moments of the control side.
        level: level of the intervals, strictly between 0 and 1.

    Returns:
        The result. p is NaN where a side has fewer than two units; where neither side varies it is 1 for
        equal means and NaN for others. ``relative`` is None where the control mean is <= 0 or within 3
        standard errors of 0; its interval also where the treated mean is <= 0.

    >>> result = welch(Moments(50, 11.0, 200.0), Moments(40, 10.0, 150.0))
    >>> round(result.p_value, 4), result.difference, round(result.relative, 4)
    (0.02, 1.0, 0.1)
    """
    test = "Welch's t"
    if not (treated.n > 1 and control.n > 1):
        return TestResult(test, math.nan, treated.mean - control.mean)
    v_t, v_c = treated.variance / treated.n, control.variance / control.n
    variance = v_t + v_c
    if not (v_t >= 0 and v_c >= 0):
        return TestResult(test, math.nan, math.nan)
    if variance == 0:
        return _degenerate(test, treated.mean, control.mean)
    share = v_t / variance
    df = 1 / (share**2 / (treated.n - 1) + (1 - share) ** 2 / (control.n - 1))
    return _result(test, (treated.mean, v_t), (control.mean, v_c), df, level)


def _result(
    test: str, treated: tuple[float, float], control: tuple[float, float], df: float, level: float
) -> TestResult:
    """The t-test of two estimates, each with its variance."""
    se = math.sqrt(treated[1] + control[1])
    difference = treated[0] - control[0]
    critical = student_quantile(level, df)
    relative, interval = log_ratio(
        treated[0], math.sqrt(treated[1]), control[0], math.sqrt(control[1]), critical, level
    )
    return TestResult(
        test,
        student_p(difference / se, df),
        difference,
        relative,
        Interval(difference - critical * se, difference + critical * se, level),
        interval,
    )


def ratio_moments(moments: Moments) -> Moments:
    """A ratio metric (revenue per order) as the mean of its linearised values, ready for ``welch``.

    Delta method (Deng, Knoblich & Lu 2018, KDD, eq. 3): unit i stands for R + (x_i - R y_i) / mean(y), so
    that variance / n is the variance of the ratio R = mean(x) / mean(y). The unit of randomisation must be
    the row. Fair where mean(y) is many standard errors from 0.

    Args:
        moments: of the numerator x per unit, with the denominator as y.

    Returns:
        Moments with n, the ratio as mean, and m2; NaN where y is missing or its mean is 0.

    >>> ratio_moments(Moments(4, 6.0, 20.0, y_mean=2.0, y_m2=2.0, xy=6.0))
    Moments(n=4, mean=3.0, m2=0.5, m3=0.0, y_mean=None, y_m2=0.0, xy=0.0)
    """
    if not moments.n or moments.y_mean is None or not abs(moments.y_mean) > 0:
        return Moments(moments.n, math.nan, math.nan)
    ratio = moments.mean / moments.y_mean
    m2 = moments.m2 - 2 * ratio * moments.xy + ratio * ratio * moments.y_m2
    m2 = m2 if math.isnan(m2) else max(0.0, m2)
    return Moments(moments.n, ratio, m2 / moments.y_mean / moments.y_mean)


def cuped(treated: Moments, control: Moments) -> tuple[Moments, Moments]:
    """Both sides' moments after taking out what a covariate from before the experiment explains.

    Deng, Xu, Kohavi & Walker 2013 (WSDM): x - theta (y - mean y), theta pooled within the sides, mean y over
    both. The difference of the means stays unbiased where y cannot be affected by the treatment. The third
    sum m3 is kept as it was.

    Args:
        treated: moments of the metric with the covariate as y.
        control: those of the control side.

    Returns:
        (treated, control), adjusted; unchanged where a side has no covariate or the covariate is constant.

    >>> t, c = cuped(Moments(2, 5.0, 8.0, y_mean=3.0, y_m2=2.0, xy=4.0), Moments(2, 3.0, 8.0, 0, 1.0, 2.0, 4.0))
    >>> t.mean - c.mean, t.m2
    (-2.0, 0.0)
    """
    spread = treated.y_m2 + control.y_m2
    if treated.y_mean is None or control.y_mean is None or not spread > 0 or not (treated.n > 0 and control.n > 0):
        return treated, control
    theta = (treated.xy + control.xy) / spread
    centre = (treated.n * treated.y_mean + control.n * control.y_mean) / (treated.n + control.n)

    def adjusted(side: Moments, y_mean: float) -> Moments:
        m2 = max(0.0, side.m2 - 2 * theta * side.xy + theta * theta * side.y_m2)
        return replace(side, mean=side.mean - theta * (y_mean - centre), m2=m2, xy=side.xy - theta * side.y_m2)

    return adjusted(treated, treated.y_mean), adjusted(control, control.y_mean)


def compare_means_stratified(pairs: Sequence[tuple[Moments, Moments]], *, level: float = 0.95) -> TestResult:
    """Compares two means within strata and joins them by the strata's sizes: never pooled over a ramp.

    Post-stratification (Miratrix, Sekhon & Yu 2013): each side's mean is the sum of w_k mean_k with
    w_k = units of both sides in stratum k over all units, so both sides have the same mix. Degrees of freedom
    by Satterthwaite 1946. Strata with fewer than two units on a side are left out; one stratum: ``welch``.

    Args:
        pairs: (treated, control) moments of each stratum.
        level: level of the intervals, strictly between 0 and 1.

    Returns:
        The result, with ``welch``'s rules for sides without spread and for the relative effect.

    >>> strata = [(Moments(50, 11.0, 200.0), Moments(40, 10.0, 150.0))] * 2
    >>> result = compare_means_stratified(strata)
    >>> result.test, round(result.p_value, 4), result.difference
    ("stratified Welch's t", 0.001, 1.0)
    """
    test = "stratified Welch's t"
    full = [(t, c) for t, c in pairs if t.n > 1 and c.n > 1]
    if not full:
        return TestResult(test, math.nan, math.nan)
    if len(full) == 1:
        return welch(*full[0], level=level)
    total = math.fsum(t.n + c.n for t, c in full)
    means, variances, satterthwaite = [0.0, 0.0], [0.0, 0.0], 0.0
    for pair in full:
        weight = (pair[0].n + pair[1].n) / total
        for side, moments in enumerate(pair):
            variance = weight**2 * moments.variance / moments.n
            means[side] += weight * moments.mean
            variances[side] += variance
            satterthwaite += variance * variance / (moments.n - 1)
    whole = sum(variances)
    if not all(v >= 0 for v in variances):
        return TestResult(test, math.nan, math.nan)
    if whole == 0:
        return _degenerate(test, *means)
    df = whole * whole / satterthwaite if satterthwaite > 0 else math.inf
    return _result(test, (means[0], variances[0]), (means[1], variances[1]), df, level)
