"""The canary's metrics as interval rows: rates, means, gauges and samples, by cohort and interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from coordinator.config import Config
from coordinator.documents import WindowSpec
from coordinator.engine import sql
from coordinator.engine.logs import BASELINE, CANARY, UNKNOWN, Log, RowCounts, canary_log
from coordinator.engine.scan import Table
from coordinator.engine.session import Session
from coordinator.engine.strata import from_micros, micros
from coordinator.errors import InputError
from coordinator.model import CellData, Cells, Cohort, Counts, Histogram, MetricCell, Moments, Series, Window

_DOING = "reading the canary's metrics"
_FORMS = (("numerator", "denominator"), ("n", "sum", "sum_sq"), ("value",))
_DEFAULT_STEP = timedelta(minutes=1)
_MINUTE_US = 60_000_000
ROWS = "canary_rows"


@dataclass(frozen=True, slots=True)
class Rows:
    """The table of rows as it was read: the log view of it, the forms it has, what was counted.

    ``by_unit``: the rows carry the unit's id, so that rates count units with an event, not events.
    """

    log: Log
    forms: tuple[tuple[str, ...], ...]
    counts: RowCounts
    by_unit: bool = False
    without_id: int = 0


def make_rows(session: Session, table: Table, config: Config) -> Rows:
    """Read the rows once into a temporary table: metric, cohort (1 canary), time, numbers.

    Args:
        session: the connection.
        table: the files.
        config: words of the cohorts, and the window where it has a start and an end.

    Raises:
        InputError: a column is not there.
    """
    metric = _needed(table, "metric")
    _needed(table, "timestamp")
    _needed(table, "cohort")
    forms = tuple(form for form in _FORMS if all(table.find(column) for column in form))
    if not forms:
        shown = ", ".join(f"`{column}`" for column in table.columns)
        text = f"{table.what} have none of the forms `numerator, denominator`, `n, sum, sum_sq`, `value`; found {shown}"
        raise InputError.of("no_column", text, file=table.file, fix="See docs/data.md.")
    plain = config.model_copy(
        update={"canary": config.canary.model_copy(update={"columns": type(config.canary.columns)(unit=metric)})}
    )
    log = canary_log(table, plain, shared=False)
    values = [name for form in forms for name in form]
    found = {name: table.find(name) or name for name in values}
    numbers = ", ".join(
        f"{sql.number(sql.name(column), table.columns[column])} AS v_{name}" for name, column in found.items()
    )
    time = sql.epoch_us(sql.name(log.time or "timestamp"), table.columns[log.time or "timestamp"])
    unit = _unit(table, config, taken={metric, log.time})
    key = "NULL"
    if unit is not None:  # a row is a unit's, at any moment: minutes are the intervals
        own = sql.unit_id(sql.name(unit))
        key = f"CASE WHEN ({own}) IS NULL THEN NULL ELSE hash({own}) END"
        time = f"({time}) // {_MINUTE_US} * {_MINUTE_US}"
    named = f"trim(CAST({sql.name(metric)} AS VARCHAR)) <> ''"
    query = (
        f"CREATE OR REPLACE TEMP TABLE {ROWS} AS SELECT trim(CAST({sql.name(metric)} AS VARCHAR)) AS metric, "
        f"CASE WHEN {named} THEN {log.number} ELSE {UNKNOWN} END AS l, {time} AS t, {numbers}, {key} AS k "
        f"FROM {table.relation}"
    )
    session.rows(query, doing=_DOING, file=table.file)
    counts = (
        "SELECT count(*), count(CASE WHEN l = -1 THEN 1 END), count(CASE WHEN l >= 0 AND t IS NULL THEN 1 END), "
        f"count(CASE WHEN k IS NULL THEN 1 END) FROM {ROWS}"
    )
    total, unknown, bad_time, without_id = session.rows(counts, doing=_DOING)[0]
    return Rows(log, forms, RowCounts(total, unknown, bad_time), unit is not None, without_id if unit else 0)


def _unit(table: Table, config: Config, taken: set[str | None]) -> str | None:
    """The column of the unit's id, if the rows have one."""
    names = [name for alias, others in config.audit.unit_aliases.items() for name in (alias, *others)]
    wanted = config.canary.columns.unit or config.canary.routing_unit or ""
    found = table.find(wanted, aliases=[config.canary.routing_unit or wanted, *names]) if wanted else None
    return None if found in taken else found


def row_cells(session: Session, rows: Rows, config: Config) -> Cells:
    """The cells, the intervals and the window of the canary's metrics.

    A row before the canary's first is left out, so that both sides cover the same time; so is one outside the
    window that the config gives with start and end.

    Args:
        session: the connection, after ``make_rows``.
        rows: from ``make_rows``.
        config: the window.
    """
    begin, end = _limits(session, config)
    if begin is None or end is None:
        return Cells()
    inside = f"l IN ({BASELINE}, {CANARY}) AND t >= {begin} AND t < {end}"
    times = [row[0] for row in session.rows(f"SELECT DISTINCT t FROM {ROWS} WHERE {inside} ORDER BY 1", doing=_DOING)]
    intervals = _intervals(times, config)
    index = {time: number for number, time in enumerate(times)}
    cells: list[MetricCell] = []
    for form in rows.forms:
        rates = _unit_rates if rows.by_unit else _rates
        reader = {2: rates, 3: _means, 1: _values}[len(form)]
        cells += reader(session, inside, index, intervals)
    window = Window(intervals[0].start, intervals[-1].end) if intervals else None
    return Cells(metrics=tuple(cells), intervals=intervals, windows={"canary": window} if window else {})


def _limits(session: Session, config: Config) -> tuple[int | None, int | None]:
    window = config.canary.window
    if isinstance(window, WindowSpec):
        return micros(window.start), micros(window.end)
    query = f"SELECT min(CASE WHEN l = {CANARY} THEN t END), max(t) FROM {ROWS} WHERE l >= 0"
    first, last = session.rows(query, doing=_DOING)[0]
    return first, None if last is None else last + 1


def _intervals(times: Sequence[int], config: Config) -> tuple[Window, ...]:
    """Each time to the next; the last as long as the usual one, but not beyond a window that is given."""
    if not times:
        return ()
    starts = [_time(value) for value in times]
    steps = [(after - before) for before, after in pairwise(starts)]
    step = timedelta(seconds=median(item.total_seconds() for item in steps)) if steps else _DEFAULT_STEP
    window = config.canary.window
    end = starts[-1] + step
    if isinstance(window, WindowSpec):
        end = min(end, window.end)
    return tuple(Window(start, after) for start, after in zip(starts, [*starts[1:], end], strict=True))


def _time(value: int) -> datetime:
    time = from_micros(value)
    assert time is not None  # noqa: S101 - only None gives None
    return time


def _cohort(label: int) -> Cohort:
    return Cohort.CANARY if label == CANARY else Cohort.BASELINE


def _rates(session: Session, inside: str, index: dict[int, int], _: Sequence[Window]) -> list[MetricCell]:
    # a counter that is absent while its denominator is there is 0
    query = (
        f"SELECT metric, l, t, coalesce(sum(v_numerator), 0), sum(v_denominator) FROM {ROWS} WHERE {inside} "
        "AND v_denominator IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    return [
        MetricCell(metric, _cohort(label), Counts(float(events), float(trials)), index[time])
        for metric, label, time, events, trials in session.rows(query, doing=_DOING)
    ]


def _unit_rates(session: Session, inside: str, index: dict[int, int], _: Sequence[Window]) -> list[MetricCell]:
    """Units with at least one event, each once, in the interval in which it was first seen.

    One user's errors are not independent of each other; an impossible number of any row stays one.
    """
    bad = (
        "isnan(v_numerator) OR isinf(v_numerator) OR v_numerator < 0 OR isnan(v_denominator) OR isinf(v_denominator) "
        "OR v_denominator < 0 OR v_numerator > v_denominator"
    )
    units = (
        f"SELECT metric, l, k, min(t) AS t, max(CASE WHEN v_numerator > 0 THEN 1 ELSE 0 END) AS e, "
        f"max(CASE WHEN {bad} THEN 1 ELSE 0 END) AS bad FROM {ROWS} WHERE {inside} AND v_denominator IS NOT NULL "
        "AND v_denominator <> 0 AND k IS NOT NULL GROUP BY 1, 2, 3"
    )
    query = (
        "SELECT metric, l, t, CASE WHEN max(bad) = 1 THEN 'nan'::DOUBLE ELSE sum(e) END, count(*) "
        f"FROM ({units}) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    return [
        MetricCell(metric, _cohort(label), Counts(float(events), float(trials)), index[time])
        for metric, label, time, events, trials in session.rows(query, doing=_DOING)
    ]


def _means(session: Session, inside: str, index: dict[int, int], _: Sequence[Window]) -> list[MetricCell]:
    query = (
        f"SELECT metric, l, t, sum(v_n), sum(v_sum), sum(v_sum_sq) FROM {ROWS} WHERE {inside} AND v_n IS NOT NULL "
        "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    return [
        MetricCell(metric, _cohort(label), _moments(n, total, squares), index[time])
        for metric, label, time, n, total, squares in session.rows(query, doing=_DOING)
    ]


def _moments(n: float, total: float | None, squares: float | None) -> Moments:
    if total is None or squares is None:
        return Moments(float(n), math.nan, math.nan)
    if not math.isfinite(n) or n < 0 or squares * n < total * total * (1 - 1e-9):  # no real numbers have such sums
        return Moments(float(n), math.nan, math.nan)
    return Moments.from_sums(float(n), float(total), float(squares))


def _values(session: Session, inside: str, index: dict[int, int], intervals: Sequence[Window]) -> list[MetricCell]:
    """One value a cohort and time is a gauge; more are samples."""
    where = f"FROM {ROWS} WHERE {inside} AND v_value IS NOT NULL"
    most = session.rows(
        f"SELECT metric, max(n) FROM (SELECT metric, l, t, count(*) AS n {where} GROUP BY 1, 2, 3) "
        "GROUP BY 1 ORDER BY 1",
        doing=_DOING,
    )
    cells = []
    for metric, count in most:
        own = f"{where} AND metric = {sql.text(metric)}"
        for label in (CANARY, BASELINE):
            data = (
                _gauge(session, f"{own} AND l = {label}", index, intervals)
                if count == 1
                else _samples(session, f"{own} AND l = {label}")
            )
            if data is not None:
                cells.append(MetricCell(metric, _cohort(label), data))
    return cells


def _gauge(session: Session, where: str, index: dict[int, int], intervals: Sequence[Window]) -> CellData | None:
    found: dict[int, Any] = dict(session.rows(f"SELECT t, max(v_value) {where} GROUP BY 1", doing=_DOING))
    if not found:
        return None
    # a gauge that is NaN is missing, never 0
    values = tuple(None if found.get(t) is None or math.isnan(found[t]) else float(found[t]) for t in index)
    return Series(tuple(window.start for window in intervals), values)


def _samples(session: Session, where: str) -> CellData | None:
    rows = session.rows(f"SELECT v_value, count(*) {where} GROUP BY 1 ORDER BY 1", doing=_DOING)
    return Histogram(tuple(float(value) for value, _ in rows), tuple(int(count) for _, count in rows)) if rows else None


def _needed(table: Table, column: str) -> str:
    found = table.find(column)
    if found is None:
        shown = ", ".join(f"`{name}`" for name in table.columns)
        text = f"{table.what} have no column `{column}`; found {shown}"
        raise InputError.of("no_column", text, file=table.file, fix="See docs/data.md for the forms.")
    return found
