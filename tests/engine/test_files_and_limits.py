"""Exclusion lists, records of sources, limits of the container, the per-unit table's refusals."""

from __future__ import annotations

import hashlib
import stat
import subprocess
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coordinator.config import EngineConfig
from coordinator.engine import limits
from coordinator.engine.session import Session
from coordinator.errors import InputError, ResourceError
from coordinator.model import Counts, Moments, Window
from tests.engine.world import PEOPLE_CELLS, at, config, counted, iso, opened, people, write_logs, write_people
from tests.releases import write_csv


def test_the_exclusion_list_is_the_canary_users_of_the_experiment_for_the_owner_alone(tmp_path: Path) -> None:
    odd = ['q"u,o;te', "ü 🦆"]
    canary = [(u, c, t) for u, c, _, t in people()] + [(u, "canary", iso(9)) for u in (*odd, "not in it", "77")]
    experiment = [(u, a, t) for u, _, a, t in people()] + [(u, "control", iso(9)) for u in (*odd, "77.0", "")]
    write_logs(tmp_path, canary, experiment)
    path = tmp_path / "exclusions.txt"
    path.write_text("old")
    with opened(tmp_path, config()) as engine:
        engine.audit_cells()
        number = engine.write_exclusions(path)
        said = " ".join((*engine.warnings, *engine.notes, *(source.uri for source in engine.sources)))
    expected = sorted([u for u, c, _, _ in people() if c == "canary"] + odd + ["77"])
    assert path.read_text(encoding="utf-8").splitlines() == expected
    assert number == len(expected)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [unit for unit in expected if len(unit) > 3 and unit in said]


def test_sources_have_rows_checksum_and_window(tmp_path: Path) -> None:
    write_people(tmp_path)
    with opened(tmp_path, config()) as engine:
        engine.audit_cells()
        experiment, canary = sorted(engine.sources, key=lambda source: source.role, reverse=True)
    listed = subprocess.run(["sha256sum", tmp_path / "canary.csv"], capture_output=True, text=True, check=True)
    assert canary.sha256 == listed.stdout.split()[0]
    assert (canary.rows, experiment.rows) == (24, 24)
    assert experiment.window == Window(at(0), at(23))


def test_the_checksum_of_several_files_is_that_of_their_listing(tmp_path: Path) -> None:
    write_people(tmp_path)
    for number, row in enumerate(people()):
        (tmp_path / f"c-{number:02}.csv").write_text(f"user_id,cohort,timestamp\n{row[0]},{row[1]},{row[3]}\n")
    with opened(tmp_path, config(canary={"assignments": ["c-*.csv"]})) as engine:
        assert counted(engine.audit_cells()) == PEOPLE_CELLS
        (canary,) = [source for source in engine.sources if source.role == "canary's log"]
    listing = "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}\n" for p in sorted(tmp_path.glob("c-*")))
    assert canary.sha256 == hashlib.sha256(listing.encode()).hexdigest()


def put(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_limits_of_cgroup_v2(tmp_path: Path) -> None:
    root = put(tmp_path, memory_DOT_max="1000000000\n", cpu_DOT_max="100000 100000\n")
    assert limits.memory_bytes(root) == 600_000_000
    assert limits.cpu_count(root) == 1


def test_limits_of_cgroup_v1(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        memory__memory_DOT_limit_in_bytes="500000000",
        cpu__cpu_DOT_cfs_quota_us="50000",
        cpu__cpu_DOT_cfs_period_us="100000",
    )
    assert limits.memory_bytes(root) == 300_000_000
    assert limits.cpu_count(root) == 1


def test_no_limits_are_the_machines_own(tmp_path: Path) -> None:
    free = limits.memory_bytes(tmp_path / "nothing"), limits.cpu_count(tmp_path / "nothing")
    root = put(tmp_path, memory_DOT_max="max\n", cpu_DOT_max="max 100000\n")
    assert (limits.memory_bytes(root), limits.cpu_count(root)) == free
    v1 = put(
        tmp_path / "v1",
        memory__memory_DOT_limit_in_bytes="9223372036854771712",
        cpu__cpu_DOT_cfs_quota_us="-1",
        cpu__cpu_DOT_cfs_period_us="100000",
    )
    assert (limits.memory_bytes(v1), limits.cpu_count(v1)) == free


def test_too_little_memory_is_a_fault_that_says_what_to_set(tmp_path: Path) -> None:
    query = (
        "COPY (SELECT 'user-' || (i * 7919 % 300000) AS user_id, "
        "CASE WHEN i % 20 = 0 THEN 'canary' ELSE 'baseline' END AS cohort, "
        "CASE WHEN i % 2 = 0 THEN 'control' ELSE 'treatment' END AS variant FROM range(300000) r(i)) "
        f"TO '{tmp_path / 'log.parquet'}' (FORMAT parquet)"
    )
    duckdb.execute(query)
    log = {"assignments": ["log.parquet"]}
    settings = config(canary=log, experiment=log, engine={"memory_limit": "10MB", "threads": 1})
    with opened(tmp_path, settings) as engine, pytest.raises(ResourceError) as caught:
        engine.audit_cells()
    (problem,) = caught.value.problems
    assert problem.code == "out_of_memory"
    assert "memory-limit" in (problem.fix or "")


def test_a_unit_that_stands_twice_is_refused(tmp_path: Path) -> None:
    write_people(tmp_path)
    write_csv(tmp_path / "units.csv", ["user_id", "x"], [("u001", 1), ("u002", 1), (" u001", 2)])
    with opened(tmp_path, config()) as engine:
        engine.audit_cells()
        with pytest.raises(InputError, match="1 rows repeat a unit") as caught:
            engine.experiment_cells("banner")
    assert caught.value.problems[0].file == "units.csv"


def test_a_table_whose_units_are_none_of_the_log_is_refused(tmp_path: Path) -> None:
    write_people(tmp_path)
    write_csv(tmp_path / "units.csv", ["user_id", "x"], [("x1", 1), ("x2", 2)])
    with opened(tmp_path, config()) as engine:
        engine.audit_cells()
        with pytest.raises(InputError, match="no unit of the table is in the experiment's log"):
            engine.experiment_cells("banner")


def test_a_cell_that_is_no_number_makes_the_sum_none(tmp_path: Path) -> None:
    write_people(tmp_path)
    write_csv(
        tmp_path / "units.csv", ["user_id", "x"], [(u, "oops" if n == 5 else n) for n, (u, *_) in enumerate(people())]
    )
    settings = config(experiment={"metrics": {"x": {"winsorize": 0.9}}})
    with opened(tmp_path, settings) as engine:
        engine.audit_cells()
        cells = engine.experiment_cells("banner").metrics
    broken = [cell for cell in cells if isinstance(cell.data, Moments) and cell.data.mean != cell.data.mean]
    assert [cell.arm for cell in broken] == ["control"]


@pytest.mark.parametrize("kind", [pa.int8(), pa.int32(), pa.int64(), pa.uint64(), pa.float32(), pa.bool_()])
def test_every_parquet_column_of_numbers_is_a_metric(tmp_path: Path, kind: pa.DataType) -> None:
    write_people(tmp_path)
    rows = people()
    table = pa.table(
        {
            "user_id": [u for u, *_ in rows],
            "found": pa.array([n % 2 for n in range(len(rows))]).cast(kind),
            "words": ["x" for _ in rows],
            "when": pa.array([at(n) for n in range(len(rows))]),
            "many": [[1] for _ in rows],
        }
    )
    pq.write_table(table, tmp_path / "units.parquet")
    with opened(tmp_path, config(experiment={"data": ["units.parquet"]})) as engine:
        engine.audit_cells()
        cells = engine.experiment_cells("banner").metrics
    assert {cell.metric for cell in cells} == {"found"}
    assert all(isinstance(cell.data, Counts) for cell in cells)


def test_a_long_query_says_what_it_does_and_a_short_one_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    session = Session(EngineConfig(), progress=said.append)
    try:
        session.rows("SELECT 1", doing="reading the canary's log")
        assert said == []
        monkeypatch.setattr("coordinator.engine.session._QUIET_SECONDS", 0.01)
        session.rows("SELECT sum(hash(i)) FROM range(60000000) r(i)", doing="reading the canary's log")
    finally:
        session.close()
    assert said
    assert all(line.startswith("Reading the canary's log") for line in said)
