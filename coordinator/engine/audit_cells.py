"""The audit's cells and facts, counted from the table of units."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from coordinator.engine import sql
from coordinator.engine.logs import Log
from coordinator.engine.session import Session
from coordinator.engine.strata import from_micros
from coordinator.engine.units import LogCounts, Period
from coordinator.model import Cohort, Crossover, LabelCount, LogFacts, PairCell, UnitCell

_DOING = "counting the overlap"
_SAMPLE_ROWS = 1000
_OFFSET = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?| UTC)$"


@dataclass(frozen=True, slots=True)
class Joined:
    """One experiment's joined logs: the names of its view and logs.

    Attributes:
        complete: whether the canary's log lists the baseline too.
        timed: whether both logs have times.
        period: the canary's live period, where both have times.
        begin: the experiment's first declared step in µs, where its log has times.
    """

    experiment: str
    view: str
    canary: Log
    log: Log
    complete: bool
    timed: bool
    period: Period | None
    begin: int | None
    counts: tuple[LogCounts, LogCounts]


def unit_cells(session: Session, joined: Joined) -> tuple[UnitCell, ...]:
    """Units of the audit's population by stratum, cohort and arm at their first joint exposure."""
    query = (
        f"SELECT stratum, cohort, arm, count(*) FROM {joined.view} WHERE joint IS NOT NULL AND arm IS NOT NULL "
        "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    return tuple(
        UnitCell(
            joined.experiment, stratum, Cohort.CANARY if cohort else Cohort.BASELINE, joined.log.labels[arm], units
        )
        for stratum, cohort, arm, units in session.rows(query, doing=_DOING)
    )


def log_facts(session: Session, joined: Joined) -> LogFacts:
    """What the join showed besides the cells."""
    arms = joined.log.labels
    start = joined.period.start if joined.period else None
    lower = [time for time in (start, joined.begin) if time is not None]
    early = f"tl < {max(lower)}" if lower else "FALSE"
    in_canary_log = "fc IS NOT NULL"
    pairs = list(combinations(range(len(arms)), 2))
    columns = {
        "canary_only": f"{in_canary_log} AND fe IS NULL",
        "experiment_only": f"fe IS NOT NULL AND NOT ({in_canary_log})" if joined.complete else "FALSE",
        "crossed": "joint IS NOT NULL AND (arms_seen > 1 OR crossed = 1)",
        "cohorts": "joint IS NOT NULL AND crossed = 1",
        "mixed": "mixed = 1",
        "early": early,
    }
    columns |= {f"pair_{a}_{b}": f"joint IS NOT NULL AND a{a} IS NOT NULL AND a{b} IS NOT NULL" for a, b in pairs}
    # a unit's cohort in the canary's log as such: the first it was seen in
    canary_side = "cf IS NOT NULL AND (bf IS NULL OR cf <= bf)"
    sides = {"canary": canary_side, "baseline": f"{in_canary_log} AND NOT ({canary_side})"}
    for label, side in sides.items():
        columns |= {f"log_{label}": side, f"found_{label}": f"{side} AND fe IS NOT NULL"}
    for index in range(len(arms)):
        columns |= {
            f"arm_{index}": f"p{index} IS NOT NULL",
            f"met_{index}": f"p{index} IS NOT NULL AND {in_canary_log}",
        }
    counts = ", ".join(f"count(CASE WHEN {test} THEN 1 END) AS {name}" for name, test in columns.items())
    values = session.rows(f"SELECT {counts} FROM {joined.view}", doing=_DOING)[0]
    found: dict[str, int] = dict(zip(columns, values, strict=True))
    crossovers = [Crossover("arms", (arms[a], arms[b]), found[f"pair_{a}_{b}"]) for a, b in pairs]
    crossovers.append(Crossover("cohorts", ("canary", "baseline"), found["cohorts"]))
    labels = ("canary", "baseline") if joined.complete else ("canary",)
    coverage = [LabelCount("canary", label, found[f"log_{label}"], found[f"found_{label}"]) for label in labels]
    if joined.complete:
        coverage += [LabelCount("experiment", arm, found[f"arm_{i}"], found[f"met_{i}"]) for i, arm in enumerate(arms)]
    return LogFacts(
        experiment=joined.experiment,
        has_timestamps=joined.timed,
        canary_log_complete=joined.complete,
        canary_only_units=found["canary_only"],
        experiment_only_units=found["experiment_only"],
        crossovers=tuple(item for item in crossovers if item.units),
        crossover_units=found["crossed"],
        mixed_exposure_units=found["mixed"],
        left_out_early=found["early"],
        null_ids=_null_ids(joined),
        coverage=tuple(coverage),
        id_shapes={"canary": _shape(session, joined.canary), "experiment": _shape(session, joined.log)},
        assumed_utc=any(assumed_utc(session, log) for log in (joined.canary, joined.log)),
        start=from_micros(start),
        end=from_micros(joined.period.end) if joined.period else None,
    )


def pair_cells(session: Session, one: Joined, other: Joined) -> tuple[PairCell, ...]:
    """Units seen in two experiments by both arms; units with several arms in one are left out."""
    query = (
        f"SELECT a.own, b.own, count(*) FROM {one.view} a JOIN {other.view} b USING (k) "
        "WHERE a.own IS NOT NULL AND b.own IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    ids = (one.experiment, other.experiment)
    return tuple(
        PairCell(ids, (one.log.labels[first], other.log.labels[second]), 0, units)
        for first, second, units in session.rows(query, doing="joining the experiments")
    )


def assumed_utc(session: Session, log: Log) -> bool:
    """Whether the log's times have no offset, so that they were read as UTC; from the first rows."""
    if log.time is None:
        return False
    kind = log.table.columns[log.time].upper()
    if kind != "VARCHAR":
        return kind.startswith("TIMESTAMP") and not kind.startswith(("TIMESTAMPTZ", "TIMESTAMP WITH"))
    column = f"trim({sql.name(log.time)})"
    query = (
        f"SELECT count(*) FROM (SELECT {column} AS t FROM {log.table.relation} LIMIT {_SAMPLE_ROWS}) "
        f"WHERE contains(t, ':') AND NOT regexp_matches(t, '{_OFFSET}')"
    )
    return bool(session.value(query, doing=_DOING, file=log.table.file))


def _null_ids(joined: Joined) -> tuple[LabelCount, ...]:
    canary, experiment = joined.counts
    found = [("canary", label, pair) for label, pair in zip(joined.canary.labels, canary.by_label, strict=True)]
    found += [("experiment", arm, pair) for arm, pair in zip(joined.log.labels, experiment.by_label, strict=True)]
    return tuple(LabelCount(log, label, rows, null) for log, label, (rows, null) in found if rows)


def _shape(session: Session, log: Log) -> str:
    """The most frequent shape of the first ids."""
    query = (
        f"SELECT {sql.shape('id')} AS shape, count(*) FROM (SELECT id FROM {log.relation} WHERE id IS NOT NULL "
        f"LIMIT {_SAMPLE_ROWS}) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"
    )
    found: list[tuple[Any, ...]] = session.rows(query, doing=_DOING, file=log.table.file)
    return str(found[0][0]) if found else ""
