"""One row a unit: both logs joined in one pass, and the audit's cells counted from it.

Words of the tables: ``k`` key; ``cf``, ``cl`` first and last time in the canary, ``bf``, ``bl`` in the baseline;
``a0``, ``a1``... first time in each arm since the experiment's first step, ``p0``, ``p1``... the same inside the
canary's live period; ``tl`` last time in any arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from coordinator.engine.logs import BAD_TIME, BASELINE, CANARY, UNKNOWN, Log, RowCounts
from coordinator.engine.session import Session
from coordinator.engine.strata import index_sql, micros

CANARY_UNITS = "canary_units"


@dataclass(frozen=True, slots=True)
class Period:
    """The canary's live period in µs; the whole log where it has no times."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LogCounts:
    """What the pass over one log counted: rows by fault, rows and null ids by label, first and last time in µs.

    Attributes:
        covered: whether the table of units has no ``p0``, ``p1``..., as they are ``a0``, ``a1``...
    """

    rows: RowCounts
    by_label: tuple[tuple[int, int], ...]
    first: int | None
    last: int | None
    covered: bool = False


def live_period(session: Session, log: Log, begin: datetime | None) -> Period | None:
    """From the first to the last canary row, not before ``begin``; None without times or such rows.

    Args:
        session: the connection.
        log: the canary's log.
        begin: the canary's first declared step.
    """
    if not log.timed:
        return None
    query = f"SELECT min(t), max(t) FROM {log.relation} WHERE l = {CANARY}"
    first, last = session.rows(query, doing=f"reading {log.table.what}", file=log.table.file)[0]
    if first is None or (begin and last < micros(begin)):
        return None
    return Period(max(first, micros(begin)) if begin else first, last)


def make_canary_units(session: Session, log: Log, period: Period | None) -> LogCounts:
    """The canary log's units in one pass, as the table ``canary_units``; rows outside the live period are left out.

    Args:
        session: the connection.
        log: the canary's log.
        period: its live period.
    """
    inside = f"t BETWEEN {period.start} AND {period.end}" if period else "TRUE"
    of = f"CASE WHEN l = {{}} AND {inside} THEN t END"
    times = (
        f"min({of.format(CANARY)}) AS cf, max({of.format(CANARY)}) AS cl, "
        f"min({of.format(BASELINE)}) AS bf, max({of.format(BASELINE)}) AS bl"
    )
    narrow = _narrow(session, log)
    if narrow and period:  # whose end is the last canary row's: cl is needed for nothing else
        times = times.replace(f"max({of.format(CANARY)})", "NULL::BIGINT")
    counts = "" if narrow else f", {_counts(2)}"
    query = f"CREATE OR REPLACE TEMP TABLE {CANARY_UNITS} AS SELECT k, {times}{counts} FROM {log.keyed} GROUP BY k"
    session.rows(query, doing=f"reading {log.table.what}", file=log.table.file)
    last = str(period.end) if narrow and period else "greatest(max(cl), max(bl))"
    return _counted(session, log, CANARY_UNITS, f"least(min(cf), min(bf)), {last}", narrow)


def make_units(session: Session, log: Log, period: Period | None, table: str, begin: datetime | None) -> LogCounts:
    """Both logs' units in one pass over the experiment's log.

    Args:
        session: the connection, with ``canary_units``.
        log: the experiment's log.
        period: the canary's live period.
        table: the name of the table to make.
        begin: the experiment's first declared step.
    """
    arms = range(len(log.labels))
    period = period if log.timed else None
    start = micros(begin) if begin and log.timed else None
    narrow = _narrow(session, log)
    known = [(item.first, item.last) for code, item in narrow.items() if code >= 0 and item.rows]
    first_row, last_row = (min(a for a, _ in known), max(b for _, b in known)) if known else (None, None)
    after = f"t >= {start}" if start is not None else "TRUE"
    covered = period is None  # whether every row is inside the period: then p0, p1... are a0, a1...
    if period and first_row is not None and last_row is not None:
        covered = period.start <= first_row and last_row <= period.end
    inside = f"t BETWEEN {period.start} AND {period.end} AND {after}" if period else after
    firsts = [f"min(CASE WHEN l = {arm} AND {after} THEN t END) AS a{arm}" for arm in arms]
    if not covered:
        firsts += [f"min(CASE WHEN l = {arm} AND {inside} THEN t END) AS p{arm}" for arm in arms]
    # a unit's last time says only whether it left before both sides began: none did if no row is that early
    lower = [time for time in (period.start if period else None, start) if time is not None]
    no_early = bool(narrow) and (not lower or (first_row is not None and first_row >= max(lower)))
    last = "NULL::BIGINT" if no_early else "max(CASE WHEN l >= 0 THEN t END)"
    counts = "" if narrow else f", {_counts(len(log.labels))}"
    query = (
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT k, min(cf) AS cf, min(bf) AS bf, max(bl) AS bl, "
        f"{last} AS tl, {', '.join(firsts)}{counts} "
        f"FROM (SELECT k, cf, bf, bl, NULL::BIGINT AS t, NULL::INTEGER AS l FROM {CANARY_UNITS} WHERE k IS NOT NULL "
        "UNION ALL "
        f"SELECT k, NULL, NULL, NULL, t, l FROM {log.keyed} WHERE l IS NOT NULL) GROUP BY k"
    )
    session.rows(query, doing=f"reading {log.table.what}", file=log.table.file)
    first = "least(" + ", ".join(f"min(a{arm})" for arm in arms) + ")"
    end = ("NULL" if last_row is None else str(last_row)) if narrow else "max(tl)"
    return replace(_counted(session, log, table, f"{first}, {end}", narrow), covered=covered)


@dataclass(frozen=True, slots=True)
class _Label:
    """Rows with one label, their first and last time in µs."""

    rows: int
    first: int
    last: int


def _narrow(session: Session, log: Log) -> dict[int, _Label]:
    """Rows and times by label, without the ids, where columns can be read alone (Parquet); empty elsewhere.

    The pass over the ids then counts nothing, which makes each of its rows shorter.
    """
    if not all(file.lower().endswith(".parquet") for file in log.table.files):
        return {}
    query = f"SELECT l, count(*), min(t), max(t) FROM {log.relation} WHERE l IS NOT NULL GROUP BY l"
    found = session.rows(query, doing=f"reading {log.table.what}", file=log.table.file)
    return {label: _Label(rows, first, last) for label, rows, first, last in found}


def _counts(labels: int) -> str:
    parts = [f"count(CASE WHEN l = {label} THEN 1 END) AS n{label}" for label in range(labels)]
    parts += [f"count(CASE WHEN l = {UNKNOWN} THEN 1 END) AS n_unknown"]
    return ", ".join([*parts, f"count(CASE WHEN l = {BAD_TIME} THEN 1 END) AS n_bad_time"])


def _counted(session: Session, log: Log, table: str, period: str, narrow: Mapping[int, _Label]) -> LogCounts:
    labels = range(len(log.labels))
    if narrow:
        first, last, without = session.rows(
            f"SELECT {period}, count(CASE WHEN k IS NULL THEN 1 END) FROM {table}", doing="counting rows"
        )[0]
        null: dict[int, int] = {}
        if without:
            query = f"SELECT l, count(*) FROM {log.relation} WHERE id IS NULL AND l >= 0 GROUP BY l"
            null = dict(session.rows(query, doing=f"reading {log.table.what}", file=log.table.file))
        rows = {label: item.rows for label, item in narrow.items()}
        by_label = tuple((rows.get(label, 0), null.get(label, 0)) for label in labels)
        faults = RowCounts(sum(rows.values()), rows.get(UNKNOWN, 0), rows.get(BAD_TIME, 0))
        return LogCounts(faults, by_label, first, last)
    sums = ", ".join(
        f"coalesce(sum(n{label}), 0)::BIGINT, coalesce(sum(CASE WHEN k IS NULL THEN n{label} END), 0)::BIGINT"
        for label in labels
    )
    faulty = "coalesce(sum(n_unknown), 0)::BIGINT, coalesce(sum(n_bad_time), 0)::BIGINT"
    row = session.rows(f"SELECT {faulty}, {period}, {sums} FROM {table}", doing="counting rows")[0]
    unknown, bad_time, first, last, *pairs = row
    by_label = tuple(zip(pairs[::2], pairs[1::2], strict=True))
    total = sum(rows for rows, _ in by_label)
    return LogCounts(RowCounts(total + unknown + bad_time, unknown, bad_time), by_label, first, last)


def joint_view(
    session: Session,
    table: str,
    view: str,
    arms: int,
    *,
    complete: bool,
    starts: Sequence[datetime],
    timed: bool,
    covered: bool,
) -> None:
    """A view of the units with cohort, arm and stratum at their first joint exposure.

    ``fc``, ``fe`` first times in the canary's log and (inside the live period) in the experiment; ``cohort`` 1 for
    the canary; ``arm`` at the joint exposure; ``own`` the only arm ever seen, NULL where there were several;
    ``ever`` 1 where the unit was ever in the canary; ``crossed`` 1 where it went from the canary back to the baseline.

    Args:
        session: the connection.
        table: from ``make_units``.
        view: the name of the view.
        arms: number of arms.
        complete: whether the canary's log lists the baseline too; without, everyone else is the baseline.
        starts: of the strata after the first.
        timed: whether both logs have times.
        covered: whether the table has ``a0``... alone, as no row is outside the live period.
    """
    seen = [f"a{arm}" for arm in range(arms)]
    inside = [f"p{arm}" for arm in range(arms)]
    stratum = index_sql("joint", tuple(starts))
    # of a log that lists the canary alone, a unit is the canary's if it became so before its stratum was over
    cohort = (
        "CASE WHEN cf IS NOT NULL AND cf <= joint AND (bf IS NULL OR bf > joint OR cf >= bf) THEN 1 ELSE 0 END"
        if complete
        else f"CASE WHEN cf IS NOT NULL AND {index_sql('cf', tuple(starts))} <= {stratum} THEN 1 ELSE 0 END"
    )
    joint = "CASE WHEN fe IS NULL OR fc IS NULL THEN NULL ELSE greatest(fc, fe) END" if complete else "fe"
    latest = (
        "greatest(" + ", ".join(f"coalesce(CASE WHEN {p} <= joint THEN {p} END, -9e18::BIGINT)" for p in inside) + ")"
    )
    arm = " ".join(f"WHEN {p} = {latest} THEN {index}" for index, p in enumerate(inside))
    own = " ".join(f"WHEN {a} IS NOT NULL THEN {index}" for index, a in enumerate(seen))
    several = " + ".join(f"({a} IS NOT NULL)::INTEGER" for a in seen)
    crossed = "bl > cf" if timed else "bl IS NOT NULL AND cf IS NOT NULL"
    first = f"least({', '.join(seen)})"
    kept = [f"a{arm} AS p{arm}" for arm in range(arms)] if covered else inside
    query = (
        f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT *, {stratum} AS stratum, {cohort} AS cohort, "
        f"CASE WHEN joint IS NULL THEN NULL {arm} END AS arm FROM (SELECT *, {joint} AS joint FROM ("
        f"SELECT k, cf, bf, bl, tl, {', '.join(seen)}, {', '.join(kept)}, least(cf, bf) AS fc, "
        f"least({', '.join(seen if covered else inside)}) AS fe, "
        f"{first} AS first_seen, CASE WHEN {several} > 1 THEN NULL {own} END AS own, {several} AS arms_seen, "
        f"(cf IS NOT NULL)::INTEGER AS ever, coalesce({crossed}, FALSE)::INTEGER AS crossed, "
        f"(cf IS NOT NULL AND bf IS NOT NULL)::INTEGER AS mixed FROM {table} WHERE k IS NOT NULL))"
    )
    session.rows(query, doing="joining the logs")
