"""What the audit's pass over the logs costs, beside merely decoding the columns and beside a pandas outer merge.

python -m benchmarks.engine                     2,000,000 exposures
python -m benchmarks.engine --rows 10000000     the size of the design's target
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import duckdb
import pandas as pd

from coordinator.config import CanaryConfig, Config, ExperimentConfig
from coordinator.engine import open_engine
from coordinator.engine.limits import cpu_count

SEED = 20261123
RUNS = 3
CANARY, EXPERIMENT = "canary.parquet", "experiment.parquet"
_ID = "CAST(CAST(md5(CAST(u AS VARCHAR)) AS UUID) AS VARCHAR) AS user_id"
_TIME = "TIMESTAMP '2026-05-05 14:00:00' + to_milliseconds(CAST({} % 1800000 AS BIGINT)) AS timestamp"


class Cost(NamedTuple):
    """Seconds of the processor and of the clock."""

    cpu: float
    wall: float


def main() -> int:
    """Print a table of costs and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000, help="exposures of the experiment's log")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="gate-bench-") as temp:
        large, small = Path(temp, "large"), Path(temp, "small")
        make(large, rows)
        make(small, rows // 10)
        decoded = cost(lambda: decode(large))
        audited = cost(lambda: audit(large))
        small_audit = cost(lambda: audit(small))
        merged = cost(lambda: merge(small))
    print(f"{rows:,} exposures, {rows // 3:,} canary rows, Parquet with zstd; medians of {RUNS} runs, seed {SEED}")
    for name, one, base in (
        ("decode", decoded, decoded),
        ("audit", audited, decoded),
        ("audit, 1/10 of the rows", small_audit, small_audit),
        ("pandas outer merge, 1/10", merged, small_audit),
    ):
        of = "decode" if base is decoded else "audit, 1/10"
        print(f"{name:26}{one.cpu:8.2f} CPU s{one.wall:8.2f} s   {one.cpu / base.cpu:5.2f} x {of}")
    return 0


def make(folder: Path, rows: int) -> None:
    """Write both logs: a third as many units as exposures, 5 % of them in the canary.

    Args:
        folder: where to.
        rows: exposures.
    """
    folder.mkdir()
    units = rows // 3
    arm = f"CASE WHEN hash(u, 'arm', {SEED}) % 2 = 0 THEN 'control' ELSE 'treatment' END AS variant"
    cohort = f"CASE WHEN hash(u, 'canary', {SEED}) % 100 < 5 THEN 'canary' ELSE 'baseline' END AS cohort"
    exposures = f"(SELECT i, CAST(hash(i, {SEED}) % {units} AS BIGINT) AS u FROM range({rows}) r(i))"
    logs = {
        EXPERIMENT: f"SELECT {_ID}, {arm}, {_TIME.format('i')} FROM {exposures}",
        CANARY: f"SELECT {_ID}, {cohort}, {_TIME.format('u')} FROM range({units}) r(u)",
    }
    with duckdb.connect() as connection:
        for name, query in logs.items():
            connection.execute(f"COPY ({query}) TO '{folder / name}' (FORMAT parquet, COMPRESSION zstd)")


def decode(folder: Path) -> None:
    """Read the columns that the audit needs, and nothing more."""
    with duckdb.connect() as connection:
        connection.execute(f"SET threads = {cpu_count()}")
        for name, label in ((CANARY, "cohort"), (EXPERIMENT, "variant")):
            query = f"SELECT max(hash(user_id)), max(hash({label})), max(timestamp) FROM '{folder / name}'"
            connection.execute(query).fetchall()


def audit(folder: Path) -> None:
    """The gate's own pass."""
    config = Config(
        canary=CanaryConfig(share=0.05, routing_unit="user_id", assignments=(CANARY,)),
        experiments=(
            ExperimentConfig(
                id="e", unit="user_id", split={"control": 0.5, "treatment": 0.5}, assignments=(EXPERIMENT,)
            ),
        ),
    )
    engine = open_engine(config, workspace=folder)
    try:
        engine.audit_cells()
    finally:
        engine.close()


def merge(folder: Path) -> None:
    """What a notebook does: first exposures by unit, merged, counted by cohort and arm."""
    canary, experiment = (
        pd.read_parquet(folder / name).sort_values("timestamp").drop_duplicates("user_id")
        for name in (CANARY, EXPERIMENT)
    )
    joined = canary.merge(experiment, on="user_id", how="outer", indicator=True)
    joined.groupby(["_merge", "cohort", "variant"], observed=True, dropna=False).size()


def cost(work: Callable[[], None]) -> Cost:
    """Medians of several runs.

    Args:
        work: what to run.
    """
    costs = []
    for _ in range(RUNS):
        wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        work()
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        costs.append(Cost(cpu, time.perf_counter() - wall))
    return Cost(median(one.cpu for one in costs), median(one.wall for one in costs))


if __name__ == "__main__":
    sys.exit(main())
