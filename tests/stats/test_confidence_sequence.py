"""Intervals that hold at every look: coverage by simulation, and what they do as the data grows."""

from __future__ import annotations

import numpy as np
import pytest

from coordinator.model import Interval
from coordinator.stats.confidence_sequence import as_sequence, proportion_sequence, widened
from coordinator.stats.intervals import clopper_pearson
from coordinator.stats.means import welch
from tests.stats.test_means import moments


@pytest.mark.parametrize("rate", [0.003, 0.05, 0.5, 0.97])
def test_a_proportions_sequence_covers_at_all_looks_together(rate: float) -> None:
    rng = np.random.default_rng(11)
    runs, looks, missed = 150, 30, 0
    for _ in range(runs):
        events = rng.binomial(400, rate, looks).cumsum()
        ends = [proportion_sequence(float(x), 400.0 * (k + 1)) for k, x in enumerate(events)]
        missed += any(not end.low <= rate <= end.high for end in ends)
    assert missed / runs <= 0.05


def test_a_proportions_sequence_is_wider_than_the_exact_interval_and_narrows() -> None:
    for events, trials in ((0, 100), (3, 1_000), (500, 1_000), (1_000, 1_000)):
        one, many = clopper_pearson(events, trials), proportion_sequence(events, trials)
        assert many.low <= one.low
        assert one.high <= many.high
    widths = [proportion_sequence(n / 10, n) for n in (100, 1_000, 10_000)]
    assert [end.high - end.low for end in widths] == sorted((end.high - end.low for end in widths), reverse=True)


@pytest.mark.parametrize(("events", "trials"), [(0, 0), (-1, 10), (11, 10), (float("nan"), 10)])
def test_odd_counts_say_nothing(events: float, trials: float) -> None:
    assert proportion_sequence(events, trials) == Interval(0.0, 1.0, 0.95)


def test_a_sequence_is_wider_early_than_at_the_planned_end() -> None:
    rng = np.random.default_rng(3)
    result = welch(moments(rng.normal(11, 2, 400)), moments(rng.normal(10, 2, 400)))
    plain = result.relative_interval
    early, late = (as_sequence(result, part, 0.05).relative_interval for part in (0.1, 1.0))
    assert plain is not None
    assert early is not None
    assert late is not None
    assert early.low < late.low < plain.low < plain.high < late.high < early.high


def test_without_information_nothing_is_known() -> None:
    assert widened(Interval(1.0, 2.0, 0.95), 1.5, 0.0, 0.05) == Interval(-np.inf, np.inf, 0.95)
