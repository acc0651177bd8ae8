"""The log-histogram: its error bound, merging, order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.model import Histogram
from coordinator.stats.log_histogram import BINS, bin_of, merge, quantile_from_bins, value_of
from coordinator.stats.quantiles import quantile

NAN, INF = math.nan, math.inf
VALUES = st.floats(allow_nan=False, allow_infinity=False)
SCALES = st.sampled_from([1e-9, 1e-6, 1.0, 1000.0])
HISTOGRAMS = st.dictionaries(st.integers(-50_000, 50_000), st.integers(1, 9), max_size=20)


@settings(max_examples=400)
@given(VALUES, SCALES)
def test_error_bound(x, scale):
    value = value_of(bin_of(x, scale), scale)
    if abs(x) < scale:
        assert abs(value - x) <= scale / 2047
    else:
        bound = (1 + scale / abs(x)) / 4096
        assert abs(value / x - 1) <= bound * (1 + 1e-3)


@settings(max_examples=300)
@given(st.floats(1e-3, 1e6), st.sampled_from([1, -1]))
def test_a_4096th_far_above_the_scale(x, sign):
    assert value_of(bin_of(sign * x, 1e-6), 1e-6) == pytest.approx(sign * x, rel=1.002 / 4096)


@given(VALUES, VALUES, SCALES)
def test_bins_and_values_keep_the_order(x, y, scale):
    x, y = sorted((x, y))
    assert bin_of(x, scale) <= bin_of(y, scale)
    assert value_of(bin_of(x, scale), scale) <= value_of(bin_of(y, scale), scale)


@given(VALUES, SCALES)
def test_signs_mirror_and_the_value_lies_in_its_bin(x, scale):
    assert bin_of(-x, scale) == -bin_of(x, scale)
    assert value_of(-bin_of(x, scale), scale) == -value_of(bin_of(x, scale), scale)
    assert bin_of(value_of(bin_of(x, scale), scale), scale) == bin_of(x, scale)


@given(st.floats(-1e6, 1e6))
def test_the_formula_of_the_engine(x):
    expected = math.copysign(math.floor(math.log(abs(x) / 1e-6 + 1) * BINS), x)
    assert abs(bin_of(x) - expected) <= 1  # log1p is exact near 0, where log(1 + y) is not


@settings(max_examples=50)
@given(HISTOGRAMS, HISTOGRAMS, HISTOGRAMS)
def test_merging_is_associative_and_commutes(a, b, c):
    assert merge(merge(a, b), c) == merge(a, merge(b, c)) == merge(c, a, b)
    assert list(merge(a, b)) == sorted({*a, *b})
    assert merge(a, {}) == a
    assert sum(merge(a, b).values()) == sum(a.values()) + sum(b.values())


@settings(max_examples=100)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.integers(0, 60), st.floats(0, 1))
def test_quantiles_of_shards_are_those_of_the_samples(samples, cut, q):
    def histogram(part):
        return merge(*({bin_of(x): 1} for x in part))

    merged = merge(histogram(samples[:cut]), histogram(samples[cut:]))
    exact = quantile(Histogram.of(samples), q)
    assert quantile_from_bins(merged, q) == value_of(bin_of(exact))  # binning keeps the order: no error but the bin's


@given(HISTOGRAMS.filter(bool), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_rise(bins, q, r):
    q, r = sorted((q, r))
    assert quantile_from_bins(bins, q) <= quantile_from_bins(bins, r)


def test_a_million_seconds_of_latency():
    x = np.random.default_rng(1).lognormal(-1, 1, 20_000)
    bins = merge(*({bin_of(v): 1} for v in x.tolist()))
    for q in (0.5, 0.95, 0.99):
        assert quantile_from_bins(bins, q) == pytest.approx(
            float(np.quantile(x, q, method="inverted_cdf")), rel=1 / 4095
        )


def test_odd_input():
    for x in (NAN, INF, -INF):
        assert bin_of(x) is None
    for scale in (NAN, 0.0, -1.0, INF):
        assert bin_of(1.0, scale) is None
        assert math.isnan(value_of(5, scale))
    assert math.isnan(quantile_from_bins({}, 0.5))
    assert math.isnan(quantile_from_bins({1: 0}, 0.5))
    assert math.isnan(quantile_from_bins({1: 1}, NAN))
    assert math.isnan(quantile_from_bins({1: 1}, 1.5))
    assert value_of(10**9) == 1.7976931348623157e308
    assert bin_of(1.7976931348623157e308, 5e-324) > 0
