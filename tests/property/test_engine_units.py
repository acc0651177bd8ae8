"""Per-unit metrics of random small tables equal those of numpy, scipy and pandas."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from coordinator.model import Cells, Cohort, Counts, MetricCell, Moments, RankSum
from tests.engine.world import config, iso, opened, write_logs
from tests.releases import write_csv

ARMS = ("control", "one", "two")
SPLIT = {"control": "40%", "treatment": None, "one": "30%", "two": "30%"}
STEP = 10
"""The minute at which the experiment's shares change: units first seen before it are of stratum 0."""


@dataclass
class Unit:
    """One unit of the logs and its values; ``clean`` where it saw one arm and did not go back to the baseline."""

    name: str
    arm: int
    ever: bool
    minute: int
    x: float | None
    y: float | None
    clean: bool = True


@dataclass
class Case:
    """Units of the logs, and rows of the table of units that the logs do not have."""

    units: list[Unit]
    strangers: list[tuple[str, float]] = field(default_factory=list)


values = st.one_of(
    st.none(),
    st.integers(0, 3).map(float),
    st.sampled_from([0.5, 2.25, 40.0, -7.75, 250.5]),
)


@st.composite
def cases(draw: st.DrawFn, numbers: st.SearchStrategy[float | None] = values) -> Case:
    units = [Unit(f"fixed{arm}", arm, arm == 1, 5, 1.0, 2.0) for arm in range(3)]
    for index in range(draw(st.integers(3, 40))):
        arm, ever = draw(st.integers(0, 2)), draw(st.booleans())
        minute = draw(st.sampled_from([3, 7, STEP, 15]))
        unit = Unit(f"u{index}", arm, ever, minute, draw(numbers), draw(numbers), draw(st.integers(0, 9)) > 0)
        units.append(unit)
    strangers = draw(st.lists(st.tuples(st.sampled_from(["s1", "s2", "s3"]), st.just(9.0)), unique_by=lambda s: s[0]))
    return Case(units, strangers)


def cells_of(case: Case, metrics: dict[str, Any]) -> Cells:
    """The engine's cells; units that are not clean go back to the baseline or see a second arm."""
    canary: list[tuple[Any, ...]] = [("warden", "canary", iso(0)), ("warden", "canary", iso(30))]
    exposures: list[tuple[Any, ...]] = []
    for unit in case.units:
        canary.append((unit.name, "canary" if unit.ever else "baseline", iso(unit.minute)))
        exposures.append((unit.name, ARMS[unit.arm], iso(unit.minute)))
        if not unit.clean and unit.ever:
            canary.append((unit.name, "baseline", iso(20)))
        elif not unit.clean:
            exposures.append((unit.name, ARMS[(unit.arm + 1) % 3], iso(20)))
    rows = [(unit.name, unit.x, unit.y) for unit in case.units] + [(name, x, x) for name, x in case.strangers]
    steps = [
        {"at": iso(1), "split": {arm: SPLIT[arm] for arm in ARMS}},
        {"at": iso(STEP), "split": {"control": "20%", "one": "40%", "two": "40%"}},
    ]
    changes = {"split": SPLIT, "steps": steps, "metrics": metrics, "primary": "x"}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_logs(folder, canary, exposures)
        write_csv(folder / "units.csv", ["user_id", "x", "y"], rows)
        with opened(folder, config(experiment=changes)) as engine:
            engine.audit_cells()
            return engine.experiment_cells("banner")


def groups(case: Case) -> Iterator[tuple[tuple[int, str, Cohort], list[Unit]]]:
    """Analysed units by stratum, arm and cohort."""
    for stratum in (0, 1):
        for index, arm in enumerate(ARMS):
            for ever in (True, False):
                units = [
                    unit
                    for unit in case.units
                    if unit.clean and (unit.minute >= STEP, unit.arm, unit.ever) == (stratum == 1, index, ever)
                ]
                if units:
                    yield (stratum, arm, Cohort.CANARY if ever else Cohort.BASELINE), units


def by_place(cells: Cells, metric: str) -> dict[tuple[int, str, Cohort | None], MetricCell]:
    found = {(cell.stratum, cell.arm, cell.cohort): cell for cell in cells.metrics if cell.metric == metric}
    assert len(found) == len([cell for cell in cells.metrics if cell.metric == metric])
    return found


def assert_moments(found: Any, x: list[float], y: list[float] | None = None) -> None:
    assert isinstance(found, Moments)
    assert found.n == len(x)
    if not x:
        return
    a = np.asarray(x)
    assert found.mean == pytest.approx(a.mean(), rel=1e-12, abs=1e-12)
    assert found.m2 == pytest.approx(((a - a.mean()) ** 2).sum(), rel=1e-9, abs=1e-7)
    assert found.m3 == pytest.approx(((a - a.mean()) ** 3).sum(), rel=1e-8, abs=1e-3)
    if y is None:
        assert found.y_mean is None
        return
    b = np.asarray(y)
    assert found.y_mean == pytest.approx(b.mean(), rel=1e-12, abs=1e-12)
    assert found.y_m2 == pytest.approx(((b - b.mean()) ** 2).sum(), rel=1e-9, abs=1e-7)
    assert found.xy == pytest.approx(((a - a.mean()) * (b - b.mean())).sum(), rel=1e-8, abs=1e-3)


@settings(max_examples=18)
@given(cases())
def test_moments_by_stratum_arm_and_cohort_equal_numpy(case: Case) -> None:
    cells = cells_of(case, {"x": {"type": "mean"}})
    found = by_place(cells, "x")
    expected = dict(groups(case))
    assert set(found) == set(expected)
    for place, units in expected.items():
        assert_moments(found[place].data, [unit.x for unit in units if unit.x is not None])
    assert {(a.stratum, a.arm, a.cohort): a.units for a in cells.arms} == {p: len(u) for p, u in expected.items()}


@settings(max_examples=12)
@given(cases(st.sampled_from([None, 0.0, 1.0])))
def test_flags_are_counts(case: Case) -> None:
    found = by_place(cells_of(case, {}), "x")
    for place, units in groups(case):
        known = [unit.x for unit in units if unit.x is not None]
        assert found[place].data == Counts(sum(known), len(known))


@settings(max_examples=12)
@given(cases(), st.sampled_from(["denominator", "covariate"]))
def test_cross_sums_take_units_that_have_both_values(case: Case, kind: str) -> None:
    found = by_place(cells_of(case, {"x": {kind: "y"}}), "x")
    for place, units in groups(case):
        both = [(unit.x, unit.y) for unit in units if unit.x is not None and unit.y is not None]
        assert_moments(found[place].data, [x for x, _ in both], [y for _, y in both])


@settings(max_examples=12)
@given(cases(), st.sampled_from([0.5, 0.9, 0.99]))
def test_winsorized_moments_cap_at_the_quantile_of_all_analysed_units(case: Case, level: float) -> None:
    found = by_place(cells_of(case, {"x": {"type": "mean", "winsorize": level}}), "x")
    known = [unit.x for unit in case.units if unit.clean and unit.x is not None]
    cap = float(np.quantile(known, level))
    for place, units in groups(case):
        assert_moments(found[place].data, [min(unit.x, cap) for unit in units if unit.x is not None])


@settings(max_examples=18)
@given(cases())
def test_ranks_equal_scipys_with_and_without_canary_users(case: Case) -> None:
    cells = cells_of(case, {"x": {"type": "mean"}})
    skewed = any(_skewed([u.x for u in case.units if u.clean and u.arm == a and u.x is not None]) for a in range(3))
    own = [cell for cell in cells.ranks if cell.metric == "x"]
    if not own:
        assert not skewed
        return
    expected: dict[tuple[str, int, bool], RankSum] = {}
    for arm in (1, 2):
        for stratum in (0, 1):
            for without in (False, True):
                sides = [
                    [
                        unit.x
                        for unit in case.units
                        if unit.clean
                        and unit.arm == side
                        and unit.x is not None
                        and (unit.minute >= STEP) == (stratum == 1)
                        and not (without and unit.ever)
                    ]
                    for side in (0, arm)
                ]
                if sides[0] or sides[1]:
                    expected[ARMS[arm], stratum, without] = _ranks(sides[0], sides[1])
    assert {(cell.arm, cell.stratum, cell.without_canary): cell.ranks for cell in own} == expected


def _skewed(x: list[float]) -> bool:
    a = np.asarray(x)
    if len(a) < 3 or np.ptp(a) == 0:
        return False
    skew = float(stats.skew(a))
    return not math.isnan(skew) and len(a) < 300 * skew**2


def _ranks(control: list[float], treated: list[float]) -> RankSum:
    u = float(stats.mannwhitneyu(treated, control).statistic) if control and treated else 0.0
    counts = np.unique(np.asarray(control + treated), return_counts=True)[1].astype(float)
    return RankSum(len(control), len(treated), u, float((counts**3 - counts).sum()))
