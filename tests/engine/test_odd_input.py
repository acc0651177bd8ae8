"""Odd ids, odd times and old canaries: data that real exports hold, and the right cells from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine.world import PEOPLE_CELLS, START, at, audit, config, counted, facts, iso, opened, people, write_logs

UUID = "0b7e9c1e-4f67-4a2b-9c3d-{:012x}"
EAST = timezone(timedelta(hours=5, minutes=30))

IDS: dict[str, tuple[Callable[[int], str], Callable[[int], str]]] = {
    "whole numbers and 123.0": (str, lambda n: f"{n}.0"),
    "uuids in two cases": (UUID.format, lambda n: UUID.format(n).upper()),
    "spaces around": (lambda n: f"u{n}", lambda n: f"  u{n} "),
    "unicode": (lambda n: f"日本-ü-🦆-{n}", lambda n: f"日本-ü-🦆-{n}"),
    "quotes and delimiters": (lambda n: f'o\'{n}"x",;\t|', lambda n: f'o\'{n}"x",;\t|'),
    "line ends": (lambda n: f"a\nb{n}", lambda n: f"a\nb{n}"),
    "very long": (lambda n: "x" * 50_000 + str(n), lambda n: "x" * 50_000 + str(n)),
    "numbers beyond 64 bits": (lambda n: str(10**30 + n), lambda n: str(10**30 + n)),
    "SQL": (lambda n: f"'); DROP TABLE units_0; --{n}", lambda n: f"'); DROP TABLE units_0; --{n}"),
}


def with_ids(folder: Path, first: Callable[[int], Any], second: Callable[[int], Any]) -> None:
    rows = list(enumerate(people()))
    write_logs(folder, ((first(n), c, t) for n, (_, c, _, t) in rows), ((second(n), a, t) for n, (_, _, a, t) in rows))


@pytest.mark.parametrize("kind", IDS)
def test_ids_join_however_the_two_logs_write_them(tmp_path: Path, kind: str) -> None:
    with_ids(tmp_path, *IDS[kind])
    assert counted(audit(tmp_path)) == PEOPLE_CELLS


@pytest.mark.parametrize(
    "kind", [pa.int32(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(21, 2), pa.large_string()]
)
def test_ids_of_any_parquet_type_join_text_in_a_csv(tmp_path: Path, kind: pa.DataType) -> None:
    with_ids(tmp_path, lambda n: str(1000 + n), lambda n: n)
    rows = people()
    ids = pa.array([1000 + n for n in range(len(rows))]).cast(kind)
    table = pa.table({"user_id": ids, "variant": [a for _, _, a, _ in rows], "timestamp": [t for *_, t in rows]})
    pq.write_table(table, tmp_path / "e.parquet")
    assert counted(audit(tmp_path, config(experiment={"assignments": ["e.parquet"]}))) == PEOPLE_CELLS


def test_large_numbers_as_doubles_join_the_same_numbers_as_text(tmp_path: Path) -> None:
    big = 9_007_199_254_740_000
    with_ids(tmp_path, lambda n: str(big + n), lambda n: n)
    rows = people()
    ids = pa.array([float(big + n) for n in range(len(rows))])
    table = pa.table({"user_id": ids, "variant": [a for _, _, a, _ in rows], "timestamp": [t for *_, t in rows]})
    pq.write_table(table, tmp_path / "e.parquet")
    assert counted(audit(tmp_path, config(experiment={"assignments": ["e.parquet"]}))) == PEOPLE_CELLS


def test_numbers_in_json_join_text(tmp_path: Path) -> None:
    with_ids(tmp_path, lambda n: str(10**17 + n), lambda n: n)
    rows = enumerate(people())
    lines = (json.dumps({"user_id": 10**17 + n, "variant": a, "timestamp": t}) for n, (_, _, a, t) in rows)
    (tmp_path / "e.jsonl").write_text("\n".join(lines))
    assert counted(audit(tmp_path, config(experiment={"assignments": ["e.jsonl"]}))) == PEOPLE_CELLS


def test_ids_that_differ_in_case_alone_are_two_units(tmp_path: Path) -> None:
    write_logs(tmp_path, [("A", "canary", iso(0)), ("a", "baseline", iso(0)), ("z", "canary", iso(9))],
               [("a", "control", iso(1)), ("A", "treatment", iso(1))])  # fmt: skip
    assert counted(audit(tmp_path)) == {(0, "baseline", "control"): 1, (0, "canary", "treatment"): 1}


def test_a_leading_zero_makes_another_id(tmp_path: Path) -> None:
    write_logs(tmp_path, [("7", "canary", iso(0)), ("z", "canary", iso(9))],
               [("007", "control", iso(1)), ("7", "treatment", iso(1))])  # fmt: skip
    assert counted(audit(tmp_path)) == {(0, "baseline", "control"): 1, (0, "canary", "treatment"): 1}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_null_ids_are_counted_by_label_and_join_nothing(tmp_path: Path, ending: str) -> None:
    rows = people()
    nulls = ["", "  ", "NULL", "nan", "None"] if ending == "csv" else [None, "", " ", None, "NaN"]
    canary = (
        [(u, c, t) for u, c, _, t in rows] + [(n, "baseline", iso(8)) for n in nulls] + [(nulls[0], "canary", iso(8))]
    )
    experiment = [(u, a, t) for u, _, a, t in rows] + [(n, "treatment", iso(8)) for n in nulls]
    write_logs(tmp_path, canary, experiment)
    if ending == "parquet":
        for name, label, log in (("canary", "cohort", canary), ("experiment", "variant", experiment)):
            columns = {"user_id": [r[0] for r in log], label: [r[1] for r in log], "timestamp": [r[2] for r in log]}
            pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    settings = config(
        canary={"assignments": [f"canary.{ending}"]}, experiment={"assignments": [f"experiment.{ending}"]}
    )
    found = audit(tmp_path, settings)
    assert counted(found) == PEOPLE_CELLS
    counts = {(item.log, item.label): (item.total, item.part) for item in facts(found).null_ids}
    assert counts == {
        ("canary", "baseline"): (23, 5),
        ("canary", "canary"): (7, 1),
        ("experiment", "control"): (16, 0),
        ("experiment", "treatment"): (13, 5),
    }


def test_ids_of_different_shapes_are_told_apart(tmp_path: Path) -> None:
    with_ids(tmp_path, UUID.format, lambda n: f"user-{n}")
    found = facts(audit(tmp_path))
    assert found.id_shapes == {"canary": "UUID", "experiment": "a-9"}
    assert found.canary_only_units == found.experiment_only_units == 21


TIMES: dict[str, Callable[[datetime], Any]] = {
    "offset": lambda t: t.isoformat(),
    "zulu": lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "no offset": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S"),
    "a space and no offset": lambda t: t.strftime("%Y-%m-%d %H:%M:%S"),
    "fraction": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.123Z"),
    "nanoseconds": lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.123456789+00:00"),
    "another offset": lambda t: t.astimezone(EAST).isoformat(),
    "offset without a colon": lambda t: t.astimezone(EAST).strftime("%Y-%m-%d %H:%M:%S%z"),
    "the word UTC": lambda t: t.strftime("%Y-%m-%d %H:%M:%S UTC"),
    "without seconds": lambda t: t.strftime("%Y-%m-%dT%H:%MZ"),
    "spaces around": lambda t: f" {t.isoformat()} ",
    "epoch s": lambda t: int(t.timestamp()),
    "epoch s with fraction": lambda t: f"{t.timestamp():.3f}",
    "epoch ms": lambda t: int(t.timestamp() * 1000),
    "epoch µs": lambda t: int(t.timestamp() * 1_000_000),
    "epoch ns": lambda t: int(t.timestamp()) * 1_000_000_000,
    "epoch s as a float": lambda t: float(t.timestamp()),
    "epoch ms in exponents": lambda t: f"{t.timestamp() * 1000:.12e}",
}
NO_OFFSET = {"no offset", "a space and no offset"}


@pytest.mark.parametrize("form", TIMES)
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_form_of_time_gives_the_same_cells_and_period(tmp_path: Path, form: str, ending: str) -> None:
    rows = people()
    canary = [(u, c, t) for u, c, _, t in rows]
    write_logs(tmp_path, [*canary, (rows[-1][0], "canary", iso(30))], [])
    records = [{"user_id": u, "variant": a, "timestamp": TIMES[form](at(n))} for n, (u, _, a, _) in enumerate(rows)]
    name = f"e.{ending}"
    if ending == "csv":
        lines = [f"{r['user_id']},{r['variant']},{r['timestamp']}" for r in records]
        (tmp_path / name).write_text("\n".join(["user_id,variant,timestamp", *lines]))
    elif ending == "jsonl":
        (tmp_path / name).write_text("\n".join(json.dumps(record) for record in records))
    else:
        pq.write_table(pa.Table.from_pylist(records), tmp_path / name)
    with opened(tmp_path, config(experiment={"assignments": [name]})) as engine:
        found = engine.audit_cells()
        (window,) = [source.window for source in engine.sources if source.role == "log of banner"]
        notes = engine.notes
    assert counted(found) == PEOPLE_CELLS
    assert (facts(found).start, facts(found).end) == (at(3), at(30))
    assert window is not None
    assert timedelta(0) <= window.start - at(0) < timedelta(seconds=1)
    assert timedelta(0) <= window.end - at(23) < timedelta(seconds=1)
    assert facts(found).assumed_utc == (form in NO_OFFSET)
    assert any("without an offset" in note for note in notes) == (form in NO_OFFSET)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "+05:30", "Asia/Kolkata"])
def test_parquet_timestamps_with_and_without_zone(tmp_path: Path, unit: str, zone: str | None) -> None:
    rows = people()
    write_logs(tmp_path, ((u, c, t) for u, c, _, t in rows), ((u, a, t) for u, _, a, t in rows))
    times = pa.array([at(n) for n in range(len(rows))], pa.timestamp("us", "UTC"))
    kind = pa.timestamp(unit, zone)
    times = times.cast(pa.timestamp(unit, zone) if zone else pa.timestamp(unit, "UTC")).cast(kind)
    table = pa.table({"user_id": [r[0] for r in rows], "variant": [r[2] for r in rows], "timestamp": times})
    pq.write_table(table, tmp_path / "e.parquet")
    found = audit(tmp_path, config(experiment={"assignments": ["e.parquet"]}))
    assert counted(found) == PEOPLE_CELLS
    assert facts(found).assumed_utc == (zone is None)


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.int32(), pa.uint64()])
def test_parquet_numbers_as_times(tmp_path: Path, kind: pa.DataType) -> None:
    rows = people()
    write_logs(tmp_path, ((u, c, t) for u, c, _, t in rows), ((u, a, t) for u, _, a, t in rows))
    times = pa.array([int(at(n).timestamp()) for n in range(len(rows))]).cast(kind)
    table = pa.table({"user_id": [r[0] for r in rows], "variant": [r[2] for r in rows], "timestamp": times})
    pq.write_table(table, tmp_path / "e.parquet")
    assert counted(audit(tmp_path, config(experiment={"assignments": ["e.parquet"]}))) == PEOPLE_CELLS


def test_microseconds_decide_which_exposure_was_first(tmp_path: Path) -> None:
    base = int(START.timestamp() * 1_000_000)
    canary = [("u", "baseline", base + 5), ("u", "canary", base + 6), ("z", "canary", base), ("z", "canary", base + 99)]
    write_logs(tmp_path, canary, [("u", "control", base + 7), ("u", "treatment", base + 8)])
    assert counted(audit(tmp_path)) == {(0, "canary", "control"): 1}


def test_the_canary_of_last_week_is_another_build_where_cohorts_name_this_one(tmp_path: Path) -> None:
    words = {"canary": "9f3c2ab81c4b", "baseline": "4d01e77"}
    week = timedelta(days=7)
    rows = people()
    old = [(u, "1111111", (datetime.fromisoformat(t) - week).isoformat()) for u, _, _, t in rows]
    now = [(u, words[c], t) for u, c, _, t in rows]
    write_logs(tmp_path, old + now, ((u, a, t) for u, _, a, t in rows))
    cohorts = {"canary": ["9f3c2ab"], "baseline": ["4d01e77aa"]}
    with opened(tmp_path, config(canary={"cohorts": cohorts})) as engine:
        found = engine.audit_cells()
        assert any("24 rows" in warning and "other builds" in warning for warning in engine.warnings)
    assert counted(found) == PEOPLE_CELLS
    assert facts(found).mixed_exposure_units == 0
    assert facts(found).start == at(3)


def test_the_canary_of_last_week_under_the_same_word_is_before_the_first_step(tmp_path: Path) -> None:
    week = timedelta(days=7)
    rows = people()
    swapped = {"canary": "baseline", "baseline": "canary"}
    old = [(u, swapped[c], (datetime.fromisoformat(t) - week).isoformat()) for u, c, _, t in rows]
    exposures = [(u, a, (datetime.fromisoformat(t) - week).isoformat()) for u, _, a, t in rows[:9]]
    write_logs(tmp_path, old + [(u, c, t) for u, c, _, t in rows], exposures + [(u, a, t) for u, _, a, t in rows])
    steps = [{"at": iso(3), "share": "25%"}]
    found = audit(tmp_path, config(canary={"share": None, "steps": steps}))
    assert counted(found) == PEOPLE_CELLS
    assert facts(found).mixed_exposure_units == 0
    assert facts(found).crossover_units == 0


def test_baseline_rows_after_the_canary_was_taken_down_make_no_crossovers(tmp_path: Path) -> None:
    rows = people()
    canary = [(u, c, t) for u, c, _, t in rows]
    after = [(u, "baseline", iso(100)) for u, *_ in rows]
    write_logs(tmp_path, canary + after, ((u, a, t) for u, _, a, t in rows))
    found = audit(tmp_path)
    assert counted(found) == PEOPLE_CELLS
    assert facts(found).crossover_units == facts(found).mixed_exposure_units == 0


def test_a_long_running_experiment_is_counted_inside_the_canarys_life_alone(tmp_path: Path) -> None:
    rows = people()
    long_ago = [(u, a, (START - timedelta(days=20)).isoformat()) for u, _, a, _ in rows]
    old_users = [(f"old{n}", "control", (START - timedelta(days=20)).isoformat()) for n in range(50)]
    later = [(f"new{n}", "control", iso(5000)) for n in range(30)]
    experiment = long_ago + old_users + [(u, a, t) for u, _, a, t in rows] + later
    write_logs(tmp_path, ((u, c, t) for u, c, _, t in rows), experiment)
    found = audit(tmp_path)
    assert counted(found) == PEOPLE_CELLS
    assert facts(found).left_out_early == 53
    assert facts(found).experiment_only_units == 0


def test_exposures_before_the_experiments_first_step_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = people()
    trial = [(u, "treatment" if a == "control" else "control", iso(1)) for u, _, a, _ in rows]
    only_trial = [(f"t{n}", "control", iso(2)) for n in range(7)]
    write_logs(tmp_path, ((u, c, t) for u, c, _, t in rows), trial + only_trial + [(u, a, t) for u, _, a, t in rows])
    steps = [{"at": iso(3), "split": {"control": "50%", "treatment": "50%"}}]
    found = audit(tmp_path, config(experiment={"steps": steps}))
    assert counted(found) == PEOPLE_CELLS
    assert facts(found).crossover_units == 0
    assert facts(found).left_out_early == 10


def test_the_times_of_the_assumed_zone_are_utc(tmp_path: Path) -> None:
    rows = people()
    naive = [(u, c, datetime.fromisoformat(t).astimezone(UTC).replace(tzinfo=None)) for u, c, _, t in rows]
    write_logs(tmp_path, naive, ((u, a, t) for u, _, a, t in rows))
    found = audit(tmp_path)
    assert counted(found) == PEOPLE_CELLS
    assert facts(found).start == at(3)
