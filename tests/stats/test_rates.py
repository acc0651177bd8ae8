"""Rates against SciPy and statsmodels, published numbers, and error rates by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import contingency

from coordinator.model import Counts
from coordinator.stats import distributions, intervals, proportions

NAN = math.nan

# R's UCBAdmissions: (admitted, applied) of men and of women, departments A to F.
UCB = [
    (Counts(512, 825), Counts(89, 108)),
    (Counts(353, 560), Counts(17, 25)),
    (Counts(120, 325), Counts(202, 593)),
    (Counts(138, 417), Counts(131, 375)),
    (Counts(53, 191), Counts(94, 393)),
    (Counts(22, 373), Counts(24, 341)),
]


@st.composite
def counts(draw, most=2000):
    trials = draw(st.integers(1, most))
    return Counts(draw(st.integers(0, trials)), trials)


def table(t, c):
    return [[t.events, t.trials - t.events], [c.events, c.trials - c.events]]


@settings(max_examples=200, deadline=None)
@given(counts(200), counts(400))
def test_fisher_is_scipys(t, c):
    assert proportions.fisher_exact(t, c) == pytest.approx(stats.fisher_exact(table(t, c)).pvalue, rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(counts(), counts())
def test_chi_square_is_scipys(t, c):
    events = t.events + c.events
    if 0 < events < t.trials + c.trials:
        expected = stats.chi2_contingency(table(t, c), correction=False)
        assert proportions.chi_square(t, c) == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)
        assert proportions.smallest_expected(t, c) == pytest.approx(expected.expected_freq.min())
    else:
        assert proportions.chi_square(t, c) == 1


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 300), st.integers(1, 300), st.floats(0.001, 0.999))
def test_exact_binomial_is_scipys(k, n, p):
    k = min(k, n)
    assert distributions.binomial_p(k, n, p) == pytest.approx(stats.binomtest(k, n, p).pvalue, rel=1e-9)


def test_exact_binomial_keeps_ties():
    for n in (2, 10, 101, 4000):
        for k in (0, 1, n // 4, n // 2, n):
            assert distributions.binomial_p(k, n, 0.5) == pytest.approx(stats.binomtest(k, n, 0.5).pvalue, rel=1e-9)


@settings(max_examples=200, deadline=None)
@given(counts(10_000), st.sampled_from([0.8, 0.95, 0.999]))
def test_clopper_pearson_is_scipys(c, level):
    mine = intervals.clopper_pearson(c.events, c.trials, level=level)
    exact = stats.binomtest(int(c.events), int(c.trials)).proportion_ci(level, method="exact")
    assert (mine.low, mine.high) == pytest.approx((exact.low, exact.high), rel=1e-9, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(counts(), counts())
def test_katz_interval_is_scipys(t, c):
    if t.events and c.events and (t.rate < 1 or c.rate < 1):
        exact = contingency.relative_risk(int(t.events), int(t.trials), int(c.events), int(c.trials))
        low, high = exact.confidence_interval(0.95)
        mine = intervals.rate_ratio_interval(t, c)
        assert (mine.low + 1, mine.high + 1) == pytest.approx((low, high), rel=1e-9)


# Newcombe 1998 (Statistics in Medicine 17:873), table II, method 10.
@pytest.mark.parametrize(
    ("t", "c", "low", "high"),
    [
        (Counts(56, 70), Counts(48, 80), 0.0524, 0.3339),
        (Counts(9, 10), Counts(3, 10), 0.1705, 0.8090),
        (Counts(6, 7), Counts(2, 7), 0.0582, 0.8062),
        (Counts(5, 56), Counts(0, 29), -0.0381, 0.1926),
        (Counts(0, 10), Counts(0, 20), -0.1611, 0.2775),
        (Counts(0, 10), Counts(0, 10), -0.2775, 0.2775),
        (Counts(10, 10), Counts(0, 20), 0.6791, 1.0),
        (Counts(10, 10), Counts(0, 10), 0.6075, 1.0),
    ],
)
def test_newcombes_own_table(t, c, low, high):
    mine = intervals.newcombe(t, c)
    assert (mine.low, mine.high) == pytest.approx((low, high), abs=5.1e-5)


@settings(max_examples=100, deadline=None)
@given(counts(300), counts(300), st.sampled_from([1.0, 2.5, 0.05]))
def test_poisson_ratio_interval_is_where_the_exact_tails_are_alpha_half(t, c, factor):
    c = Counts(c.events, max(c.trials * factor + c.events, 1.0))
    interval = intervals.poisson_ratio_interval(t, c)
    k = t.events + c.events
    if k == 0:
        assert interval is None
        return

    def share(end):
        return (end + 1) * t.trials / ((end + 1) * t.trials + c.trials)

    if t.events:
        assert stats.binom.sf(t.events - 1, k, share(interval.low)) == pytest.approx(0.025, rel=1e-6)
    if c.events:
        assert stats.binom.cdf(t.events, k, share(interval.high)) == pytest.approx(0.025, rel=1e-6)
    assert (interval.low == -1) == (t.events == 0)
    assert (interval.high == math.inf) == (c.events == 0)


def test_the_designs_zero_baselines():
    rollback = proportions.compare_rates(Counts(5, 500), Counts(0, 9500), rare=True)
    pause = proportions.compare_rates(Counts(4, 5000), Counts(0, 5000), rare=True)
    assert rollback.p_value < 1e-6
    assert pause.p_value == pytest.approx(0.125)
    assert rollback.relative is None
    assert rollback.relative_interval.high == math.inf
    split = [(Counts(1, 1000), Counts(0, 1000)), (Counts(3, 4000), Counts(0, 4000))]
    assert proportions.compare_rates_stratified(split, rare=True).p_value == pytest.approx(0.125)
    assert proportions.compare_rates_stratified(split).p_value < 0.05  # what the exact test is for


def test_which_test_is_chosen():
    def test_of(t, c, **kwargs):
        return proportions.compare_rates(t, c, **kwargs).test

    assert test_of(Counts(10, 1000), Counts(12, 1000)) == "chi-square"
    assert test_of(Counts(10, 1000), Counts(12, 1000), rare=True) == "exact binomial"
    assert test_of(Counts(20, 1000), Counts(20, 1000), rare=True) == "chi-square"  # 20 events expected
    assert test_of(Counts(5, 100), Counts(5, 100), rare=True) == "chi-square"  # a rate of 5 %
    assert test_of(Counts(5, 100), Counts(4, 100)) == "Fisher's exact"
    assert test_of(Counts(100, 100), Counts(99, 100)) == "Fisher's exact"  # few misses


@pytest.mark.parametrize("bad", [Counts(0, 0), Counts(3, 2), Counts(-1, 5), Counts(NAN, 5), Counts(1, NAN)])
@pytest.mark.parametrize("rare", [True, False])
def test_odd_counts_give_nan_and_no_exception(bad, rare):
    for pair in ((bad, Counts(1, 5)), (Counts(1, 5), bad), (bad, bad)):
        for result in (
            proportions.compare_rates(*pair, rare=rare),
            proportions.compare_rates_stratified([pair, pair], rare=rare),
        ):
            assert math.isnan(result.p_value)
            assert result.relative is None
            assert result.relative_interval is None


@pytest.mark.parametrize("rare", [True, False])
def test_no_events_at_all_is_no_difference(rare):
    none = Counts(0, 100)
    for result in (
        proportions.compare_rates(none, none, rare=rare),
        proportions.compare_rates_stratified([(none, none), (none, none)], rare=rare),
    ):
        assert result.p_value == 1
        assert result.difference == 0
        assert result.relative is None
        assert result.relative_interval is None
        assert result.difference_interval.low < 0 < result.difference_interval.high


def test_all_events_is_no_difference_and_no_certainty():
    sure = Counts(10, 10)
    result = proportions.compare_rates(sure, sure)
    assert (result.p_value, result.relative) == (1, 0)
    assert result.relative_interval.low < 0 < result.relative_interval.high
    assert proportions.compare_rates_stratified([(sure, sure)] * 2).p_value == 1


def test_cochran_mantel_haenszel_is_statsmodels_and_rs():
    from statsmodels.stats.contingency_tables import StratifiedTable

    oracle = StratifiedTable([np.array(table(t, c)) for t, c in UCB])
    # R 4: mantelhaen.test(UCBAdmissions): 1.4269 with correction, common odds ratio 0.9047.
    assert oracle.test_null_odds(correction=True).statistic == pytest.approx(1.4269, abs=5e-5)
    assert oracle.oddsratio_pooled == pytest.approx(0.9047, abs=5e-5)
    mine = proportions.compare_rates_stratified(UCB)
    assert mine.test == "Cochran-Mantel-Haenszel"
    assert mine.p_value == pytest.approx(oracle.test_null_odds().pvalue, rel=1e-9)
    assert mine.relative == pytest.approx(oracle.riskratio_pooled - 1, rel=1e-9)


def test_stratified_intervals_of_one_split_stratum_are_those_of_the_whole():
    """Strata with equal rates and shares: Greenland-Robins and Sato come near Katz and Wald of the sums."""
    t, c = Counts(300, 5000), Counts(480, 10_000)
    parts = [(Counts(30, 500), Counts(48, 1000))] * 10
    whole = proportions.compare_rates(t, c)
    mine = proportions.compare_rates_stratified(parts)
    katz = whole.relative_interval
    assert mine.difference == pytest.approx(whole.difference)
    assert mine.relative == pytest.approx(whole.relative)
    assert (mine.relative_interval.low, mine.relative_interval.high) == pytest.approx((katz.low, katz.high), rel=0.01)
    wald = 1.959964 * math.sqrt(0.06 * 0.94 / 5000 + 0.048 * 0.952 / 10_000)
    assert mine.difference_interval.high - mine.difference == pytest.approx(wald, rel=0.01)


def test_stratified_intervals_cover():
    rng = np.random.default_rng(7)
    n, m, base = np.array([200, 400, 900]), np.array([3800, 1600, 900]), np.array([0.05, 0.1, 0.2])
    effect, runs, hit_ratio = 1.3, 1500, 0
    a, b = rng.binomial(n, base * effect, (runs, 3)), rng.binomial(m, base, (runs, 3))
    for x, y in zip(a, b, strict=True):
        pairs = [(Counts(*i), Counts(*j)) for i, j in zip(zip(x, n, strict=True), zip(y, m, strict=True), strict=True)]
        ratio = proportions.compare_rates_stratified(pairs).relative_interval
        hit_ratio += ratio.low <= effect - 1 <= ratio.high
    difference_hits = 0
    b = rng.binomial(m, base, (runs, 3))
    a = rng.binomial(n, base + 0.03, (runs, 3))
    for x, y in zip(a, b, strict=True):
        pairs = [(Counts(*i), Counts(*j)) for i, j in zip(zip(x, n, strict=True), zip(y, m, strict=True), strict=True)]
        interval = proportions.compare_rates_stratified(pairs).difference_interval
        difference_hits += interval.low <= 0.03 <= interval.high
    assert hit_ratio / runs == pytest.approx(0.95, abs=0.02)
    assert difference_hits / runs == pytest.approx(0.95, abs=0.02)


def test_a_ramp_does_not_fake_a_difference():
    """Kohavi's Friday and Saturday: pooled the sign turns; within days it does not."""
    days = [(Counts(230, 10_000), Counts(20_000, 990_000)), (Counts(6000, 500_000), Counts(5000, 500_000))]
    pooled_t, pooled_c = days[0][0] + days[1][0], days[0][1] + days[1][1]
    assert proportions.compare_rates(pooled_t, pooled_c).difference < 0
    assert proportions.compare_rates_stratified(days).difference > 0
    assert proportions.compare_rates_stratified(days).relative > 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=2, max_size=4))
def test_stratified_exact_with_one_share_is_the_binomial_of_the_totals(events):
    pairs = [(Counts(a, 500), Counts(b, 1500)) for a, b in events]
    t, c = Counts(sum(a for a, _ in events), 500), Counts(sum(b for _, b in events), 1500)
    mine = proportions.compare_rates_stratified(pairs, rare=True)
    assert mine.test == "exact binomial"
    assert mine.p_value == pytest.approx(
        stats.binomtest(t.events, max(1, t.events + c.events), 0.25).pvalue if t.events + c.events else 1
    )
    whole = intervals.poisson_ratio_interval(t, c)
    if whole is None:
        assert mine.relative_interval is None
    else:
        ends = (mine.relative_interval.low, mine.relative_interval.high)
        assert ends == pytest.approx((whole.low, whole.high), rel=1e-6, abs=1e-9)


def test_stratified_exact_with_several_shares_by_enumeration():
    pairs = [(Counts(2, 100), Counts(1, 900)), (Counts(1, 500), Counts(2, 500))]
    mass: dict[int, float] = {}
    for x in range(4):
        for y in range(4):
            mass[x + y] = mass.get(x + y, 0) + stats.binom.pmf(x, 3, 0.1) * stats.binom.pmf(y, 3, 0.5)
    expected = sum(p for p in mass.values() if p <= mass[3] * (1 + 1e-7))
    assert proportions.compare_rates_stratified(pairs, rare=True).p_value == pytest.approx(expected)


def test_false_alarms_are_about_alpha():
    rng = np.random.default_rng(11)
    t, c = rng.binomial(500, 0.1, 4000), rng.binomial(9500, 0.1, 4000)
    p = [proportions.chi_square(Counts(a, 500), Counts(b, 9500)) for a, b in zip(t, c, strict=True)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.012)
    t, c = rng.poisson(4, 4000), rng.poisson(76, 4000)
    worse = [
        proportions.conditional_binomial(Counts(a, 4000), Counts(b, 76_000)) < 0.05 and a > 4
        for a, b in zip(t, c, strict=True)
    ]
    assert np.mean(worse) <= 0.03  # one-sided 2.5 %, two-sided by likelihood


def test_large_counts_are_quick_and_finite():
    result = proportions.compare_rates(Counts(3, 10**9), Counts(1, 10**9))
    assert result.test == "Fisher's exact"
    assert result.p_value == pytest.approx(0.625, rel=1e-6)
    assert proportions.fisher_exact(Counts(500_000, 10**6), Counts(500_700, 10**6)) == pytest.approx(
        proportions.chi_square(Counts(500_000, 10**6), Counts(500_700, 10**6)), rel=0.01
    )
