"""The always-valid quantile comparison: published values, a slow oracle, error rates over 30 looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.model import Histogram
from coordinator.stats import quantile_process as module
from coordinator.stats.quantile_process import quantile_process

NAN, INF = math.nan, math.inf
LOOKS = 30
SAMPLES = st.lists(st.integers(-6, 6).map(float), min_size=1, max_size=40)


def test_published_value_of_the_mixture():
    # confseq, uniform_boundaries_unittest.cpp: BetaBinomialMixture(100, 0.05, 0.2, 0.8).log_superMG(10, 100)
    assert float(module._log_e(np.array([135.0]), 625, 0.2)[0]) == pytest.approx(-0.6941012, abs=1e-6)


def test_the_mixture_against_scipy():
    a, b = module._prior(0.9)
    expected = stats.betabinom.logpmf(33, 40, a, b) - stats.binom.logpmf(33, 40, 0.9)
    assert float(module._log_e(np.array([33.0]), 40, 0.9)[0]) == pytest.approx(expected, rel=1e-9)


def evidence(samples, q, x):
    """Log e against x being the quantile: over the counts that ties leave open, the lowest."""
    below, at_most = sum(v < x for v in samples), sum(v <= x for v in samples)
    counts = np.linspace(below, at_most, 401) if at_most > below else np.array([float(below)])
    return float(module._log_e(counts, len(samples), q).min())


@settings(max_examples=60, deadline=None)
@given(SAMPLES, SAMPLES, st.sampled_from([0.3, 0.5, 0.9]))
def test_p_against_trying_every_value(monkeypatch_module, treated, control, q):
    tries = sorted({*treated, *control, *(v + 0.5 for v in (*treated, *control)), -99.0})
    slow = math.exp(-max(0.0, min(evidence(treated, q, x) + evidence(control, q, x) for x in tries)))
    p_value, _ = quantile_process(Histogram.of(treated), Histogram.of(control), q)
    assert p_value == pytest.approx(slow, rel=2e-3)


@pytest.fixture(scope="module")
def monkeypatch_module():
    """A prior of little weight, so that few samples say much."""
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "_TUNED", 4.0)
    yield
    patch.undo()


@settings(max_examples=80, deadline=None)
@given(SAMPLES, SAMPLES, st.sampled_from([0.3, 0.5, 0.9]), st.sampled_from([0.4, 0.1, 0.05]))
def test_the_interval_is_the_inversion_of_p(monkeypatch_module, treated, control, q, alpha):
    t, c = Histogram.of(treated), Histogram.of(control)
    _, interval = quantile_process(t, c, q, alpha=alpha)
    assert interval.low <= interval.high
    for shift in np.arange(-13, 13.5, 0.5).tolist():
        moved = Histogram(tuple(v - shift for v in t.values), t.counts)
        inside = quantile_process(moved, c, q, alpha=alpha)[0] > alpha
        assert inside == (interval.low <= shift <= interval.high)


@settings(max_examples=60, deadline=None)
@given(SAMPLES, SAMPLES, st.sampled_from([0.3, 0.5, 0.9]))
def test_swapped_sides_mirror(monkeypatch_module, treated, control, q):
    t, c = Histogram.of(treated), Histogram.of(control)
    p_value, interval = quantile_process(t, c, q)
    swapped, mirrored = quantile_process(c, t, q)
    assert swapped == pytest.approx(p_value)
    assert (mirrored.low, mirrored.high) == (-interval.high, -interval.low)


def test_odd_input():
    one = Histogram.of([1.0, 2.0])
    for t, c, q in [
        (Histogram((), ()), one, 0.5),
        (one, Histogram((), ()), 0.5),
        (Histogram((NAN,), (3,)), one, 0.5),
        (Histogram((1.0, INF), (3, 1)), one, 0.5),
        (Histogram((1.0, 2.0), (3, -1)), one, 0.5),
        (one, one, 0.0),
        (one, one, 1.0),
        (one, one, NAN),
    ]:
        p_value, interval = quantile_process(t, c, q)
        assert math.isnan(p_value)
        assert interval is None
    p_value, interval = quantile_process(one, one, 0.99)
    assert p_value == 1.0
    assert (interval.low, interval.high) == (-INF, INF)


def simulate(seed, *, units, share, q, shift=0.0, grain=0.05, runs=40):
    """Shares of runs in which any of 30 looks rejects, and in which the interval covers at every look."""
    rng = np.random.default_rng(seed)
    values = tuple(np.arange(200).tolist())
    sizes = round(units * share / LOOKS), round(units * (1 - share) / LOOKS)

    def looks(size, move):
        bins = np.minimum((rng.exponential(size=(LOOKS, size)) + move) / grain, 199).astype(int)
        return np.cumsum([np.bincount(row, minlength=200) for row in bins], axis=0).tolist()

    true = math.floor((-math.log(1 - q) + shift) / grain) - math.floor(-math.log(1 - q) / grain)
    rejected = covered = 0
    for _ in range(runs):
        any_rejects, all_cover = False, True
        for t, c in zip(looks(sizes[0], shift), looks(sizes[1], 0.0), strict=True):
            p_value, interval = quantile_process(Histogram(values, tuple(t)), Histogram(values, tuple(c)), q)
            any_rejects |= p_value <= 0.05
            all_cover &= interval.low <= true <= interval.high
        rejected += any_rejects
        covered += all_cover
    return rejected / runs, covered / runs


@pytest.mark.parametrize(("share", "units", "q"), [(0.05, 20_000, 0.95), (0.5, 20_000, 0.95), (0.5, 6_000, 0.5)])
@pytest.mark.parametrize("grain", [0.02, 0.5])  # fine, and coarse with ties
def test_thirty_looks_without_effect(share, units, q, grain):
    rejected, covered = simulate(1, units=units, share=share, q=q, grain=grain)
    assert rejected <= 0.05
    assert covered >= 0.95


def test_power_and_coverage_with_an_effect():
    found, covered = simulate(2, units=20_000, share=0.05, q=0.95, shift=1.0)
    assert found >= 0.9  # the p95 a third higher, 1,000 canary samples
    assert covered >= 0.95
