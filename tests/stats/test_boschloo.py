"""Boschloo's test against SciPy, its own definition, and its size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.model import Counts
from coordinator.stats.boschloo import boschloo

NAN = math.nan


@st.composite
def counts(draw, most):
    trials = draw(st.integers(1, most))
    return Counts(draw(st.integers(0, trials)), trials)


@settings(max_examples=30, deadline=None)
@given(counts(40), counts(40))
def test_against_scipy(t, c):
    table = [[t.events, c.events], [t.trials - t.events, c.trials - c.events]]
    expected = stats.boschloo_exact(table, n=128).pvalue
    p_value = boschloo(t, c)
    if math.isnan(expected):  # no event, or events alone
        assert p_value == 1.0
    else:
        assert p_value == pytest.approx(expected, rel=1e-5)


def test_scipys_documented_example():
    assert boschloo(Counts(7, 18), Counts(12, 15)) == pytest.approx(
        stats.boschloo_exact([[7, 12], [11, 3]], n=256).pvalue, rel=1e-8
    )


@settings(max_examples=30, deadline=None)
@given(counts(60), counts(60))
def test_symmetries_and_fishers_bound(t, c):
    p_value = boschloo(t, c)
    assert boschloo(c, t) == pytest.approx(p_value, rel=1e-6)
    misses = Counts(t.trials - t.events, t.trials), Counts(c.trials - c.events, c.trials)
    assert boschloo(*misses) == pytest.approx(p_value, rel=1e-6)
    table = [[t.events, t.trials - t.events], [c.events, c.trials - c.events]]
    fisher = min(stats.fisher_exact(table, alternative=side).pvalue for side in ("less", "greater"))
    assert p_value <= min(1.0, 2 * fisher) * (1 + 1e-6)


@pytest.mark.parametrize(("n_t", "n_c"), [(6, 9), (4, 20)])
def test_its_size_is_at_most_alpha_at_every_rate(n_t, n_c):
    p = np.array([[boschloo(Counts(a, n_t), Counts(b, n_c)) for b in range(n_c + 1)] for a in range(n_t + 1)])
    for rate in np.linspace(0.01, 0.99, 33):
        chance = np.outer(stats.binom.pmf(range(n_t + 1), n_t, rate), stats.binom.pmf(range(n_c + 1), n_c, rate))
        for alpha in (0.01, 0.05, 0.2):
            assert chance[p <= alpha].sum() <= alpha


def test_unequal_sides_of_a_canary():
    assert boschloo(Counts(4, 80), Counts(12, 1520)) == pytest.approx(
        stats.boschloo_exact([[4, 12], [76, 1508]], n=32).pvalue, rel=1e-4
    )


def test_odd_input():
    good = Counts(1, 10)
    for odd in (Counts(0, 0), Counts(NAN, 10), Counts(1, NAN), Counts(-1, 10), Counts(11, 10), Counts(1, math.inf)):
        assert math.isnan(boschloo(odd, good))
        assert math.isnan(boschloo(good, odd))
    assert boschloo(Counts(0, 10), Counts(0, 20)) == 1.0
    assert boschloo(Counts(10, 10), Counts(20, 20)) == 1.0
    assert math.isnan(boschloo(Counts(5, 10**4), Counts(5, 10**4)))  # too many tables
    assert math.isnan(boschloo(Counts(0, 1), Counts(5, 10**5)))
