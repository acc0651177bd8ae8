"""How often the audit is wrong: seeded simulations of whole assignments, as counts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest

from coordinator.audit_rule import Luck, judge_arm, judge_arms
from coordinator.config import AuditConfig
from coordinator.model import AuditVerdict, LogFacts
from coordinator.stats.overlap import OverlapStratum, units_needed

HALVES = {"control": 0.5, "treatment": 0.5}
FACTS = LogFacts("banner")


@cache
def luck(n: int, share: float, split: tuple[tuple[str, float], ...]) -> Luck:
    """Depends on the declared shares alone, so it is computed once for all releases of a cell."""
    strata = [[OverlapStratum(n, 0, 0, 0, share, part)] for _, part in split]
    return Luck(None, units_needed(strata, tolerance=0.1))


def verdict(
    table: np.ndarray, share: float, split: Mapping[str, float], *, sequential: bool = False, planned: int = 0
) -> AuditVerdict:
    """``table``: units by arm, in the canary and in the baseline."""
    n, canary = int(table.sum()), int(table[0].sum())
    strata = {
        arm: [OverlapStratum(n, canary, int(table[:, index].sum()), int(table[0, index]), share, part)]
        for index, (arm, part) in enumerate(split.items())
    }
    rule, chance = AuditConfig(), luck(planned or n, share, tuple(split.items()))
    arms = [judge_arm("banner", arm, strata[arm], FACTS, rule, chance, sequential=sequential) for arm in split]
    return judge_arms(arms, strata, rule)[0]


def releases(seed: int, runs: int, n: int, share: float, split: Mapping[str, float]) -> np.ndarray:
    """Independent assignments: units by cohort and arm."""
    arms = np.array(list(split.values()))
    chances = np.concatenate([share * arms, (1 - share) * arms])
    return np.random.default_rng(seed).multinomial(n, chances, size=runs).reshape(runs, 2, len(arms))


CELLS = [
    (200, 0.05, HALVES),
    (2_000, 0.05, HALVES),
    (20_000, 0.05, HALVES),
    (2_000, 0.01, HALVES),
    (5_000, 0.05, {"control": 0.9, "treatment": 0.1}),
    (20_000, 0.05, {"control": 0.99, "treatment": 0.01}),
    (10_000, 0.1, {"control": 0.4, "a": 0.2, "b": 0.2, "c": 0.2}),
]


@pytest.mark.parametrize(("n", "share", "split"), CELLS)
def test_independent_assignments_are_hardly_ever_called_contaminated(
    n: int, share: float, split: Mapping[str, float]
) -> None:
    runs = 2_000
    found = [verdict(table, share, split) for table in releases(n, runs, n, share, split)]
    wrong = found.count(AuditVerdict.CONTAMINATED)
    # three standard errors are left for luck
    assert wrong / runs <= 0.001 + 3 * (0.001 / runs) ** 0.5, wrong


def test_with_enough_units_independent_assignments_are_clean() -> None:
    found = [verdict(table, 0.05, HALVES) for table in releases(7, 2_000, 40_000, 0.05, HALVES)]
    assert found.count(AuditVerdict.CLEAN) / len(found) >= 0.95


@pytest.mark.parametrize("sequential", [False, True])
@pytest.mark.parametrize("n", [2_000, 20_000])
def test_a_shared_salt_is_always_found(n: int, sequential: bool) -> None:
    # one hash for both: the canary is the lowest 5 % of the buckets, treatment the lower half
    rng = np.random.default_rng(n)
    for _ in range(300):
        bucket = rng.random(n)
        canary, treatment = bucket < 0.05, bucket < 0.5
        rows = [[int((side & ~treatment).sum()), int((side & treatment).sum())] for side in (canary, ~canary)]
        table = np.array(rows)
        assert verdict(table, 0.05, HALVES, sequential=sequential) is AuditVerdict.CONTAMINATED


def test_half_of_the_canary_on_a_shared_salt_is_found() -> None:
    chances = np.array([0.05 * 0.25, 0.05 * 0.75, 0.475 + 0.0125, 0.475 - 0.0125])
    tables = np.random.default_rng(3).multinomial(20_000, chances, size=500).reshape(500, 2, 2)
    found = [verdict(table, 0.05, HALVES) for table in tables]
    assert found.count(AuditVerdict.CONTAMINATED) >= 499


def test_thirty_looks_accuse_independent_assignments_no_more_often_than_one() -> None:
    runs, looks, step, wrong = 150, 30, 1_000, 0
    for seed in range(runs):
        total = np.zeros((2, 2), dtype=int)
        for table in releases(seed, looks, step, 0.05, HALVES):
            total = total + table
            if verdict(total, 0.05, HALVES, sequential=True) is AuditVerdict.CONTAMINATED:
                wrong += 1
                break
    assert wrong <= 1, wrong
