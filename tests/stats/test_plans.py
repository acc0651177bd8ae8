"""Multiplicity, power, sample ratios and anytime-valid p-values against published numbers and oracles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.stats import multiplicity, power, sample_ratio, sequential

# Benjamini & Hochberg 1995, section 4.1: 15 p-values; at 5 % Bonferroni rejects 3 and their procedure 4.
BH_1995 = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459,
    0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip
METHODS = {"fdr_bh": "fdr_bh", "holm": "holm", "bonferroni": "bonferroni"}


def test_benjamini_and_hochbergs_example():
    assert sum(p <= 0.05 for p in multiplicity.adjust(BH_1995, "fdr_bh")) == 4
    assert sum(p <= 0.05 for p in multiplicity.adjust(BH_1995, "bonferroni")) == 3
    assert sum(p <= 0.05 for p in multiplicity.adjust(BH_1995, "holm")) == 3
    assert multiplicity.adjust(BH_1995, "fdr_bh")[3] == pytest.approx(0.0095 * 15 / 4)


def test_adjust_is_statsmodels():
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(31)
    for n in (1, 2, 5, 40):
        for _ in range(20):
            p = np.round(rng.uniform(size=n) ** 3, 3)
            for mine, theirs in METHODS.items():
                assert multiplicity.adjust(list(p), mine) == pytest.approx(multipletests(p, method=theirs)[1])


@given(st.lists(st.floats(0, 1), max_size=8), st.sampled_from(["fdr_bh", "bonferroni", "holm", "none"]))
def test_nan_does_not_count(p, method):
    with_nan = [v for value in p for v in (math.nan, value)]
    adjusted = multiplicity.adjust(with_nan, method)
    assert adjusted[1::2] == multiplicity.adjust(p, method)
    assert all(math.isnan(v) for v in adjusted[::2])
    assert all(a >= b for a, b in zip(adjusted[1::2], p, strict=True))


def test_an_unknown_correction_is_an_error():
    with pytest.raises(ValueError, match="sidak"):
        multiplicity.adjust([0.5], "sidak")


def test_power_is_statsmodels():
    from statsmodels.stats.power import normal_power_het

    rng = np.random.default_rng(32)
    for _ in range(50):
        c, t = rng.uniform(0.02, 0.9, 2)
        n, m = (int(v) for v in rng.integers(20, 5000, 2))
        pooled = (c * m + t * n) / (m + n)
        null = pooled * (1 - pooled) * (1 / n + 1 / m)
        se = c * (1 - c) / m + t * (1 - t) / n
        oracle = normal_power_het(t - c, 1, 0.05, std_null=math.sqrt(null), std_alternative=math.sqrt(se))
        assert power.power_rates(c, t, m, n) == pytest.approx(oracle, abs=1e-9)
        oracle = normal_power_het(t - c, 1, 0.05, std_null=math.sqrt(1 / n + 2 / m))
        assert power.power_means(t - c, 2.0, 1.0, m, n) == pytest.approx(oracle, abs=1e-9)


@settings(max_examples=100)
@given(
    st.floats(0.001, 0.9),
    st.floats(0.001, 0.9),
    st.sampled_from([0.05, 0.001]),
    st.sampled_from([0.5, 0.8, 0.99]),
    st.sampled_from([1.0, 19.0, 0.2]),
)
def test_required_n_is_the_inverse_of_power(c, t, alpha, wanted, ratio):
    if abs(c - t) > 1e-3:
        n = power.required_n_rates(c, t, alpha=alpha, power=wanted, ratio=ratio)
        if n > 20:
            assert power.power_rates(c, t, n * ratio, n, alpha=alpha) >= wanted - 1e-9
            assert power.power_rates(c, t, (n - 1) * ratio, n - 1, alpha=alpha) < wanted + 1e-5
        n = power.required_n_means(t - c, 2.0, alpha=alpha, power=wanted, ratio=ratio)
        if n > 20:
            assert power.power_means(t - c, 2.0, 2.0, n * ratio, n, alpha=alpha) >= wanted - 1e-9
            assert power.power_means(t - c, 2.0, 2.0, (n - 1) * ratio, n - 1, alpha=alpha) < wanted + 1e-5


def test_cohens_table_of_sample_sizes():
    """Cohen 1988, table 2.4.1 (alpha 0.05 two-sided, power 0.80): d 0.2: 393; the normal form is 392.4."""
    assert power.required_n_means(0.2, 1.0) == 393
    assert power.required_n_means(-0.2, 1.0) == 393


def test_power_by_simulation():
    rng = np.random.default_rng(33)
    t, c = rng.binomial(400, 0.15, 20_000), rng.binomial(2000, 0.10, 20_000)
    rate = (t + c) / 2400
    z = (t / 400 - c / 2000) / np.sqrt(rate * (1 - rate) * (1 / 400 + 1 / 2000))
    assert power.power_rates(0.10, 0.15, 2000, 400) == pytest.approx(np.mean(np.abs(z) > 1.96), abs=0.02)


def test_what_cannot_be_planned():
    for difference in (0.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="difference"):
            power.required_n_means(difference, 1.0)
    with pytest.raises(ValueError, match="difference"):
        power.required_n_rates(0.1, 0.1)
    with pytest.raises(ValueError, match="power"):
        power.required_n_rates(0.1, 0.2, power=1.0)
    for variance in (-1.0, math.nan):
        with pytest.raises(ValueError, match="variance"):
            power.required_n_means(0.1, variance)
    assert power.required_n_means(1e-200, 1.0) == 10**15
    assert power.required_n_means(0.1, 0.0) == 1
    assert power.power_rates(0.1, 0.2, 0, 100) == 0
    assert math.isnan(power.power_rates(0.0, 0.0, 10, 10))
    assert math.isnan(power.power_means(1.0, 0.0, 0.0, 10, 10))
    assert math.isnan(power.power_rates(math.nan, 0.1, 10, 10))
    assert power.power_rates(0.0, 1.0, 10, 10) == 1


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(20, 5000), st.floats(0.2, 1)), min_size=2, max_size=5))
def test_sample_ratio_is_scipys(groups):
    observed, weights = [o for o, _ in groups], np.array([w for _, w in groups])
    expected = weights / weights.sum() * sum(observed)
    oracle = stats.chisquare(observed, expected)
    assert sample_ratio.sample_ratio(observed, list(weights)) == pytest.approx(oracle.pvalue, rel=1e-6, abs=1e-300)


def test_sample_ratio_of_small_and_odd_groups():
    assert sample_ratio.sample_ratio([3, 57], [0.01, 0.99]) == pytest.approx(stats.binomtest(3, 60, 0.01).pvalue)
    assert sample_ratio.sample_ratio([821_588, 815_482], [0.5, 0.5]) == pytest.approx(1.8e-6, rel=0.02)  # Kohavi 2020
    assert sample_ratio.sample_ratio([10, 1], [1.0, 0.0]) == 0
    assert sample_ratio.sample_ratio([10, 0], [1.0, 0.0]) == 1
    assert sample_ratio.sample_ratio([10], [1.0]) == 1
    for observed in ([0, 0], [math.nan, 1], [-1, 5]):
        assert math.isnan(sample_ratio.sample_ratio(observed, [0.5, 0.5]))
    assert math.isnan(sample_ratio.sample_ratio([], []))


def test_sample_ratio_false_alarms():
    rng = np.random.default_rng(34)
    p = [sample_ratio.sample_ratio([x, 2000 - x], [0.05, 0.95]) for x in rng.binomial(2000, 0.05, 4000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.012)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_thirty_looks_keep_the_level(alpha):
    rng = np.random.default_rng(35)
    looks = np.arange(1, 31) / 30
    z = np.cumsum(rng.normal(size=(20_000, 30)), axis=1) / np.sqrt(np.arange(1, 31))
    bound = np.array([sequential.mixture_radius(1.0, i, alpha=alpha) for i in looks])
    alarms = np.mean((np.abs(z) > bound).any(axis=1))
    assert 0.2 * alpha < alarms <= alpha
    assert np.mean((np.abs(z) > stats.norm.isf(alpha / 2)).any(axis=1)) > 3 * alpha  # what it is for


@given(st.floats(-8, 8), st.floats(0.001, 20), st.sampled_from([0.05, 0.01, 0.001]))
def test_interval_and_p_value_agree(z, information, alpha):
    p = sequential.mixture_p_value(z, information, alpha=alpha)
    radius = sequential.mixture_radius(1.0, information, alpha=alpha)
    assert 0 <= p <= 1
    assert (p < alpha) == (abs(z) > radius) or abs(abs(z) - radius) < 1e-9


def test_mixture_is_the_integral_over_effects():
    """M is the likelihood ratio averaged over effects N(0, rho^2): Robbins 1970."""
    from scipy.integrate import quad

    rho2 = -2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))
    for z, information in ((2.5, 1.0), (3.5, 0.4), (1.0, 2.0)):
        s = z * math.sqrt(information)

        def integrand(effect, s=s, information=information):
            return math.exp(effect * s - effect**2 * information / 2) * stats.norm.pdf(effect, 0, math.sqrt(rho2))

        mixture = quad(integrand, -40, 40)[0]
        assert sequential.mixture_p_value(z, information) == pytest.approx(min(1, 1 / mixture), rel=1e-6)


def test_the_bound_is_tightest_where_it_is_planned():
    here = sequential.mixture_radius(1.0, 1.0)
    widths = [sequential.mixture_radius(1.0, i) for i in (0.2, 0.5, 2.0, 5.0)]
    assert all(here < width for width in widths)
    assert here == pytest.approx(3.0, abs=0.05)
    assert sequential.mixture_radius(2.0, 1.0) == 2 * here


def test_information_that_is_none():
    for information in (0.0, -1.0, math.nan):
        assert math.isnan(sequential.mixture_p_value(3.0, information))
        assert math.isnan(sequential.mixture_radius(1.0, information))
    assert math.isnan(sequential.mixture_p_value(math.nan, 1.0))
    assert 0 <= sequential.mixture_p_value(60.0, 1.0) < 1e-300
