"""The audit's cells and facts of random small logs equal those counted one unit at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.model import Cells
from tests.engine import oracle
from tests.engine.oracle import Exposure
from tests.engine.world import audit, config, counted, facts, iso, write_logs

ARMS = ("control", "treatment", "other")
IDS = (
    *"abcdefgh",
    *(" a", "b ", "A", "1", "1.0", " 1.00 ", "-7", "-7.0", "01", "1.5", "1.", ".0", "1e3"),
    *("ü", "日本", "q\"u'o,te;", "x" * 3000, "9" * 25, "9" * 25 + ".0", "🦆"),
    *("0b7e9c1e-4f67-4a2b-9c3d-3f0c5b9a7e11", "0B7E9C1E-4F67-4A2B-9C3D-3F0C5B9A7E11"),
    *("", "  ", "NULL", "NaN", "none"),
)
ids = st.sampled_from(IDS)
minutes = st.integers(0, 20)


def exposures(labels: Sequence[str], max_size: int = 40) -> st.SearchStrategy[list[Exposure]]:
    return st.lists(st.tuples(ids, st.sampled_from(labels), minutes), max_size=max_size)


@st.composite
def canary_logs(draw: st.DrawFn) -> list[Exposure]:
    labels = draw(st.sampled_from([("canary", "baseline"), ("canary", "baseline", "baseline"), ("canary",)]))
    rows = draw(exposures(labels))
    return [(draw(ids), "canary", draw(minutes)), *rows]


@st.composite
def experiment_logs(draw: st.DrawFn, arms: Sequence[str] = ARMS) -> list[Exposure]:
    return [(draw(ids), arm, draw(minutes)) for arm in arms] + draw(exposures(arms))


def in_file(rows: Sequence[Exposure]) -> list[tuple[Any, ...]]:
    return [(unit, label, iso(minute)) for unit, label, minute in rows]


def even(arms: Sequence[str]) -> dict[str, str]:
    shares = {2: ("50%", "50%"), 3: ("40%", "30%", "30%")}[len(arms)]
    return dict(zip(arms, shares, strict=True))


def check(cells: Cells, answer: oracle.Answer, experiment: str = "banner") -> None:
    assert counted(cells, experiment) == answer.cells
    found = facts(cells, experiment)
    assert found.canary_log_complete == answer.complete
    assert found.canary_only_units == answer.canary_only
    assert found.experiment_only_units == answer.experiment_only
    assert found.crossover_units == answer.crossed
    assert {(item.kind, item.labels): item.units for item in found.crossovers} == answer.crossovers
    assert found.mixed_exposure_units == answer.mixed
    assert found.left_out_early == answer.early
    assert {(item.log, item.label): (item.total, item.part) for item in found.null_ids} == answer.nulls
    assert {(item.log, item.label): (item.total, item.part) for item in found.coverage} == answer.coverage


@settings(max_examples=30)
@given(canary_logs(), experiment_logs())
def test_cells_and_facts_equal_the_count_by_hand(canary: list[Exposure], experiment: list[Exposure]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_logs(Path(folder), in_file(canary), in_file(experiment))
        cells = audit(Path(folder), config(experiment={"split": {"control": None, "treatment": None} | even(ARMS)}))
    check(cells, oracle.judge(canary, experiment, ARMS))


@st.composite
def ramps(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Minutes of the canary's and the experiment's steps; either may be none, not both."""
    first = draw(st.lists(minutes, min_size=0, max_size=3, unique=True))
    second = draw(st.lists(minutes, min_size=0 if first else 1, max_size=3, unique=True))
    return sorted(first), sorted(second)


@settings(max_examples=30)
@given(canary_logs(), experiment_logs(ARMS[:2]), ramps())
def test_ramps_make_strata_as_counted_by_hand(
    canary: list[Exposure], experiment: list[Exposure], steps: tuple[list[int], list[int]]
) -> None:
    arms = ARMS[:2]
    canary_steps, own_steps = steps
    if canary_steps:  # the canary was seen since its first step
        canary = [*canary, ("a", "canary", max(20, canary_steps[0]))]
    changes: dict[str, Any] = {"canary": {}, "experiment": {}}
    if canary_steps:
        shares = [{"at": iso(minute), "share": f"{5 * (i + 1)}%"} for i, minute in enumerate(canary_steps)]
        changes["canary"] = {"steps": shares, "share": None}
    if own_steps:
        splits = [
            {"at": iso(minute), "split": {"control": f"{60 + i}%", "treatment": f"{40 - i}%"}}
            for i, minute in enumerate(own_steps)
        ]
        changes["experiment"] = {"steps": splits}
    with tempfile.TemporaryDirectory() as folder:
        write_logs(Path(folder), in_file(canary), in_file(experiment))
        cells = audit(Path(folder), config(**changes))
    check(cells, oracle.judge(canary, experiment, arms, canary_steps, own_steps))


@settings(max_examples=15)
@given(canary_logs(), experiment_logs(ARMS[:2]), experiment_logs(ARMS))
def test_several_experiments_and_their_pairs_equal_the_count_by_hand(
    canary: list[Exposure], one: list[Exposure], other: list[Exposure]
) -> None:
    experiments = [
        {"id": name, "unit": "user_id", "split": even(arms), "assignments": [f"{name}.csv"]}
        for name, arms in (("experiment", ARMS[:2]), ("second", ARMS))
    ]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_logs(folder, in_file(canary), in_file(other))
        (folder / "experiment.csv").rename(folder / "second.csv")
        write_logs(folder, in_file(canary), in_file(one))
        cells = audit(folder, config(experiments=experiments))
    first, second = oracle.judge(canary, one, ARMS[:2]), oracle.judge(canary, other, ARMS)
    check(cells, first, "experiment")
    check(cells, second, "second")
    assert {cell.arms: cell.units for cell in cells.pairs} == oracle.pairs(first.only_arm, second.only_arm)
    assert all(cell.experiments == ("experiment", "second") for cell in cells.pairs)
