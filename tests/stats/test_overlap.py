"""The audit's numbers against SciPy, statsmodels and simulated splits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.stats import overlap
from coordinator.stats.overlap import OverlapStratum


def split(rng, units, canary_share, arm_share, size):
    """Independent splits: (canary, arm, both) of each run."""
    chances = [
        canary_share * arm_share,
        canary_share * (1 - arm_share),
        (1 - canary_share) * arm_share,
        (1 - canary_share) * (1 - arm_share),
    ]
    cells = rng.multinomial(units, chances, size)
    return cells[:, 0] + cells[:, 1], cells[:, 0] + cells[:, 2], cells[:, 0]


def stratum(units, canary, arm, both, canary_share=0.05, arm_share=0.5):
    return OverlapStratum(int(units), int(canary), int(arm), int(both), canary_share, arm_share)


@st.composite
def strata(draw, most=3000):
    a, b, c, d = (draw(st.integers(0, most)) for _ in range(4))
    return stratum(a + b + c + d, a + b, a + c, a)


@settings(max_examples=100, deadline=None)
@given(st.lists(strata(), min_size=2, max_size=5))
def test_independence_is_statsmodels(parts):
    from statsmodels.stats.contingency_tables import StratifiedTable

    z, p = overlap.independence(parts)
    full = [s for s in parts if 0 < s.canary < s.units and 0 < s.arm < s.units]
    if len(full) > 1:
        tables = [
            np.array([[s.both, s.canary - s.both], [s.arm - s.both, s.units - s.canary - s.arm + s.both]]) * 1.0
            for s in full
        ]
        oracle = StratifiedTable(tables).test_null_odds()
        assert z**2 == pytest.approx(oracle.statistic, rel=1e-7, abs=1e-12)
        assert p == pytest.approx(oracle.pvalue, rel=1e-6, abs=1e-12)  # theirs is 1 - cdf
    elif not full:
        assert math.isnan(z) if not any(s.units for s in parts) else (z, p) == (0, 1)


@settings(max_examples=100, deadline=None)
@given(strata(30))
def test_a_small_single_stratum_is_fishers(s):
    z, p = overlap.independence([s])
    cells = np.array([[s.both, s.canary - s.both], [s.arm - s.both, s.units - s.canary - s.arm + s.both]])
    if 0 < s.canary < s.units and 0 < s.arm < s.units:
        expected = stats.contingency.expected_freq(cells).min()
        if expected < 5:
            assert p == pytest.approx(stats.fisher_exact(cells).pvalue, rel=1e-9)
        else:
            oracle = stats.chi2_contingency(cells, correction=False)
            assert z**2 == pytest.approx(oracle.statistic * (s.units - 1) / s.units, abs=1e-9)


def test_independence_under_ramps_keeps_its_level_where_pooling_does_not():
    rng = np.random.default_rng(41)
    steps = [(4000, 0.01, 0.05), (4000, 0.1, 0.25), (4000, 0.5, 0.5)]
    runs = 2000
    draws = [split(rng, n, c, e, runs) for n, c, e in steps]
    alarms = pooled = 0
    for run in range(runs):
        parts = [stratum(steps[k][0], *(draws[k][j][run] for j in range(3))) for k in range(3)]
        alarms += overlap.independence(parts)[1] < 0.05
        pooled += overlap.independence([stratum(*(sum(getattr(s, f) for s in parts) for f in FIELDS))])[1] < 0.001
    assert alarms / runs == pytest.approx(0.05, abs=0.015)
    assert pooled == runs


FIELDS = ("units", "canary", "arm", "both")


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 4000), st.floats(0.001, 0.9), st.floats(0.05, 0.95), st.floats(0, 2))
def test_declared_is_scipys_exact_binomial(units, canary_share, arm_share, factor):
    both = min(units, round(units * canary_share * arm_share * factor))
    s = stratum(units, both, both, both, canary_share, arm_share)
    if units * canary_share * arm_share < 1000:
        oracle = stats.binomtest(both, units, canary_share * arm_share)
        assert overlap.declared([s]) == pytest.approx(oracle.pvalue, rel=1e-8, abs=1e-300)


def test_declared_of_large_and_of_several_strata():
    large = stratum(10**6, 50_000, 500_000, 25_400)
    assert overlap.declared([large]) == pytest.approx(stats.binomtest(25_400, 10**6, 0.025).pvalue, rel=0.05)
    rng = np.random.default_rng(42)
    one, two = rng.binomial(5000, 0.025, 4000), rng.binomial(3000, 0.2, 4000)
    p = [
        overlap.declared([stratum(5000, 0, 0, a), stratum(3000, 0, 0, b, 0.4, 0.5)])
        for a, b in zip(one, two, strict=True)
    ]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.012)
    assert overlap.declared([stratum(100, 0, 50, 0, 0.0, 0.5)]) == 1
    assert overlap.declared([stratum(100, 1, 50, 1, 0.0, 0.5)]) == 0
    assert overlap.declared([stratum(100, 1, 50, 1, 0.0, 0.5)] * 2) == 0
    assert math.isnan(overlap.declared([]))


def test_independence_all_is_pearsons_in_one_stratum():
    rng = np.random.default_rng(43)
    for arms in (2, 3, 5):
        rows = rng.integers(20, 300, (2, arms))
        oracle = stats.chi2_contingency(rows, correction=False)
        units = rows.sum()
        statistic, df, p = overlap.independence_all([(tuple(rows[0]), tuple(rows[1]))])
        assert df == arms - 1
        assert statistic == pytest.approx(oracle.statistic * (units - 1) / units)
        assert p == pytest.approx(stats.chi2.sf(statistic, df))


def test_independence_all_of_two_arms_is_the_score():
    parts = [stratum(1000, 100, 500, 65), stratum(700, 90, 200, 20)]
    tables = [((s.both, s.canary - s.both), (s.arm - s.both, s.units - s.canary - s.arm + s.both)) for s in parts]
    statistic, df, p = overlap.independence_all(tables)
    z, p_score = overlap.independence(parts)
    assert (statistic, df, p) == (pytest.approx(z**2), 1, pytest.approx(p_score))


def test_independence_all_keeps_its_level_over_strata():
    rng = np.random.default_rng(44)
    alarms = 0
    for _ in range(1500):
        tables = []
        for n, c, e in ((600, 0.05, (0.5, 0.3, 0.2)), (900, 0.3, (0.2, 0.2, 0.6))):
            cells = rng.multinomial(n, np.concatenate([c * np.array(e), (1 - c) * np.array(e)]))
            tables.append((tuple(cells[:3].tolist()), tuple(cells[3:].tolist())))
        alarms += overlap.independence_all(tables)[2] < 0.05
    assert alarms / 1500 == pytest.approx(0.05, abs=0.02)


def test_independence_all_leaves_out_empty_arms():
    statistic, df, _ = overlap.independence_all([((65, 35, 0), (435, 465, 0))])
    assert (statistic, df) == (pytest.approx(9.99), 1)
    assert overlap.independence_all([((5, 0), (5, 0))]) == (0, 0, 1)
    assert overlap.independence_all([((0, 0), (5, 5))]) == (0, 0, 1)
    assert overlap.independence_all([]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("units", "canary_share", "arm_share"), [(600, 0.05, 0.5), (5000, 0.05, 0.5), (3000, 0.3, 0.2)]
)
def test_ratio_interval_covers_independence(units, canary_share, arm_share):
    rng = np.random.default_rng(45)
    hits = 0
    for canary, arm, both in zip(*split(rng, units, canary_share, arm_share, 2000), strict=True):
        interval = overlap.ratio_interval([stratum(units, canary, arm, both)])
        hits += interval.low <= 0 <= interval.high
    assert 0.935 <= hits / 2000 <= 0.99


def test_ratio_interval_covers_a_true_leak_over_strata():
    """Canary units are in the arm 1.3 times as often as others would make it."""
    rng = np.random.default_rng(46)
    hits, runs = 0, 1500
    ratio = 0.4 * 1.3 / (0.05 * 0.4 * 1.3 + 0.95 * 0.4)
    for _ in range(runs):
        parts = []
        for n in (4000, 9000):
            canary = rng.binomial(n, 0.05)
            both = rng.binomial(canary, 0.4 * 1.3)
            parts.append(stratum(n, canary, both + rng.binomial(n - canary, 0.4), both))
        interval = overlap.ratio_interval(parts)
        hits += interval.low <= ratio - 1 <= interval.high
    assert hits / runs == pytest.approx(0.95, abs=0.02)


def test_ratio_interval_of_few_and_of_no_units():
    subset = overlap.ratio_interval([stratum(1000, 20, 500, 20)])
    exact = stats.binomtest(20, 20).proportion_ci(method="exact")
    assert (subset.low, subset.high) == pytest.approx((exact.low / 0.5 - 1, 1.0))
    none = overlap.ratio_interval([stratum(1000, 20, 500, 0)] * 2)
    assert none.low == -1
    assert none.high == pytest.approx(stats.chi2.isf(0.025, 2) / 2 / 20 - 1)
    assert overlap.ratio_interval([stratum(1000, 0, 500, 0)]) is None
    assert overlap.ratio_interval([]) is None
    disjoint = overlap.ratio_interval([stratum(100_000, 5000, 50_000, 0)])
    assert disjoint.high < -0.99


def broken(rng, units, canary_share, shares, runs=40_000, tolerance=0.1):
    """How often the whole rule is broken by independent splits."""
    e = np.array(shares)
    cells = rng.multinomial(units, np.concatenate([canary_share * e, (1 - canary_share) * e]), runs)
    both = cells[:, : len(e)]
    arms = both + cells[:, len(e) :]
    independent = both * units / np.maximum(1, both.sum(axis=1, keepdims=True) * arms) - 1
    worst = np.maximum(np.abs(both / (units * canary_share * e) - 1), np.abs(independent))
    return np.mean((worst > tolerance + 1e-12).any(axis=1))


@pytest.mark.parametrize(
    ("units", "canary_share", "shares", "slack"),
    [
        (1000, 0.05, (0.5, 0.5), 0.03),
        (10_000, 0.05, (0.5, 0.5), 0.03),
        (5000, 0.05, (0.9, 0.1), 0.03),
        (10_000, 0.1, (0.25,) * 4, 0.03),
        (5000, 0.2, (1 / 3,) * 3, 0.03),
        (2000, 0.05, (0.5, 0.5), 0.06),  # 10 % of 50 is a whole number: ties
        (20_000, 0.01, (0.5, 0.5), 0.06),
    ],
)
def test_chance_of_false_alarm_is_what_splits_give(units, canary_share, shares, slack):
    arms = [[stratum(units, 0, 0, 0, canary_share, e)] for e in shares]
    seen = broken(np.random.default_rng(47), units, canary_share, shares)
    assert overlap.chance_of_false_alarm(arms, tolerance=0.1) == pytest.approx(seen, abs=slack)


def test_the_designs_chances():
    for units, chance in ((1000, 0.86), (10_000, 0.21)):
        arms = [[stratum(units, 0, 0, 0)]] * 2
        assert overlap.chance_of_false_alarm(arms, tolerance=0.1) == pytest.approx(chance, abs=0.03)


def test_chance_over_strata_by_simulation():
    rng = np.random.default_rng(48)
    steps, runs = [(6000, 0.02, 0.3), (3000, 0.1, 0.5)], 20_000
    both, expected, margin = np.zeros((2, runs)), np.zeros((2, 1)), np.zeros((2, runs))
    for n, c, e in steps:
        shares = np.array([e, 1 - e])
        cells = rng.multinomial(n, np.concatenate([c * shares, (1 - c) * shares]), runs)
        both += cells[:, :2].T
        expected += n * c * shares[:, None]
        margin += (cells[:, :2].sum(axis=1)[:, None] * (cells[:, :2] + cells[:, 2:]) / n).T
    worst = np.maximum(np.abs(both / expected - 1), np.abs(both / margin - 1)).max(axis=0)
    arms = [
        [stratum(n, 0, 0, 0, c, share) for n, c, share in rows]
        for rows in (steps, [(n, c, 1 - e) for n, c, e in steps])
    ]
    assert overlap.chance_of_false_alarm(arms, tolerance=0.1) == pytest.approx(np.mean(worst > 0.1), abs=0.03)


def test_units_needed_is_the_inverse():
    shares = (0.5, 0.3, 0.2)
    arms = [[stratum(500, 0, 0, 0, 0.05, e), stratum(1500, 0, 0, 0, 0.1, e)] for e in shares]
    units = overlap.units_needed(arms, tolerance=0.1)
    for factor, below in ((1.0, True), (0.98, False)):
        scaled = [
            [stratum(units * factor * part, 0, 0, 0, c, e) for part, c in ((0.25, 0.05), (0.75, 0.1))] for e in shares
        ]
        chance = overlap.chance_of_false_alarm(scaled, tolerance=0.1)
        assert (chance <= 0.0502) is below
        assert chance == pytest.approx(0.05, abs=0.004)
    assert overlap.units_needed(arms, tolerance=0.1, chance=0.2) < units
    half = [[stratum(10_000, 0, 0, 0)]] * 2
    seen = broken(np.random.default_rng(49), overlap.units_needed(half, tolerance=0.1), 0.05, (0.5, 0.5))
    assert seen == pytest.approx(0.05, abs=0.006)


def test_chances_where_nothing_is_expected():
    assert math.isnan(overlap.chance_of_false_alarm([], tolerance=0.1))
    assert math.isnan(overlap.chance_of_false_alarm([[stratum(0, 0, 0, 0)]], tolerance=0.1))
    assert overlap.units_needed([[stratum(100, 0, 0, 0, 0.0, 0.5)]], tolerance=0.1) is None
    assert overlap.units_needed([], tolerance=0.1) is None
    assert overlap.units_needed([[stratum(100, 0, 0, 0)]], tolerance=0.0) is None
    huge = [[stratum(10**9, 0, 0, 0)]] * 2
    assert 0 <= overlap.chance_of_false_alarm(huge, tolerance=0.1) < 1e-100


@given(st.floats(0.01, 0.99), st.integers(0, 500), st.integers(0, 500))
def test_subset_chance_is_the_binomial_tail(share, canary, inside):
    inside = min(inside, canary)
    oracle = stats.binom.sf(inside - 1, canary, share)
    assert overlap.subset_chance(share, canary, inside) == pytest.approx(oracle, rel=1e-9, abs=1e-300)


def test_subsets_of_the_design():
    """e^k < 0.001 from 10 users at 50 %, 66 at 90 %, 135 at 95 %."""
    for share, users in ((0.5, 10), (0.9, 66), (0.95, 135)):
        assert overlap.subset_chance(share, users, users) < 0.001
        assert overlap.subset_chance(share, users - 1, users - 1) >= 0.001
