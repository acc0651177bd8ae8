"""The shift of two samples against R, Kayenta's vectors, and the inversion of scipy's test by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.stats.hodges_lehmann import MOST_PAIRS, hodges_lehmann, shift_z

# R's help page of wilcox.test: permeability of the placenta (Hollander & Wolfe 1973, p. 69).
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]
# R's data set airquality, ozone in May and August; the same page, W = 127.5, p = 0.0001208.
MAY = [41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37]
AUGUST = [39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84, 85]
# Kayenta's MannWhitneySuite.scala, "Tie out with R Version" and "(Large)": value -> how often it is there.
CANARY = {1.5: 9, 2.0: 16, 2.5: 22, 3.0: 17, 3.5: 9, 4.0: 5, 4.5: 1, 5.0: 3, 5.5: 1, 6.0: 2, 6.5: 2, 7.0: 1, 7.5: 1}
CANARY |= {16.5: 1}
BASELINE = {1.5: 2, 2.0: 16, 2.5: 18, 3.0: 16, 3.5: 10, 4.0: 8, 4.5: 4, 5.0: 6, 5.5: 2, 6.0: 5, 8.0: 1, 15.5: 1}
BASELINE |= {54.5: 1}
LARGE_CANARY = {0.5: 20, 1.0: 41, 1.5: 67, 2.0: 37, 2.5: 3, 3.0: 2, 3.5: 3, 4.0: 1, 5.0: 1, 5.5: 3, 8.5: 1, 19.0: 1}
LARGE_BASELINE = {0.0: 1, 0.5: 7, 1.0: 32, 1.5: 70, 2.0: 33, 2.5: 22, 3.0: 6, 3.5: 2, 4.0: 3, 4.5: 1, 5.5: 1, 7.0: 1}
LARGE_BASELINE |= {7.5: 1}


def values(counts):
    return [value for value, count in counts.items() for _ in range(count)]


def by_brute_force(x, y, level):
    """Every shift, between two neighbouring differences, that scipy's test does not reject."""
    cuts = np.unique(np.subtract.outer(x, y))
    middles = (cuts[1:] + cuts[:-1]) / 2
    kept = [
        stats.mannwhitneyu(np.subtract(x, d), y, use_continuity=True, method="asymptotic").pvalue > 1 - level
        for d in middles
    ]
    first, last = kept.index(True), len(kept) - 1 - kept[::-1].index(True)
    return cuts[first], cuts[last + 1]


@pytest.mark.parametrize(
    ("x", "y", "level", "estimate", "low", "high"),
    [
        (TERM, EARLY, 0.95, 0.305, -0.15, 0.76),
        (MAY, AUGUST, 0.95, -32, -53, -15),
        ([10, 20, 30, 40], [1, 2, 3, 4], 0.95, 22.5, 6, 39),  # Kayenta's MannWhitneySuite, first version
    ],
)
def test_it_gives_the_published_figures_of_r(x, y, level, estimate, low, high):
    found, interval = hodges_lehmann(x, y, level=level)
    assert found == pytest.approx(estimate)
    assert (interval.low, interval.high, interval.level) == (pytest.approx(low), pytest.approx(high), level)


@pytest.mark.parametrize(
    ("x", "y", "level", "r"),
    [
        (CANARY, BASELINE, 0.95, (-0.4999393907180323, -0.500002521696696, -3.486287505871302e-5)),
        (LARGE_CANARY, LARGE_BASELINE, 0.98, (-3.45044082729315e-5, -0.4999173250549087, -6.912685789769486e-6)),
    ],
)
def test_with_many_ties_it_is_r_up_to_the_tolerance_of_r(x, y, level, r):
    estimate, interval = hodges_lehmann(values(x), values(y), level=level)
    assert (estimate, interval.low, interval.high) == pytest.approx(r, abs=1e-4)


@settings(max_examples=20000, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.8, 0.95, 0.98]), st.sampled_from([0, 1, 6]))
def test_the_interval_holds_the_shifts_that_scipy_does_not_reject(seed, level, decimals):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(10, 2, rng.integers(9, 25)), decimals)
    y = np.round(rng.normal(10.5, 3, rng.integers(9, 25)), decimals)
    _, interval = hodges_lehmann(x, y, level=level)
    assert (interval.low, interval.high) == pytest.approx(by_brute_force(x, y, level))


@settings(max_examples=20000, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 6]))
def test_the_deviate_is_that_of_scipy(seed, decimals):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(0, 1, rng.integers(2, 40)), decimals)
    y = np.round(rng.normal(0.3, 1, rng.integers(2, 40)), decimals)
    oracle = stats.mannwhitneyu(x, y, use_continuity=True, method="asymptotic")
    z = shift_z(x, y)
    assert 2 * stats.norm.sf(abs(z)) == pytest.approx(min(oracle.pvalue, 1.0), rel=1e-9)
    assert z * (oracle.statistic - x.size * y.size / 2) >= 0


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6), st.floats(-100, 100))
def test_swap_scale_and_shift_do_what_they_should(seed, scale, shift):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(3, 1, 12), rng.normal(2, 1, 15)
    estimate, interval = hodges_lehmann(x, y)
    swapped, other = hodges_lehmann(y, x)
    assert (swapped, other.low, other.high) == pytest.approx((-estimate, -interval.high, -interval.low))
    moved, wide = hodges_lehmann(x * scale + shift, y * scale)
    wanted = (estimate * scale + shift, interval.low * scale + shift, interval.high * scale + shift)
    assert (moved, wide.low, wide.high) == pytest.approx(wanted, rel=1e-6, abs=1e-9 * scale + 1e-9)
    assert shift_z(y, x) == pytest.approx(-shift_z(x, y))


def test_small_figures_are_as_exact_as_large_ones():
    x, y = np.array(TERM) * 1e-9, np.array(EARLY) * 1e-9
    estimate, interval = hodges_lehmann(x, y, level=0.95)
    assert (estimate, interval.low, interval.high) == pytest.approx((0.305e-9, -0.15e-9, 0.76e-9), rel=1e-9, abs=0)


def test_the_interval_covers_the_shift_as_often_as_it_says():
    rng = np.random.default_rng(31)
    hits = 0
    for _ in range(2_000):
        _, interval = hodges_lehmann(rng.exponential(1, 20) + 0.7, rng.exponential(1, 30), level=0.9)
        hits += interval.low <= 0.7 <= interval.high
    assert hits / 2_000 == pytest.approx(0.9, abs=0.025)


def test_too_few_values_give_an_estimate_and_an_endless_interval():
    estimate, interval = hodges_lehmann([3.0, 5.0], [1.0])
    assert estimate == 3
    assert (interval.low, interval.high) == (-math.inf, math.inf)


def test_equal_values_give_no_shift_and_constants_their_difference():
    assert hodges_lehmann([1.0] * 9, [1.0] * 12)[0] == 0
    assert shift_z([1.0] * 9, [1.0] * 12) == 0
    estimate, interval = hodges_lehmann([10.0] * 9, [1.0] * 9)
    assert (estimate, interval.low, interval.high) == (9, 9, 9)
    assert shift_z([10.0] * 9, [1.0] * 9) > 4


def test_the_most_pairs_are_used_and_more_are_refused():
    side = math.isqrt(MOST_PAIRS)
    x = np.arange(side, dtype=float)
    assert hodges_lehmann(x + 5, x)[0] == 5
    with pytest.raises(ValueError, match=r"1,001 x 1,000 values, expected at most 1,000,000 pairs"):
        hodges_lehmann([*x, 1.0], x)


@pytest.mark.parametrize(
    ("x", "y", "level", "words"),
    [
        ([], [1.0], 0.98, "no treated value"),
        ([1.0], [], 0.98, "no control value"),
        ([1.0, math.nan], [1.0], 0.98, "treated value that is not finite"),
        ([1.0], [math.inf], 0.98, "control value that is not finite"),
        ([1.0], [1.0], 1.0, "level 1"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(x, y, level, words):
    with pytest.raises(ValueError, match=words):
        hodges_lehmann(x, y, level=level)
