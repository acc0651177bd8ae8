"""Ranks and quantiles from value counts against SciPy and NumPy on the raw samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.model import Histogram, RankSum
from coordinator.stats import quantiles, ranks

samples = st.lists(st.integers(0, 20).map(float), min_size=1, max_size=120)
varied = st.lists(st.floats(-1e3, 1e3).map(lambda v: round(v, 3)), min_size=1, max_size=200)


@settings(max_examples=150, deadline=None)
@given(samples, samples)
def test_mann_whitney_is_scipys(c, t):
    mine = ranks.rank_sum(Histogram.of(c), Histogram.of(t))
    z, p = ranks.mann_whitney([mine])
    assert mine.u == sum((a > b) + 0.5 * (a == b) for a in t for b in c)
    if len(set(c) | set(t)) == 1:
        assert (z, p) == (0, 1)
        return
    oracle = stats.mannwhitneyu(t, c, use_continuity=False, method="asymptotic")
    assert mine.u == oracle.statistic
    assert p == pytest.approx(oracle.pvalue, rel=1e-9)
    assert z == 0 or (z > 0) == (mine.u > len(c) * len(t) / 2)


def test_swapping_the_sides_turns_the_sign():
    a, b = Histogram.of([1.0, 2, 2, 5]), Histogram.of([2.0, 3, 8])
    one, other = ranks.mann_whitney([ranks.rank_sum(a, b)]), ranks.mann_whitney([ranks.rank_sum(b, a)])
    assert one[0] == -other[0]
    assert one[1] == other[1]


def test_empty_sides_do_not_count():
    full = RankSum(10, 10, 80.0, 0.0)
    empty = RankSum(0, 10, 0.0, 990.0)
    assert ranks.mann_whitney([full, empty]) == ranks.mann_whitney([full])
    assert all(math.isnan(v) for v in ranks.mann_whitney([empty]))
    assert all(math.isnan(v) for v in ranks.mann_whitney([]))
    assert ranks.rank_sum(Histogram.of([]), Histogram.of([1.0])) == RankSum(0, 1, 0.0, 0.0)


def test_van_elteren_keeps_its_level_and_beats_pooling_under_a_ramp():
    rng = np.random.default_rng(2)
    sizes = [(90, 10), (50, 50), (10, 90)]
    alarms = pooled = 0
    for _ in range(1500):
        raw = [(rng.poisson(3 * k, n), rng.poisson(3 * k, m)) for k, (n, m) in enumerate(sizes, 1)]
        parts = [(Histogram.of(map(float, c)), Histogram.of(map(float, t))) for c, t in raw]
        alarms += ranks.mann_whitney([ranks.rank_sum(c, t) for c, t in parts])[1] < 0.05
        whole = [parts[0][side] + parts[1][side] + parts[2][side] for side in (0, 1)]
        pooled += ranks.mann_whitney([ranks.rank_sum(*whole)])[1] < 0.05
    assert alarms / 1500 == pytest.approx(0.05, abs=0.02)
    assert pooled / 1500 > 0.9


def test_van_elteren_by_the_permutation_distribution():
    """The variance over all splits of two small strata, weights 1 / (n + 1)."""
    rng = np.random.default_rng(4)
    strata = [np.array([1.0, 2, 2, 3, 9, 4]), np.array([0.0, 0, 5, 7])]
    scores = []
    for _ in range(4000):
        score = 0.0
        for values in strata:
            rank = stats.rankdata(rng.permutation(values))
            k = len(values) // 2
            score += (rank[:k].sum() - k * (len(values) + 1) / 2) / (len(values) + 1)
        scores.append(score)
    parts = [ranks.rank_sum(Histogram.of(v[len(v) // 2 :]), Histogram.of(v[: len(v) // 2])) for v in strata]
    z, _ = ranks.mann_whitney(parts)
    seen = sum((s.u - s.n_control * s.n_treatment / 2) / (s.n_control + s.n_treatment + 1) for s in parts)
    assert seen / z == pytest.approx(np.std(scores), rel=0.04)


@settings(max_examples=150, deadline=None)
@given(varied, st.sampled_from([0.01, 0.25, 0.5, 0.9, 0.95, 0.99]))
def test_quantile_is_numpys(values, q):
    assert quantiles.quantile(Histogram.of(values), q) == np.quantile(values, q, method="inverted_cdf")


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 400), st.sampled_from([0.1, 0.5, 0.9, 0.99]), st.sampled_from([0.8, 0.95, 0.99]))
def test_quantile_interval_is_the_tightest_exact_one(n, q, level):
    mine = quantiles.quantile_interval(Histogram.of(map(float, range(1, n + 1))), q, level=level)
    tail = (1 - level) / 2
    low = max((r for r in range(1, n + 1) if stats.binom.cdf(r - 1, n, q) <= tail), default=-math.inf)
    high = min((r for r in range(1, n + 1) if stats.binom.sf(r - 1, n, q) <= tail), default=math.inf)
    assert (mine.low, mine.high) == (low, high)


def test_scipys_quantile_test_gives_the_same_interval():
    values = np.random.default_rng(1).exponential(1, 500)
    oracle = stats.quantile_test(values, p=0.9).confidence_interval(0.95)
    mine = quantiles.quantile_interval(Histogram.of(map(float, values)), 0.9)
    assert (mine.low, mine.high) == (oracle.low, oracle.high)


@pytest.mark.parametrize("q", [0.5, 0.95])
def test_quantile_comparison_keeps_its_level_and_covers(q):
    rng = np.random.default_rng(12)
    runs, alarms, hits = 700, 0, 0
    for _ in range(runs):
        t = Histogram.of(map(float, np.exp(rng.normal(0, 0.6, 600))))
        c = Histogram.of(map(float, np.exp(rng.normal(0, 0.6, 1500))))
        result = quantiles.compare_quantiles(t, c, q)
        alarms += result.p_value < 0.05
        hits += result.relative_interval.low <= 0 <= result.relative_interval.high
    assert alarms / runs == pytest.approx(0.05, abs=0.025)
    assert hits / runs == pytest.approx(0.95, abs=0.025)


def test_quantile_comparison_finds_a_slower_side():
    rng = np.random.default_rng(13)
    c = rng.gamma(2, 100, 4000).round(1)
    t = (rng.gamma(2, 100, 4000) * 1.2).round(1)
    result = quantiles.compare_quantiles(Histogram.of(map(float, t)), Histogram.of(map(float, c)), 0.95)
    assert result.p_value < 0.001
    assert result.relative_interval.low < 0.2 < result.relative_interval.high
    assert result.difference == np.quantile(t, 0.95, method="inverted_cdf") - np.quantile(
        c, 0.95, method="inverted_cdf"
    )


def test_too_few_samples_and_ties():
    few = Histogram.of(map(float, range(50)))
    result = quantiles.compare_quantiles(few, few, 0.95)
    assert math.isnan(result.p_value)
    assert result.difference_interval is None
    assert result.relative == 0
    assert math.isnan(quantiles.compare_quantiles(Histogram.of([]), few, 0.5).p_value)
    low, high = Histogram((100.0, 200.0), (900, 100)), Histogram((100.0, 200.0), (100, 900))
    assert quantiles.compare_quantiles(low, low, 0.5).p_value == 1
    turned = quantiles.compare_quantiles(high, low, 0.5)
    assert turned.p_value < 1e-50
    assert turned.relative == 1
    assert math.isnan(quantiles.quantile_interval(Histogram.of([]), 0.5).low)
