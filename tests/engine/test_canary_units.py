"""The canary's rates from rows that carry ids: units with an event are counted, not events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coordinator.canary_data import read_sides
from coordinator.canary_faults import Fault
from coordinator.documents import Threshold
from coordinator.model import Cells, Cohort, Counts
from tests.engine.world import config, iso, opened
from tests.releases import write_csv

HEADER = ("user_id", "timestamp", "metric", "cohort", "numerator", "denominator")


def read(folder: Path, rows: list[tuple[Any, ...]]) -> tuple[Cells, tuple[str, ...], tuple[str, ...]]:
    write_csv(folder / "rows.csv", HEADER, rows)
    with opened(folder, config(canary={"metrics": "rows.csv"})) as engine:
        return engine.canary_cells(), engine.notes, engine.warnings


def total(cells: Cells, cohort: Cohort) -> Counts:
    found = [cell.data for cell in cells.metrics if cell.cohort is cohort]
    return sum((data for data in found if isinstance(data, Counts)), Counts(0, 0))


def test_one_users_errors_are_one_event(tmp_path: Path) -> None:
    rows = [("u1", iso(n / 10), "error_rate", "canary", 1, 1) for n in range(5)]
    rows += [("u2", iso(1), "error_rate", "canary", 0, 1), ("u3", iso(2), "error_rate", "canary", 0, 3)]
    rows += [(f"b{n}", iso(n), "error_rate", "baseline", int(n == 0), 1) for n in range(4)]
    cells, notes, warnings = read(tmp_path, rows)
    assert total(cells, Cohort.CANARY) == Counts(1, 3)
    assert total(cells, Cohort.BASELINE) == Counts(1, 4)
    assert any("units with at least one event" in note for note in notes)
    assert warnings == ()


def test_a_unit_belongs_to_the_minute_in_which_it_was_first_seen(tmp_path: Path) -> None:
    rows = [("u1", iso(2.2), "error_rate", "canary", 1, 1), ("u1", iso(0.5), "error_rate", "canary", 0, 1)]
    rows += [("b1", iso(0), "error_rate", "baseline", 0, 1), ("b2", iso(2), "error_rate", "baseline", 0, 1)]
    cells, _, _ = read(tmp_path, rows)
    [cell] = [cell for cell in cells.metrics if cell.cohort is Cohort.CANARY]
    assert (cell.stratum, cell.data) == (0, Counts(1, 1))


def test_rows_without_an_id_are_left_out_and_told(tmp_path: Path) -> None:
    rows = [("u1", iso(0), "error_rate", "canary", 1, 1), ("", iso(0), "error_rate", "canary", 1, 1)]
    rows += [("b1", iso(0), "error_rate", "baseline", 0, 1)]
    cells, _, warnings = read(tmp_path, rows)
    assert total(cells, Cohort.CANARY) == Counts(1, 1)
    assert any("1 rows" in warning and "no id" in warning for warning in warnings)


@pytest.mark.parametrize(("numerator", "denominator"), [("NaN", 1), (-1, 1), (2, 1), (1, "inf")])
def test_an_impossible_number_of_one_unit_stays_one(tmp_path: Path, numerator: object, denominator: object) -> None:
    rows: list[tuple[Any, ...]] = [("u1", iso(0), "error_rate", "canary", numerator, denominator)]
    rows += [(f"u{n}", iso(0), "error_rate", "canary", 0, 1) for n in range(2, 9)]
    rows += [(f"b{n}", iso(0), "error_rate", "baseline", 0, 1) for n in range(9)]
    cells, _, _ = read(tmp_path, rows)
    found = read_sides("error_rate", Threshold(), cells)
    assert isinstance(found, Fault)
    assert not found.no_data
