"""Joined estimates against statsmodels' meta-analysis, and non-inferiority at both ends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.model import Interval
from coordinator.stats.combine import inverse_variance, not_inferior

pairs = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 10)), min_size=1, max_size=8)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of the random effects, which are not looked at
def test_inverse_variance_is_statsmodels_fixed_effect() -> None:
    from statsmodels.stats.meta_analysis import combine_effects

    rng = np.random.default_rng(1)
    for size in (2, 3, 10):
        effects, errors = rng.normal(0.1, 1, size), rng.uniform(0.05, 2, size)
        oracle = combine_effects(effects, errors**2, method_re="dl").summary_frame()
        row = oracle.loc["fixed effect"]
        found = inverse_variance(list(zip(effects.tolist(), errors.tolist(), strict=True)))
        assert found is not None
        assert found[0] == pytest.approx(row["eff"], rel=1e-9)
        assert found[1].low == pytest.approx(row["ci_low"], rel=1e-7)


@given(pairs)
def test_the_joint_estimate_lies_between_the_others_and_is_sharper_than_any(
    estimates: list[tuple[float, float]],
) -> None:
    found = inverse_variance(estimates)
    assert found is not None
    estimate, interval, _ = found
    assert min(x for x, _ in estimates) - 1e-9 <= estimate <= max(x for x, _ in estimates) + 1e-9
    sharpest = min(error for _, error in estimates)
    assert interval.high - interval.low <= 2 * 1.96 * sharpest * (1 + 1e-4)


def test_strata_that_say_nothing_are_left_out() -> None:
    assert inverse_variance([(1.0, 0.0), (math.nan, 1.0), (1.0, math.inf)]) is None
    assert inverse_variance([(1.0, 1.0), (5.0, 0.0)]) == inverse_variance([(1.0, 1.0)])


@pytest.mark.parametrize(
    ("low", "high", "increase", "shown"),
    [(-0.04, 0.1, True, True), (-0.06, 0.1, True, False), (-0.1, 0.04, False, True), (-0.1, 0.06, False, False)],
)
def test_the_bad_end_of_the_interval_decides(low: float, high: float, increase: bool, shown: bool) -> None:
    assert not_inferior(Interval(low, high, 0.95), 0.05, increase_is_good=increase) is shown


def test_without_an_interval_nothing_is_shown() -> None:
    assert not not_inferior(None, 0.05, increase_is_good=True)
    assert not not_inferior(Interval(math.nan, math.nan, 0.95), 0.05, increase_is_good=True)
