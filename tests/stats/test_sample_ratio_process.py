"""The always-valid sample-ratio test: SciPy, exact small cases, error rates over 30 looks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.stats import sample_ratio_process as module
from coordinator.stats.sample_ratio_process import sequential_sample_ratio

NAN, INF = math.nan, math.inf


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 20)), min_size=2, max_size=4))
def test_against_scipy(groups):
    observed, shares = [o for o, _ in groups], np.array([s for _, s in groups]) / sum(s for _, s in groups)
    if not sum(observed):
        return
    n = sum(observed)
    null = stats.multinomial.logpmf(observed, n, shares)
    logs = [stats.dirichlet_multinomial.logpmf(observed, w * shares, n) - null for w in module._WEIGHTS]
    expected = min(1.0, math.exp(-np.logaddexp(*logs) + math.log(2)))
    assert sequential_sample_ratio(observed, shares.tolist()) == pytest.approx(expected, rel=1e-5, abs=1e-300)


@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.1, 0.9], [0.2, 0.3, 0.5]])
def test_the_mean_e_value_is_one(shares):
    n, mean = 7, 0.0
    for observed in itertools.product(range(n + 1), repeat=len(shares)):
        if sum(observed) == n:
            logs = [module._log_e(np.array(observed, float), np.array(shares), w) for w in module._WEIGHTS]
            mean += stats.multinomial.pmf(observed, n, shares) * sum(math.exp(v) for v in logs) / 2
    assert mean == pytest.approx(1.0, rel=1e-9)


def test_order_of_the_groups_and_scale_of_the_shares_do_not_matter():
    p_value = sequential_sample_ratio([700, 5300, 4200], [0.05, 0.55, 0.4])
    assert sequential_sample_ratio([4200, 700, 5300], [40, 5, 55]) == pytest.approx(p_value)


def test_odd_input():
    for observed, shares in [
        ([], []),
        ([0, 0], [0.5, 0.5]),
        ([1, NAN], [0.5, 0.5]),
        ([1, -1], [0.5, 0.5]),
        ([1, INF], [0.5, 0.5]),
        ([1, 2], [0, 0]),
        ([1, 2], [0.5]),
        ([1e308, 1e308], [0.5, 0.5]),
    ]:
        assert math.isnan(sequential_sample_ratio(observed, shares))
    assert sequential_sample_ratio([5], [1]) == 1.0
    assert sequential_sample_ratio([5, 0], [1, 0]) == 1.0
    assert sequential_sample_ratio([5, 1], [1, 0]) == 0.0
    assert sequential_sample_ratio([5, 1], [1e300, 5e-324]) == 0.0
    assert sequential_sample_ratio([0, 30], [0.5, 0.5]) < 0.2
    assert sequential_sample_ratio([5e8, 5e8], [0.5, 0.5]) == 1.0


def ever_below(seed, *, share, true, units, runs, alpha, looks=30):
    rng = np.random.default_rng(seed)
    sides = np.cumsum(rng.binomial(units // looks, true, (runs, looks)), axis=1)
    totals = np.arange(1, looks + 1) * (units // looks)
    p = [
        [sequential_sample_ratio([a, n - a], [share, 1 - share]) for a, n in zip(row, totals, strict=True)]
        for row in sides
    ]
    return float(np.mean(np.min(p, axis=1) <= alpha))


@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.parametrize("units", [300, 30_000])
def test_thirty_looks_without_mismatch(share, units):
    assert ever_below(1, share=share, true=share, units=units, runs=200, alpha=0.05) <= 0.05


def test_finds_a_mismatch():
    assert ever_below(2, share=0.05, true=0.06, units=30_000, runs=100, alpha=0.001) >= 0.9
    assert ever_below(3, share=0.5, true=0.7, units=600, runs=100, alpha=0.001) >= 0.9
