"""The same cells from every form that a log can have."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.engine.world import (
    CANARY_HEADER,
    EXPERIMENT_HEADER,
    PEOPLE_CELLS,
    Row,
    at,
    audit,
    config,
    counted,
    facts,
    people,
    write_people,
)

Write = Callable[[Path, Sequence[str], Sequence[Row]], None]


def csv_text(header: Sequence[str], rows: Sequence[Row], **options: Any) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=options.pop("lineterminator", "\n"), **options)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def records(header: Sequence[str], rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [dict(zip(header, row, strict=True)) for row in rows]


def lines(header: Sequence[str], rows: Sequence[Row]) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records(header, rows)).encode()


def write_parquet(path: Path, header: Sequence[str], rows: Sequence[Row]) -> None:
    pq.write_table(
        pa.table({name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)}), path
    )


FORMS: dict[str, Write] = {
    "csv": lambda p, h, r: p.write_text(csv_text(h, r)) and None,
    "csv.gz": lambda p, h, r: p.write_bytes(gzip.compress(csv_text(h, r).encode())) and None,
    "csv.zst": lambda p, h, r: p.write_bytes(zstandard.compress(csv_text(h, r).encode())) and None,
    "tsv": lambda p, h, r: p.write_text(csv_text(h, r, delimiter="\t")) and None,
    "jsonl": lambda p, h, r: p.write_bytes(lines(h, r)) and None,
    "ndjson": lambda p, h, r: p.write_bytes(lines(h, r)) and None,
    "jsonl.gz": lambda p, h, r: p.write_bytes(gzip.compress(lines(h, r))) and None,
    "jsonl.zst": lambda p, h, r: p.write_bytes(zstandard.compress(lines(h, r))) and None,
    "json": lambda p, h, r: p.write_text(json.dumps(records(h, r), indent=1)) and None,
    "json.gz": lambda p, h, r: p.write_bytes(gzip.compress(json.dumps(records(h, r)).encode())) and None,
    "parquet": write_parquet,
}
CSV_DIALECTS: dict[str, Callable[[Sequence[str], Sequence[Row]], bytes]] = {
    "byte order mark": lambda h, r: b"\xef\xbb\xbf" + csv_text(h, r).encode(),
    "carriage returns": lambda h, r: csv_text(h, r, lineterminator="\r\n").encode(),
    "mark and returns": lambda h, r: b"\xef\xbb\xbf" + csv_text(h, r, lineterminator="\r\n").encode(),
    "semicolons": lambda h, r: csv_text(h, r, delimiter=";").encode(),
    "tabs": lambda h, r: csv_text(h, r, delimiter="\t").encode(),
    "pipes": lambda h, r: csv_text(h, r, delimiter="|").encode(),
    "all quoted": lambda h, r: csv_text(h, r, quoting=csv.QUOTE_ALL).encode(),
    "no last line end": lambda h, r: csv_text(h, r).rstrip("\n").encode(),
    "empty lines at the end": lambda h, r: csv_text(h, r).encode() + b"\n\n",
    "spaces in the header": lambda h, r: csv_text([f" {name} " for name in h], r).encode(),
}


def sides(n: int = 24) -> tuple[list[Row], list[Row]]:
    rows = people(n)
    return [(u, c, t) for u, c, _, t in rows], [(u, a, t) for u, _, a, t in rows]


def two_logs(folder: Path, ending: str, write: Write) -> dict[tuple[int, str, str], int]:
    canary, experiment = sides()
    write(folder / f"c.{ending}", CANARY_HEADER, canary)
    write(folder / f"e.{ending}", EXPERIMENT_HEADER, experiment)
    settings = config(canary={"assignments": [f"c.{ending}"]}, experiment={"assignments": [f"e.{ending}"]})
    return counted(audit(folder, settings))


@pytest.mark.parametrize("ending", FORMS)
def test_every_file_form_gives_the_same_cells(tmp_path: Path, ending: str) -> None:
    assert two_logs(tmp_path, ending, FORMS[ending]) == PEOPLE_CELLS


@pytest.mark.parametrize("dialect", CSV_DIALECTS)
def test_every_csv_dialect_gives_the_same_cells(tmp_path: Path, dialect: str) -> None:
    make = CSV_DIALECTS[dialect]
    assert two_logs(tmp_path, "csv", lambda p, h, r: p.write_bytes(make(h, r)) and None) == PEOPLE_CELLS


def test_a_glob_over_files_of_several_forms_dialects_and_column_orders(tmp_path: Path) -> None:
    canary, experiment = sides()
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "c-1.csv").write_text(csv_text(CANARY_HEADER, canary[:6]))
    (folder / "c-2.csv").write_text(csv_text(CANARY_HEADER, canary[6:12], delimiter=";"))
    (folder / "c-3.csv").write_text(csv_text(CANARY_HEADER[::-1], [row[::-1] for row in canary[12:15]]))
    (folder / "c-4.jsonl").write_bytes(lines(CANARY_HEADER, canary[15:20]))
    write_parquet(folder / "c-5.parquet", CANARY_HEADER, canary[20:])
    for number, row in enumerate(experiment):
        (folder / f"e-{number:02}.csv").write_text(csv_text(EXPERIMENT_HEADER, [row]))
    settings = config(canary={"assignments": ["logs/c-*"]}, experiment={"assignments": ["logs/e-*.csv"]})
    assert counted(audit(tmp_path, settings)) == PEOPLE_CELLS


def test_parquet_files_whose_ids_are_numbers_in_one_and_text_in_the_other(tmp_path: Path) -> None:
    canary, experiment = sides()
    numbered = [[(int(unit[1:]), *rest) for unit, *rest in rows] for rows in (canary, experiment)]
    write_parquet(tmp_path / "c-1.parquet", CANARY_HEADER, numbered[0][:12])
    write_parquet(tmp_path / "c-2.parquet", CANARY_HEADER, [(str(unit), *rest) for unit, *rest in numbered[0][12:]])
    write_parquet(tmp_path / "e.parquet", EXPERIMENT_HEADER, [(float(unit), *rest) for unit, *rest in numbered[1]])
    settings = config(canary={"assignments": ["c-*.parquet"]}, experiment={"assignments": ["e.parquet"]})
    assert counted(audit(tmp_path, settings)) == PEOPLE_CELLS


def test_one_export_with_both_flags(tmp_path: Path) -> None:
    rows = people()
    (tmp_path / "all.csv").write_text(csv_text(("user_id", "cohort", "variant", "timestamp"), rows))
    settings = config(assignments=["all.csv"], canary={"assignments": None}, experiment={"assignments": None})
    assert counted(audit(tmp_path, settings)) == PEOPLE_CELLS


def test_one_stacked_export_where_a_row_has_one_of_the_two_flags(tmp_path: Path) -> None:
    rows = [row for u, c, a, t in people() for row in ((u, c, "", t), (u, "", a, t))]
    (tmp_path / "all.csv").write_text(csv_text(("user_id", "cohort", "variant", "timestamp"), rows))
    settings = config(assignments=["all.csv"], canary={"assignments": None}, experiment={"assignments": None})
    found = audit(tmp_path, settings)
    assert counted(found) == PEOPLE_CELLS
    assert facts(found).null_ids[0].total == 18


@pytest.mark.parametrize("yes_no", [(True, False), ("true", "false"), ("TRUE", "False"), (1, 0), ("yes", "no")])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_boolean_canary_column(tmp_path: Path, ending: str, yes_no: tuple[Any, Any]) -> None:
    canary, experiment = sides()
    flags = [(u, yes_no[0] if c == "canary" else yes_no[1], t) for u, c, t in canary]
    FORMS[ending](tmp_path / f"c.{ending}", ("user_id", "canary", "timestamp"), flags)
    (tmp_path / "experiment.csv").write_text(csv_text(EXPERIMENT_HEADER, experiment))
    assert counted(audit(tmp_path, config(canary={"assignments": [f"c.{ending}"]}))) == PEOPLE_CELLS


@pytest.mark.parametrize(
    ("sha", "logged", "other"),
    [
        ("9f3c2ab", "9f3c2ab", "4d01e77"),
        ("9f3c2ab", "9f3c2ab81c4b7a1f0e2d3c4b5a69788796a5b4c3", "4d01e77"),
        ("9f3c2ab81c4b7a1f0e2d3c4b5a69788796a5b4c3", "9f3c2ab", "4d01e77"),
        ("9F3C2AB", "9f3c2ab81c", "4d01e77"),
        ("1234567", "1234567", "7654321"),
        ("0123456", "0123456", "0123457"),
        ("0000000", "0000000", "0000001"),
        ("1e10000", "1e10000", "1e10001"),
        ("v2.14.0", "v2.14.0", "v2.13.9"),
        ("2.10", "2.10", "2.1"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_cohorts_named_by_version_or_sha(tmp_path: Path, sha: str, logged: str, other: str, ending: str) -> None:
    canary, experiment = sides()
    words = {"canary": logged, "baseline": other}
    FORMS[ending](tmp_path / f"c.{ending}", CANARY_HEADER, [(u, words[c], t) for u, c, t in canary])
    (tmp_path / "experiment.csv").write_text(csv_text(EXPERIMENT_HEADER, experiment))
    cohorts = {"canary": [sha], "baseline": [other]}
    settings = config(canary={"sha": sha, "cohorts": cohorts, "assignments": [f"c.{ending}"]})
    assert counted(audit(tmp_path, settings)) == PEOPLE_CELLS


@pytest.mark.parametrize("names", [("user id", "select", "from"), ("Älter", 'q"uote', "group by"), ("id", "%", "a.b")])
@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_mapped_columns_of_any_name(tmp_path: Path, ending: str, names: tuple[str, str, str]) -> None:
    canary, experiment = sides()
    unit, label, time = names
    FORMS[ending](tmp_path / f"c.{ending}", names, canary)
    FORMS[ending](tmp_path / f"e.{ending}", names, experiment)
    settings = config(
        canary={"assignments": [f"c.{ending}"], "columns": {"unit": unit, "cohort": label, "timestamp": time}},
        experiment={"assignments": [f"e.{ending}"], "columns": {"unit": unit, "variant": label, "timestamp": time}},
    )
    assert counted(audit(tmp_path, settings)) == PEOPLE_CELLS


def test_the_unit_column_is_found_without_regard_to_case_and_signs_and_by_alias(tmp_path: Path) -> None:
    canary, experiment = sides()
    (tmp_path / "canary.csv").write_text(csv_text(("userID", "Cohort", "Timestamp"), canary))
    (tmp_path / "experiment.csv").write_text(csv_text(("visitor", "VARIANT", "time-stamp"), experiment))
    settings = config(audit={"unit_aliases": {"user_id": ["visitor"]}})
    assert counted(audit(tmp_path, settings)) == PEOPLE_CELLS


def test_one_exposure_table_for_many_experiments(tmp_path: Path) -> None:
    canary, experiment = sides()
    (tmp_path / "canary.csv").write_text(csv_text(CANARY_HEADER, canary))
    own = [(u, "banner", a, t) for u, a, t in experiment]
    other = [(u, "search", "on" if a == "control" else "off", t) for u, a, t in experiment[::2]]
    foreign = [(u, "unrelated", "whatever", t) for u, _, t in experiment]
    header = ("user_id", "experiment_key", "variant", "timestamp")
    (tmp_path / "exposures.csv").write_text(csv_text(header, own + other + foreign))
    shared = {"assignments": ["exposures.csv"], "unit": "user_id", "columns": {"experiment": "experiment_key"}}
    experiments = [
        {**shared, "id": "banner", "split": {"control": "50%", "treatment": "50%"}},
        {**shared, "id": "search", "split": {"on": "50%", "off": "50%"}},
    ]
    found = audit(tmp_path, config(experiments=experiments))
    assert counted(found) == PEOPLE_CELLS
    assert set(counted(found, "search")) <= {(0, c, a) for c in ("canary", "baseline") for a in ("on", "off")}
    assert {cell.arms: cell.units for cell in found.pairs} == {("control", "on"): 8, ("treatment", "off"): 4}


def test_an_experiment_that_the_shared_table_lacks_is_named(tmp_path: Path) -> None:
    write_people(tmp_path)
    rows = [(u, "other", a, t) for u, _, a, t in people()]
    (tmp_path / "experiment.csv").write_text(csv_text(("user_id", "experiment", "variant", "timestamp"), rows))
    with pytest.raises(Exception, match=r"no rows of this release.*experiment's id"):
        audit(tmp_path, config(experiment={"columns": {"experiment": "experiment"}}))


def test_ignored_variants_are_left_out_by_name(tmp_path: Path) -> None:
    write_people(tmp_path)
    with (tmp_path / "experiment.csv").open("a", newline="\r\n") as file:
        file.writelines(
            f"x{number},{word},{at(10).isoformat()}\n" for number in range(9) for word in ("Holdout", "off")
        )
    found = audit(tmp_path, config(experiment={"ignore_variants": ["holdout", "off"]}))
    assert counted(found) == PEOPLE_CELLS
    assert facts(found).experiment_only_units == 0


def test_arms_whose_names_differ_in_case_alone_stay_apart(tmp_path: Path) -> None:
    canary, experiment = sides()
    words = {"control": "A", "treatment": "a"}
    (tmp_path / "canary.csv").write_text(csv_text(CANARY_HEADER, canary))
    (tmp_path / "experiment.csv").write_text(csv_text(EXPERIMENT_HEADER, [(u, words[a], t) for u, a, t in experiment]))
    settings = config(experiment={"split": None, "assignments": ["experiment.csv"]})
    settings = config(
        experiments=[
            {"id": "banner", "unit": "user_id", "split": {"A": "50%", "a": "50%"}, "assignments": ["experiment.csv"]}
        ]
    )
    assert counted(audit(tmp_path, settings)) == {(s, c, words[a]): n for (s, c, a), n in PEOPLE_CELLS.items()}


@pytest.mark.parametrize("declared", [None, False])
def test_a_log_of_canary_units_alone_makes_all_others_the_baseline(tmp_path: Path, declared: bool | None) -> None:
    canary, experiment = sides()
    (tmp_path / "canary.csv").write_text(csv_text(CANARY_HEADER, [row for row in canary if row[1] == "canary"]))
    (tmp_path / "experiment.csv").write_text(csv_text(EXPERIMENT_HEADER, experiment))
    found = audit(tmp_path, config(canary={"complete": declared}))
    assert counted(found) == PEOPLE_CELLS
    assert not facts(found).canary_log_complete
    assert facts(found).experiment_only_units == 0


def test_a_log_said_to_be_complete_needs_baseline_rows(tmp_path: Path) -> None:
    canary, experiment = sides()
    (tmp_path / "canary.csv").write_text(csv_text(CANARY_HEADER, [row for row in canary if row[1] == "canary"]))
    (tmp_path / "experiment.csv").write_text(csv_text(EXPERIMENT_HEADER, experiment))
    with pytest.raises(Exception, match="no baseline rows"):
        audit(tmp_path, config(canary={"complete": True}))


def test_logs_without_times_are_one_stratum_of_all_units(tmp_path: Path) -> None:
    rows = people()
    (tmp_path / "canary.csv").write_text(csv_text(("user_id", "cohort"), [(u, c) for u, c, _, _ in rows]))
    (tmp_path / "experiment.csv").write_text(csv_text(("user_id", "variant"), [(u, a) for u, _, a, _ in rows]))
    found = audit(tmp_path)
    assert counted(found) == {**PEOPLE_CELLS, (0, "baseline", "control"): 12, (0, "baseline", "treatment"): 6}
    assert not facts(found).has_timestamps


def test_a_file_name_with_signs_of_a_pattern_is_that_file(tmp_path: Path) -> None:
    canary, experiment = sides()
    (tmp_path / "c[1]'s.csv").write_text(csv_text(CANARY_HEADER, canary))
    (tmp_path / "e?*.csv").write_text(csv_text(EXPERIMENT_HEADER, experiment))
    (tmp_path / "e12.csv").write_text(csv_text(EXPERIMENT_HEADER, [("x", "y", "z")]))
    settings = config(canary={"assignments": ["c[1]'s.csv"]}, experiment={"assignments": ["e?*.csv"]})
    assert counted(audit(tmp_path, settings)) == PEOPLE_CELLS
