"""The canary's metrics: interval rows in their three forms, and documents."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator.documents import CanaryDocument, Threshold
from coordinator.errors import InputError
from coordinator.model import Cells, Cohort, Counts, Histogram, MetricCell, Moments, Series, Window
from tests.engine.world import at, config, iso, opened
from tests.releases import write_csv

HEADER = ("timestamp", "metric", "cohort", "numerator", "denominator", "n", "sum", "sum_sq", "value")
RATE = ("timestamp", "metric", "cohort", "numerator", "denominator")
GAUGE = ("timestamp", "metric", "cohort", "value")


def read(folder: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]], **canary: Any) -> Cells:
    write_csv(folder / "rows.csv", header, rows)
    with opened(folder, config(canary={"metrics": "rows.csv", **canary})) as engine:
        return engine.canary_cells()


def one(cells: Cells, metric: str, cohort: Cohort, stratum: int = 0) -> Any:
    (cell,) = [c for c in cells.metrics if (c.metric, c.cohort, c.stratum) == (metric, cohort, stratum)]
    return cell.data


def test_three_forms_in_one_file(tmp_path: Path) -> None:
    rows: list[tuple[Any, ...]] = []
    for minute in (0, 1):
        for cohort in ("canary", "baseline"):
            rows += [
                (iso(minute), "error_rate", cohort, 3 + minute, 100, "", "", "", ""),
                (iso(minute), "order_value", cohort, "", "", 3, 6, 14, ""),
                (iso(minute), "cpu", cohort, "", "", "", "", "", 0.5 + minute),
                *[(iso(minute), "latency", cohort, "", "", "", "", "", v) for v in (10, 10, 20)],
            ]
    cells = read(tmp_path, HEADER, rows)
    assert one(cells, "error_rate", Cohort.CANARY, 1) == Counts(4, 100)
    assert one(cells, "order_value", Cohort.BASELINE, 0) == Moments(3, 2, 2)
    assert one(cells, "cpu", Cohort.CANARY) == Series((at(0), at(1)), (0.5, 1.5))
    assert one(cells, "latency", Cohort.BASELINE) == Histogram((10, 20), (4, 2))
    assert cells.intervals == (Window(at(0), at(1)), Window(at(1), at(2)))
    assert cells.windows == {"canary": Window(at(0), at(2))}
    assert len(cells.metrics) == 4 + 4 + 2 + 2


def test_a_counter_that_is_missing_is_nought_where_its_denominator_is_there(tmp_path: Path) -> None:
    rows = [(iso(0), "error_rate", "canary", "", 100), (iso(0), "error_rate", "baseline", 1, 900)]
    cells = read(tmp_path, RATE, rows)
    assert one(cells, "error_rate", Cohort.CANARY) == Counts(0, 100)


@pytest.mark.parametrize("word", ["NaN", "n/a"])
def test_a_counter_that_is_no_number_is_not_nought(tmp_path: Path, word: str) -> None:
    rows = [(iso(0), "error_rate", "canary", word, 100), (iso(0), "error_rate", "baseline", 1, 900)]
    found = one(read(tmp_path, RATE, rows), "error_rate", Cohort.CANARY)
    assert math.isnan(found.events if hasattr(found, "events") else found.numerator)


def test_a_gauge_that_is_nan_or_empty_or_absent_is_missing(tmp_path: Path) -> None:
    rows: list[tuple[Any, ...]] = [(iso(m), "cpu", "baseline", m) for m in range(4)]
    rows += [(iso(0), "cpu", "canary", 7), (iso(1), "cpu", "canary", "NaN"), (iso(2), "cpu", "canary", "")]
    found = one(read(tmp_path, GAUGE, rows), "cpu", Cohort.CANARY)
    assert found.values == (7, None, None, None)


def test_rows_of_other_builds_and_from_before_the_canary_are_left_out(tmp_path: Path) -> None:
    rows = [
        (iso(0), "error_rate", "4d01e77", 50, 900),
        (iso(1), "error_rate", "9f3c2ab81c", 1, 100),
        (iso(1), "error_rate", "4d01e77", 2, 900),
        (iso(2), "error_rate", "0000000", 99, 100),
    ]
    cells = read(tmp_path, RATE, rows, cohorts={"canary": ["9f3c2ab"], "baseline": ["4d01e77"]})
    found = {(cell.cohort, cell.stratum): cell.data for cell in cells.metrics}
    assert found == {(Cohort.CANARY, 0): Counts(1, 100), (Cohort.BASELINE, 0): Counts(2, 900)}


def test_the_window_of_the_config_keeps_its_start_and_drops_its_end(tmp_path: Path) -> None:
    rows = [(iso(m), "error_rate", c, m, 100) for m in range(0, 60, 10) for c in ("canary", "baseline")]
    cells = read(tmp_path, RATE, rows, window={"start": iso(10), "end": iso(35)})
    assert cells.intervals == (Window(at(10), at(20)), Window(at(20), at(30)), Window(at(30), at(35)))
    assert [cell.data for cell in cells.metrics if cell.cohort is Cohort.CANARY] == [
        Counts(10, 100),
        Counts(20, 100),
        Counts(30, 100),
    ]


def test_rows_of_one_interval_are_summed_and_the_last_is_as_long_as_the_others(tmp_path: Path) -> None:
    rows = [(iso(m), "error_rate", "canary", 1, 10) for m in (0, 0, 5, 10)]
    cells = read(tmp_path, RATE, rows)
    assert one(cells, "error_rate", Cohort.CANARY, 0) == Counts(2, 20)
    assert [window.end - window.start for window in cells.intervals] == [timedelta(minutes=5)] * 3


def test_a_row_without_a_metric_and_an_unknown_cohort_are_bad_rows(tmp_path: Path) -> None:
    rows = [
        (iso(0), "", "canary", 1, 10),
        (iso(0), "error_rate", "blue", 1, 10),
        (iso(0), "error_rate", "canary", 1, 9),
    ]
    with pytest.raises(InputError, match="2 of 3 rows"):
        read(tmp_path, RATE, rows)


@pytest.mark.parametrize("left_out", ["timestamp", "metric", "cohort", "denominator"])
def test_a_missing_column_is_named(tmp_path: Path, left_out: str) -> None:
    header = tuple(name for name in RATE if name != left_out)
    with pytest.raises(InputError, match=left_out) as caught:
        read(tmp_path, header, [tuple("x" for _ in header)])
    assert caught.value.problems[0].file == "rows.csv"


def test_rows_without_the_canary_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows of the canary"):
        read(tmp_path, RATE, [(iso(0), "error_rate", "baseline", 1, 10)])


def test_documents_read_samples_inline_and_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("value\n1\n3\n3\n")
    side = {
        "order_value": {"samples": "s.csv"},
        "size": {"samples": [1, 2, 2]},
        "p95_latency": {"samples": [240.0, 250.0]},
        "raw_p95": {"samples": [1.0, 2.0]},
        "error_rate": {"numerator": 1, "denominator": 10},
        "cost": {"n": 5, "mean": 2, "std": 3},
    }
    document = CanaryDocument.model_validate({"canary": {"metrics": side}, "baseline": {"metrics": side}})
    thresholds = {"raw_p95": Threshold.model_validate({"type": "quantile"})}
    settings = config(canary={"metrics": "m.yml"}).model_copy(
        update={"canary_document": document, "thresholds": thresholds}
    )
    (tmp_path / "m.yml").write_text("{}")
    with opened(tmp_path, settings) as engine:
        cells = engine.canary_cells()
    found = {cell.metric: cell.data for cell in cells.metrics if cell.cohort is Cohort.CANARY}
    assert found["order_value"] == Histogram((1, 3), (1, 2))
    assert found["size"] == Histogram((1, 2), (1, 2))
    assert isinstance(found["p95_latency"], Series)
    assert found["p95_latency"].values == (240, 250)
    assert found["raw_p95"] == Histogram((1, 2), (1, 1))
    assert found["error_rate"] == Counts(1, 10)
    assert found["cost"] == Moments(5, 2, 36)
    assert all(isinstance(cell, MetricCell) for cell in cells.metrics)
