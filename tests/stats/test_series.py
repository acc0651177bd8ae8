"""Paired differences of gauges: SciPy's paired t on white noise, error rates on correlated series."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from coordinator.model import Series
from coordinator.stats import series

START = datetime(2026, 1, 1, tzinfo=UTC)


def gauge(values, first=0):
    times = tuple(START + timedelta(minutes=first + i) for i in range(len(values)))
    return Series(times, tuple(None if v is None else float(v) for v in values))


def autoregressive(rng, phi, runs, n):
    burn = 300
    return lfilter([1], [1, -phi], rng.normal(size=(runs, n + burn)), axis=1)[:, burn:]


def test_where_points_are_independent_it_is_the_paired_t_test():
    d = np.array([1.0, -1.0] * 10) + 0.2
    load = np.linspace(50, 60, 20)
    result, worth = series.paired_difference(gauge(load + d), gauge(load))
    oracle = stats.ttest_rel(load + d, load)
    interval = oracle.confidence_interval()
    assert worth == 20
    assert result.p_value == pytest.approx(oracle.pvalue)
    assert (result.difference_interval.low, result.difference_interval.high) == pytest.approx(tuple(interval))
    assert result.relative == pytest.approx((load + d).mean() / load.mean() - 1)


def test_only_equal_times_with_two_numbers_are_used():
    t = gauge([1, 2, None, 4, math.nan, 6, 7.5, 8])
    c = gauge([9, 1, 2, 3, 4, 4.5, math.inf, 7, 2], first=0)
    result, _ = series.paired_difference(t, c)
    assert result.difference == pytest.approx(np.mean([1 - 9, 2 - 1, 4 - 3, 6 - 4.5, 8 - 7]))
    shifted, worth = series.paired_difference(gauge([1, 2]), gauge([1, 2], first=5))
    assert math.isnan(shifted.p_value)
    assert worth == 0


@pytest.mark.parametrize(("phi", "most"), [(0.0, 0.06), (0.5, 0.08), (0.8, 0.10), (0.95, 0.14)])
def test_false_alarms_on_correlated_series(phi, most):
    rng = np.random.default_rng(21)
    runs = 800
    x, y = autoregressive(rng, phi, runs, 60), autoregressive(rng, phi, runs, 60)
    p = np.array([series.paired_difference(gauge(a + 50), gauge(b + 50))[0].p_value for a, b in zip(x, y, strict=True)])
    assert np.mean(p < 0.05) <= most
    if phi >= 0.5:
        assert np.mean(stats.ttest_rel(x, y, axis=1).pvalue < 0.05) > 0.2  # what it is for


def test_effective_n_of_a_long_series_is_the_theory():
    x = autoregressive(np.random.default_rng(22), 0.6, 1, 50_000)[0]
    assert series.effective_n(list(x)) == pytest.approx(50_000 * 0.4 / 1.6, rel=0.05)
    assert series.effective_n([5.0] * 10) == 10
    assert series.effective_n([1.0, 2.0]) == 2
    assert series.effective_n([]) == 0
    assert 0 < series.effective_n(list(map(float, range(100)))) < 1


def test_relative_interval_covers_a_common_load():
    rng = np.random.default_rng(23)
    runs, hits = 800, 0
    load = 50 + 3 * autoregressive(rng, 0.9, runs, 60)
    for base, e, f in zip(load, rng.normal(0, 2, (runs, 60)), rng.normal(0, 2, (runs, 60)), strict=True):
        result, _ = series.paired_difference(gauge(base * 1.05 + e), gauge(base + f))
        hits += result.relative_interval.low <= 0.05 <= result.relative_interval.high
    assert hits / runs == pytest.approx(0.95, abs=0.03)


def test_a_strong_trend_keeps_its_relative_effect():
    load = np.linspace(40, 60, 60)
    result, worth = series.paired_difference(gauge(load * 1.1), gauge(load))
    assert worth < 2
    assert result.relative == pytest.approx(0.1)


def test_degenerate_series():
    flat = gauge([5] * 10)
    assert series.paired_difference(flat, flat)[0].p_value == 1
    apart = series.paired_difference(gauge([6] * 10), flat)[0]
    assert math.isnan(apart.p_value)
    assert apart.relative == pytest.approx(0.2)
    assert math.isnan(series.paired_difference(gauge([1, 2]), gauge([1, 3]))[0].p_value)
    assert series.paired_difference(gauge([1, 2, 3, 4, 3]), gauge([0, 0, 0, 0, 0]))[0].relative is None
    rising = series.paired_difference(gauge(range(100)), gauge([0] * 100))
    assert math.isnan(rising[0].p_value)  # one trend is worth less than one point
    assert math.isnan(series.paired_difference(gauge([]), gauge([]))[0].p_value)
