"""Means, ratios, CUPED and strata against SciPy, raw data and simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.model import Moments
from coordinator.stats import means


def moments(x, y=None):
    x = np.asarray(x, dtype=float)
    if y is None:
        return Moments(len(x), x.mean(), ((x - x.mean()) ** 2).sum())
    y = np.asarray(y, dtype=float)
    d, e = x - x.mean(), y - y.mean()
    return Moments(len(x), x.mean(), (d * d).sum(), 0.0, y.mean(), (e * e).sum(), (d * e).sum())


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 300), st.integers(2, 300), st.floats(-3, 3), st.floats(0.01, 50), st.integers(0, 10**6))
def test_welch_is_scipys(n, m, shift, scale, seed):
    rng = np.random.default_rng(seed)
    t, c = rng.normal(shift, scale, n), rng.normal(0, 1, m)
    mine = means.welch(moments(t), moments(c))
    oracle = stats.ttest_ind(t, c, equal_var=False)
    interval = oracle.confidence_interval(0.95)
    assert mine.p_value == pytest.approx(oracle.pvalue, rel=1e-7)
    got = (mine.difference_interval.low, mine.difference_interval.high)
    assert got == pytest.approx((interval.low, interval.high), rel=1e-7, abs=1e-9)


def test_extreme_effects_have_a_p_value():
    result = means.welch(Moments(10**6, 1.0, 10**6), Moments(10**6, 1.04, 10**6))
    assert 0 < result.p_value < 1e-100
    assert result.p_value == pytest.approx(
        stats.ttest_ind_from_stats(1, 1, 10**6, 1.04, 1, 10**6, False).pvalue, rel=1e-3
    )


def test_relative_interval_covers():
    rng = np.random.default_rng(3)
    t, c = rng.gamma(2, 5.5, (3000, 200)), rng.gamma(2, 5, (3000, 100))
    hits = 0
    for x, y in zip(t, c, strict=True):
        interval = means.welch(moments(x), moments(y)).relative_interval
        hits += interval.low <= 0.1 <= interval.high
    assert hits / 3000 == pytest.approx(0.95, abs=0.015)


def test_no_relative_effect_near_zero():
    spread = Moments(100, 1.0, 99 * 25.0)  # standard error 0.5
    for control, given_ in ((1.4, False), (1.6, True), (-5.0, False), (0.0, False)):
        result = means.welch(spread, Moments(100, control, 99 * 25.0))
        assert (result.relative is not None) is given_
        assert (result.relative_interval is not None) is given_
    below = means.welch(Moments(100, -1.0, 99.0), Moments(100, 5.0, 99.0))
    assert below.relative == pytest.approx(-1.2)
    assert below.relative_interval is None


@pytest.mark.parametrize("compare", [means.welch, lambda t, c: means.compare_means_stratified([(t, c)] * 2)])
def test_degenerate_sides(compare):
    flat = Moments(10, 5.0, 0.0)
    assert compare(flat, flat).p_value == 1
    assert math.isnan(compare(flat, Moments(10, 6.0, 0.0)).p_value)
    assert math.isnan(compare(flat, Moments(1, 6.0, 0.0)).p_value)
    assert math.isnan(compare(flat, Moments(0, math.nan, 0.0)).p_value)
    assert math.isnan(compare(flat, Moments(10, math.nan, math.nan)).p_value)
    assert compare(Moments(10, 5.0, 8.0), flat).p_value == 1


def test_ratio_moments_are_those_of_the_linearised_values():
    rng = np.random.default_rng(5)
    y = rng.poisson(3, 1000) + 1.0
    x = y * 7 + rng.normal(0, 4, 1000)
    ratio = x.mean() / y.mean()
    linear = ratio + (x - ratio * y) / y.mean()
    mine = means.ratio_moments(moments(x, y))
    assert (mine.n, mine.mean) == (1000, ratio)
    assert mine.variance == pytest.approx(linear.var(ddof=1))


def test_ratio_moments_variance_is_the_ratios():
    rng = np.random.default_rng(6)
    y = rng.poisson(3, (4000, 200)) + 1.0
    x = y * 7 + rng.normal(0, 4, (4000, 200)) * y
    ratios = x.mean(axis=1) / y.mean(axis=1)
    mine = np.mean([means.ratio_moments(moments(a, b)).variance / 200 for a, b in zip(x[:500], y[:500], strict=True)])
    assert mine == pytest.approx(ratios.var(), rel=0.08)
    for odd in (moments([1.0, 2.0]), moments([1.0, 2.0], [0.0, 0.0]), Moments(0, math.nan, 0.0)):
        assert math.isnan(means.ratio_moments(odd).mean)


def test_cuped_is_the_regression_on_the_pooled_covariate():
    rng = np.random.default_rng(8)
    y_t, y_c = rng.normal(10, 3, 400), rng.normal(10, 3, 600)
    t, c = 2 * y_t + rng.normal(1, 2, 400), 2 * y_c + rng.normal(0, 2, 600)
    covariance = ((t - t.mean()) * (y_t - y_t.mean())).sum() + ((c - c.mean()) * (y_c - y_c.mean())).sum()
    theta = covariance / (((y_t - y_t.mean()) ** 2).sum() + ((y_c - y_c.mean()) ** 2).sum())
    centre = np.concatenate([y_t, y_c]).mean()
    mine = means.cuped(moments(t, y_t), moments(c, y_c))
    for side, raw, y in zip(mine, (t, c), (y_t, y_c), strict=True):
        adjusted = raw - theta * (y - centre)
        assert side.mean == pytest.approx(adjusted.mean())
        assert side.variance == pytest.approx(adjusted.var(ddof=1))
    assert mine[0].variance < 0.15 * t.var()
    # The analysis of covariance of Deng et al. gives the same effect: a regression on arm and covariate.
    design = np.column_stack([np.ones(1000), np.repeat([1, 0], [400, 600]), np.concatenate([y_t, y_c])])
    effect = np.linalg.lstsq(design, np.concatenate([t, c]), rcond=None)[0][1]
    assert mine[0].mean - mine[1].mean == pytest.approx(effect)


def test_cuped_without_a_covariate_changes_nothing():
    plain = (Moments(5, 1.0, 2.0), Moments(5, 1.0, 2.0))
    assert means.cuped(*plain) == plain
    constant = (moments([1, 2], [3, 3]), moments([1, 2], [3, 3]))
    assert means.cuped(*constant) == constant


def test_stratified_means_by_hand():
    rng = np.random.default_rng(9)
    sizes = [(30, 300), (100, 100), (1, 50), (60, 20)]
    raw = [(rng.normal(k, 1 + k, a), rng.normal(k - 0.5, 2, b)) for k, (a, b) in enumerate(sizes, 1)]
    pairs = [(moments(t), moments(c)) for t, c in raw]
    kept = [r for r in raw if len(r[0]) > 1]
    weights = np.array([len(t) + len(c) for t, c in kept]) / sum(len(t) + len(c) for t, c in kept)
    difference = sum(w * (t.mean() - c.mean()) for w, (t, c) in zip(weights, kept, strict=True))
    parts = [(w * w * s.var(ddof=1) / len(s), len(s) - 1) for w, r in zip(weights, kept, strict=True) for s in r]
    variance = sum(v for v, _ in parts)
    df = variance**2 / sum(v * v / d for v, d in parts)
    mine = means.compare_means_stratified(pairs)
    assert mine.test == "stratified Welch's t"
    assert mine.difference == pytest.approx(difference)
    assert mine.p_value == pytest.approx(2 * stats.t.sf(abs(difference) / math.sqrt(variance), df))
    assert means.compare_means_stratified(pairs[:1] + pairs[2:3]) == means.welch(*pairs[0])
    assert math.isnan(means.compare_means_stratified([]).p_value)


def test_stratified_false_alarms_under_a_ramp():
    """The mean moves with the share: pooled, Welch alarms; stratified it keeps its level."""
    rng = np.random.default_rng(10)
    pooled = stratified = 0
    for _ in range(800):
        raw = [(rng.normal(k, 1, n), rng.normal(k, 1, m)) for k, (n, m) in enumerate([(20, 180), (60, 140), (150, 50)])]
        pairs = [(moments(t), moments(c)) for t, c in raw]
        stratified += means.compare_means_stratified(pairs).p_value < 0.05
        pooled += (
            means.welch(pairs[0][0] + pairs[1][0] + pairs[2][0], pairs[0][1] + pairs[1][1] + pairs[2][1]).p_value < 0.05
        )
    assert stratified / 800 == pytest.approx(0.05, abs=0.025)
    assert pooled / 800 > 0.9
