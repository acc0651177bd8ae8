"""Odd numbers give NaN, None or infinite ends: never an exception, never a warning."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.model import Counts, Moments
from coordinator.stats import intervals, means, power, proportions, sample_ratio, sequential

numbers = st.sampled_from([0, 1, 2, 3, 7, 0.5, 1.5, -1, 100, 1e9, 1e12, 1e-12, math.nan, math.inf, -math.inf])
some_counts = st.builds(Counts, numbers, numbers)
some_moments = st.builds(Moments, numbers, numbers, numbers, y_mean=st.none() | numbers, y_m2=numbers, xy=numbers)


def possible(p):
    return math.isnan(p) or 0 <= p <= 1


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(some_counts, some_counts), min_size=1, max_size=3), st.booleans())
def test_rates(pairs, rare):
    assert possible(proportions.compare_rates(*pairs[0], rare=rare).p_value)
    assert possible(proportions.compare_rates_stratified(pairs, rare=rare).p_value)
    interval = intervals.clopper_pearson(pairs[0][0].events, pairs[0][0].trials)
    assert math.isnan(interval.low) or 0 <= interval.low <= interval.high <= 1


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(some_moments, some_moments), min_size=1, max_size=3))
def test_means(pairs):
    assert possible(means.welch(*pairs[0]).p_value)
    assert possible(means.compare_means_stratified(pairs).p_value)
    means.ratio_moments(pairs[0][0])
    means.cuped(*pairs[0])


@settings(max_examples=300, deadline=None)
@given(st.lists(numbers, min_size=5, max_size=5))
def test_plans(five):
    assert possible(power.power_rates(*five[:4]))
    assert possible(power.power_means(*five))
    assert possible(sample_ratio.sample_ratio(five[:2], five[2:4]))
    assert possible(sequential.mixture_p_value(*five[:2]))
    sequential.mixture_radius(*five[:2])
