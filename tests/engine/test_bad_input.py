"""Files and rows that cannot be read: refused or named as damaged, with the file and the place."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from coordinator.errors import GateError, InputError, SourceError
from coordinator.model import Problem
from tests.engine.world import PEOPLE_CELLS, audit, config, counted, iso, opened, people, write_people

LOG = b"user_id,cohort,timestamp\n" + b"".join(
    f"u{number},{'canary' if number % 4 == 3 else 'baseline'},2026-05-05T14:00:{number % 60:02}Z\n".encode()
    for number in range(20_000)
)
LINES = b"".join(b'{"user_id": "u%d", "cohort": "canary", "timestamp": 1777989600}\n' % n for n in range(20_000))


def refused(folder: Path, error: type[GateError] = InputError, **changes: Any) -> Problem:
    with pytest.raises(error) as caught:
        audit(folder, config(**changes))
    assert type(caught.value) is error
    return caught.value.problems[0]


def write(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    write_people(folder)
    (folder / name).write_bytes(content)
    return {"canary": {"assignments": [name]}}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("c.csv", b"", "empty_file"),
        ("c.csv", b"\n\n  \n", "empty_file"),
        ("c.csv", b"\xef\xbb\xbf", "empty_file"),
        ("c.csv.gz", gzip.compress(b"", mtime=0), "empty_file"),
        ("c.csv.zst", zstandard.compress(b""), "empty_file"),
        ("c.jsonl", b"", "empty_file"),
        ("c.parquet", b"", "empty_file"),
        ("c.csv", b"user_id,cohort,timestamp\n", "no_rows"),
        ("c.csv", b"user_id,cohort,timestamp", "no_rows"),
        ("c.csv", b"\x7fELF\x02\x01\x01\0\0\0\0\0" * 40, "binary_file"),
        ("c.csv", gzip.compress(LOG, mtime=0), "binary_file"),
        ("c.csv", "user_id,cohort\nu1,canary\n".encode("utf-16"), "binary_file"),
        ("c.csv.gz", gzip.compress(b"\0\1\2" * 99, mtime=0), "binary_file"),
        ("c.csv.gz", LOG, "not_compressed"),
        ("c.csv.zst", gzip.compress(LOG, mtime=0), "not_compressed"),
        ("c.jsonl.gz", LINES, "not_compressed"),
        ("c.parquet", LOG, "not_parquet"),
        ("c.xlsx", b"PK\3\4", "file_kind"),
        ("c.csv.bz2", b"BZh9", "file_kind"),
        ("c", LOG, "file_kind"),
        ("c.csv", "utilisateur_é,cohort\n".encode("latin-1"), "not_utf8"),
        ("c.json", b"[]", "no_column"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_by_name(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    problem = refused(tmp_path, **write(tmp_path, name, content))
    assert (problem.code, problem.file) == (code, name)
    assert problem.message


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.csv.gz", gzip.compress(LOG, mtime=0)),
        ("c.csv.zst", zstandard.compress(LOG)),
        ("c.jsonl.gz", gzip.compress(LINES, mtime=0)),
        ("c.jsonl.zst", zstandard.ZstdCompressor(write_checksum=True).compress(LINES)),
    ],
)
@pytest.mark.parametrize("kept", [0.0005, 0.3, 0.5, 0.9, -1, -3])
def test_a_compressed_file_that_is_cut_off_is_a_damaged_source(
    tmp_path: Path, name: str, content: bytes, kept: float
) -> None:
    cut = content[: max(5, int(len(content) * kept))] if kept > 0 else content[: int(kept)]
    problem = refused(tmp_path, SourceError, **write(tmp_path, name, cut))
    assert (problem.code, problem.file) == ("damaged", name)


@pytest.mark.parametrize("place", ["front", "middle", "end"])
def test_a_parquet_file_that_is_cut_off_or_overwritten_is_a_damaged_source(tmp_path: Path, place: str) -> None:
    path = tmp_path / "c.parquet"
    rows = people(4000)
    table = {"user_id": [row[0] for row in rows], "cohort": [row[1] for row in rows]}
    pq.write_table(pa.table(table), path)
    content = path.read_bytes()
    half = len(content) // 2
    changed = {
        "front": content[:half],
        "middle": content[:4] + b"\xff" * half + content[4 + half :],
        "end": content[:-40] + b"\xff" * 32 + content[-8:],
    }
    problem = refused(tmp_path, SourceError, **write(tmp_path, "c.parquet", changed[place]))
    assert (problem.code, problem.file) == ("damaged", "c.parquet")


def test_several_zstd_frames_and_skippable_ones_are_read_whole(tmp_path: Path) -> None:
    rows = [f"{u},{c},{t}\n".encode() for u, c, _, t in people()]
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0note"
    frames = [zstandard.ZstdCompressor(write_checksum=bool(n % 2)).compress(row) for n, row in enumerate(rows)]
    content = zstandard.compress(b"user_id,cohort,timestamp\n") + frames[0] + skippable + b"".join(frames[1:])
    settings = config(**write(tmp_path, "c.csv.zst", content))
    assert counted(audit(tmp_path, settings)) == PEOPLE_CELLS


def test_lines_that_do_not_end_alike_are_refused_with_the_reason(tmp_path: Path) -> None:
    content = b"user_id,cohort\r\nu1,canary\r\nu2,baseline\nu3,canary\r\n"
    problem = refused(tmp_path, **write(tmp_path, "c.csv", content))
    assert problem.file == "c.csv"
    assert "do not all end alike" in problem.message


def test_a_missing_column_names_those_that_are_there_and_the_key_to_set(tmp_path: Path) -> None:
    problem = refused(tmp_path, **write(tmp_path, "c.csv", b"visitor,cohort\nu1,canary\n"))
    assert problem.code == "no_column"
    assert "`user_id`" in problem.message
    assert "`visitor`, `cohort`" in problem.message
    assert "canary.columns.unit" in (problem.fix or "")


@pytest.mark.parametrize(
    ("changes", "wanted", "key"),
    [
        ({"canary": {"columns": {"cohort": "build"}}}, "build", "canary.columns.cohort"),
        ({"canary": {"columns": {"timestamp": "ts"}}}, "ts", "canary.columns.timestamp"),
        ({"canary": {"columns": {"canary": "is_canary"}}}, "is_canary", "canary.columns.canary"),
        ({"canary": {"columns": {"unit": "account"}}}, "account", "canary.columns.unit"),
        ({"experiment": {"columns": {"variant": "arm"}}}, "arm", "experiments.banner.columns.variant"),
        ({"experiment": {"columns": {"experiment": "flag"}}}, "flag", "experiments.banner.columns.experiment"),
        ({"experiment": {"unit": "device"}}, "device", "experiments.banner.columns.unit"),
    ],
)
def test_a_mapped_column_that_is_not_there_is_named_with_its_key(
    tmp_path: Path, changes: dict[str, Any], wanted: str, key: str
) -> None:
    write_people(tmp_path)
    problem = refused(tmp_path, **changes)
    assert problem.code == "no_column"
    assert f"`{wanted}`" in problem.message
    assert key in (problem.fix or "")


def test_a_log_without_a_cohort_or_a_canary_column_is_refused(tmp_path: Path) -> None:
    problem = refused(tmp_path, **write(tmp_path, "c.csv", b"user_id,build\nu1,canary\n"))
    assert "`cohort`" in problem.message
    assert "canary.columns.canary" in (problem.fix or "")


def test_a_log_without_canary_rows_is_refused(tmp_path: Path) -> None:
    problem = refused(tmp_path, **write(tmp_path, "c.csv", b"user_id,cohort\nu1,baseline\nu2,stable\n"))
    assert (problem.code, problem.file) == ("no_canary", "c.csv")


def test_a_log_without_canary_rows_since_the_first_step_is_refused(tmp_path: Path) -> None:
    write_people(tmp_path)
    steps = [{"at": iso(600), "share": "25%"}]
    problem = refused(tmp_path, canary={"share": None, "steps": steps})
    assert problem.code == "no_canary"
    assert "since its first step, 2026-05-06 00:00 UTC" in problem.message


def test_an_arm_that_never_occurs_is_named(tmp_path: Path) -> None:
    write_people(tmp_path)
    split = {"control": "40%", "treatment": "30%", "third": "30%"}
    problem = refused(tmp_path, experiment={"split": split})
    assert (problem.code, problem.file) == ("missing_arm", "experiment.csv")
    assert "`third`" in problem.message


def test_problems_of_all_experiments_are_found_in_one_go(tmp_path: Path) -> None:
    write_people(tmp_path)
    (tmp_path / "bad.csv").write_text("user_id,nothing\nu1,x\n")
    split = {"control": "50%", "treatment": "50%"}
    experiments = [
        {"id": name, "unit": "user_id", "split": split, "assignments": [file]}
        for name, file in (("one", "bad.csv"), ("two", "experiment.csv"), ("three", "bad.csv"))
    ]
    with pytest.raises(InputError) as caught:
        audit(tmp_path, config(experiments=experiments))
    assert [problem.code for problem in caught.value.problems] == ["no_column", "no_column"]


def test_unknown_words_above_the_limit_name_the_first_file_and_row(tmp_path: Path) -> None:
    write_people(tmp_path)
    (tmp_path / "c-1.csv").write_text("user_id,cohort\nu1,canary\nu2,baseline\n")
    (tmp_path / "c-2.csv").write_text("user_id,cohort\nu3,canary\nu4,blue\nu5,green\n")
    problem = refused(tmp_path, canary={"assignments": ["c-*.csv"]})
    assert problem.code == "bad_rows"
    assert "2 of 5 rows" in problem.message
    assert "c-2.csv, row 2: 'blue' is an unknown label" in problem.message
    assert "canary.cohorts" in (problem.fix or "")


def test_unknown_variants_above_the_limit_name_the_first_file_and_row(tmp_path: Path) -> None:
    write_people(tmp_path)
    with (tmp_path / "experiment.csv").open("a", newline="\r\n") as file:
        file.write(f"u999,purple,{iso(5)}\n")
    problem = refused(tmp_path)
    assert "experiment.csv, row 25: 'purple' is an unknown label" in problem.message
    assert "ignore_variants" in (problem.fix or "")


def test_an_unknown_word_in_a_file_that_lacks_a_column_of_the_others_is_still_named(tmp_path: Path) -> None:
    write_people(tmp_path)
    (tmp_path / "c-1.csv").write_text(f"user_id,cohort,timestamp\nu1,canary,{iso(1)}\nu2,baseline,{iso(2)}\n")
    (tmp_path / "c-2.csv").write_text("user_id,cohort\nu3,blue\n")
    problem = refused(tmp_path, canary={"assignments": ["c-*.csv"]})
    assert "c-2.csv, row 1: 'blue'" in problem.message


@pytest.mark.parametrize("time", ["yesterday", "05/05/2026 14:00", "", "infinity", "1e400", "now"])
def test_times_that_are_none_above_the_limit_name_the_first_row(tmp_path: Path, time: str) -> None:
    rows = f"user_id,cohort,timestamp\nu1,canary,{iso(1)}\nu2,baseline,{time}\n"
    problem = refused(tmp_path, **write(tmp_path, "c.csv", rows.encode()))
    assert problem.code == "bad_rows"
    assert "c.csv, row 2: " in problem.message
    assert "is no time" in problem.message


def test_ragged_rows_above_the_limit_name_the_first_line(tmp_path: Path) -> None:
    content = b"user_id,cohort\nu1,canary\nu2\nu3,baseline,extra\nu4,baseline\n"
    problem = refused(tmp_path, **write(tmp_path, "c.csv", content))
    assert problem.code == "bad_rows"
    assert "2 of 4 rows" in problem.message
    assert "c.csv, line 3: " in problem.message


def test_lines_that_are_no_json_above_the_limit_are_refused(tmp_path: Path) -> None:
    content = b'{"user_id": 1, "cohort": "canary"}\n{"user_id": 2, "coh\n{"user_id": 3, "cohort": "baseline"}\n'
    problem = refused(tmp_path, **write(tmp_path, "c.jsonl", content))
    assert problem.code == "bad_rows"
    assert "c.jsonl, row 2" in problem.message


def test_lines_that_are_no_json_count_in_a_shared_export_too(tmp_path: Path) -> None:
    good = '{"user_id": "u%d", "cohort": "%s", "variant": "%s", "timestamp": "%s"}\n'
    rows = [good % (n, c, a, t) for n, (_, c, a, t) in enumerate(people())]
    (tmp_path / "all.jsonl").write_text("".join([*rows, "{broken\n"]))
    sides = {"canary": {"assignments": None}, "experiment": {"assignments": None}}
    problem = refused(tmp_path, assignments=["all.jsonl"], **sides)
    assert problem.code == "bad_rows"
    assert "1 of 25 rows" in problem.message


def test_rows_below_the_limit_are_a_warning_and_the_cells_are_right(tmp_path: Path) -> None:
    write_people(tmp_path)
    with (tmp_path / "canary.csv").open("a", newline="\r\n") as file:
        file.write("u900\n")
        file.writelines(f"u90{number},{word},{iso(5)}\n" for number, word in enumerate(("blue", "")))
        file.write("u903,baseline,never\n")
    with opened(tmp_path, config(audit={"max_bad_rows": "20%"})) as engine:
        assert counted(engine.audit_cells()) == PEOPLE_CELLS
        (warning,) = engine.warnings
    assert "4 of 28 rows" in warning
    assert "canary.csv, line 26" in warning


def test_one_bad_row_in_a_thousand_passes_and_two_do_not(tmp_path: Path) -> None:
    write_people(tmp_path)
    with (tmp_path / "canary.csv").open("a", newline="\r\n") as file:
        file.writelines(f"z{number},baseline,{iso(9)}\n" for number in range(975))
        file.write(f"z,blue,{iso(9)}\n")
    with opened(tmp_path, config()) as engine:
        assert counted(engine.audit_cells()) == PEOPLE_CELLS
        assert "1 of 1,000 rows" in engine.warnings[0]
    with (tmp_path / "canary.csv").open("a", newline="\r\n") as file:
        file.write(f"z,blue,{iso(9)}\n")
    assert refused(tmp_path).code == "bad_rows"


def test_a_ramp_without_times_is_refused(tmp_path: Path) -> None:
    write_people(tmp_path)
    (tmp_path / "c.csv").write_text("user_id,cohort\nu1,canary\nu2,baseline\n")
    steps = [{"at": iso(0), "share": "5%"}, {"at": iso(5), "share": "25%"}]
    problem = refused(tmp_path, canary={"share": None, "steps": steps, "assignments": ["c.csv"]})
    assert (problem.code, problem.file) == ("ramp_without_times", "c.csv")


def test_the_same_bad_file_in_both_places_is_said_once_for_each(tmp_path: Path) -> None:
    (tmp_path / "canary.csv").write_bytes(b"")
    assert refused(tmp_path).file == "canary.csv"
