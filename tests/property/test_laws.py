"""Laws that hold for every test: the same answer from the other side, in another unit, and under no effect uniform."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.model import Counts, Moments
from coordinator.stats.distributions import normal_p, normal_z
from coordinator.stats.means import welch
from coordinator.stats.proportions import chi_square, compare_rates, fisher_exact

trials = st.integers(20, 5_000)
shares = st.floats(0.01, 0.99)


@settings(max_examples=100)
@given(trials, shares, trials, shares)
def test_swapping_the_sides_of_a_rate_turns_the_difference_and_keeps_the_p_value(
    n: int, p: float, m: int, q: float
) -> None:
    """compare(a, b) = -compare(b, a)"""
    one, other = Counts(round(n * p), n), Counts(round(m * q), m)
    there, back = compare_rates(one, other), compare_rates(other, one)
    assert there.difference == pytest.approx(-back.difference)
    assert there.p_value == pytest.approx(back.p_value, rel=1e-9)
    assert there.difference_interval is not None
    assert back.difference_interval is not None
    assert there.difference_interval.low == pytest.approx(-back.difference_interval.high, abs=1e-12)


@settings(max_examples=100)
@given(trials, shares, trials, shares)
def test_events_and_their_absence_are_the_same_question(n: int, p: float, m: int, q: float) -> None:
    """p(events) = p(trials - events)"""
    one, other = Counts(round(n * p), n), Counts(round(m * q), m)
    mirrored = [Counts(side.trials - side.events, side.trials) for side in (one, other)]
    for test in (chi_square, fisher_exact):
        assert test(one, other) == pytest.approx(test(*mirrored), rel=1e-6, abs=1e-300)


@settings(max_examples=100)
@given(st.floats(1, 100), st.floats(0.1, 10), st.floats(-0.5, 0.5), st.floats(1e-3, 1e6))
def test_a_mean_in_another_unit_has_the_same_p_value_and_relative_effect(
    mean: float, sd: float, effect: float, unit: float
) -> None:
    """welch(c x, c y) = welch(x, y) but for the unit of the difference"""

    def side(value: float, scale: float) -> Moments:
        return Moments(500, value * scale, 499 * (sd * scale) ** 2)

    plain = welch(side(mean + effect, 1), side(mean, 1))
    scaled = welch(side(mean + effect, unit), side(mean, unit))
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-6)
    assert scaled.difference == pytest.approx(plain.difference * unit, rel=1e-6, abs=1e-9 * unit)
    assert (scaled.relative is None) == (plain.relative is None)


@pytest.mark.parametrize("rate", [0.02, 0.3])
def test_null_p_values_of_a_rate_are_uniform(rate: float) -> None:
    """P(p <= a) = a"""
    rng = np.random.default_rng(5)
    events = rng.binomial(4_000, rate, (4_000, 2))
    p = [chi_square(Counts(int(x), 4_000), Counts(int(y), 4_000)) for x, y in events]
    for alpha in (0.01, 0.05, 0.2, 0.5):
        spread = 3 * math.sqrt(alpha * (1 - alpha) / len(p)) + 0.01  # counts are discrete
        assert np.mean(np.array(p) <= alpha) == pytest.approx(alpha, abs=spread)


def test_null_p_values_of_a_mean_are_uniform() -> None:
    """P(p <= a) = a"""
    rng = np.random.default_rng(6)
    p = []
    for _ in range(3_000):
        x, y = rng.normal(10, 2, 40), rng.normal(10, 5, 90)
        sides = [Moments(len(v), float(v.mean()), float(((v - v.mean()) ** 2).sum())) for v in (x, y)]
        p.append(welch(*sides).p_value)
    assert stats.kstest(p, "uniform").pvalue > 0.001


@pytest.mark.parametrize("z", [1.0, 5.0, 20.0, 37.0])
def test_tiny_p_values_are_exact_and_never_rounded_to_zero(z: float) -> None:
    """p = 2 (1 - Phi(z)) to 1e-9, down to 1e-300"""
    exact = 2 * math.exp(stats.norm.logsf(z))
    assert normal_p(z) == pytest.approx(exact, rel=1e-9)
    assert normal_z(normal_p(z)) == pytest.approx(z, rel=1e-9)
    n = 10**7
    gap = z * math.sqrt(2 * 0.25 / n)
    one, other = Counts(round(n * (0.5 + gap / 2)), n), Counts(round(n * (0.5 - gap / 2)), n)
    table = [[side.events, side.trials - side.events] for side in (one, other)]
    statistic = stats.chi2_contingency(table, correction=False).statistic
    assert chi_square(one, other) == pytest.approx(math.exp(stats.chi2.logsf(statistic, 1)), rel=1e-9)
