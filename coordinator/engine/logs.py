"""The two assignment logs: which column is what, which word means what, and which rows cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coordinator.config import CanaryConfig, Config, ExperimentConfig
from coordinator.engine import sql
from coordinator.engine.scan import Table, open_table
from coordinator.engine.session import Session
from coordinator.errors import InputError

CANARY, BASELINE = 1, 0
UNKNOWN, BAD_TIME = -1, -2
_BASELINE_WORDS = ("baseline", "stable", "control")
_TRUE, _FALSE = ("true", "1", "t", "yes"), ("false", "0", "f", "no")


@dataclass(frozen=True, slots=True)
class Log:
    """One log as SQL: ``id`` (text), ``l`` (label's number; negative: cannot be read; NULL: not of this log), ``t``.

    Attributes:
        number: SQL of the label's number, whatever the time is.
        labels: words of the labels 0, 1, ...
        timed: whether the log has times; ``t`` is 0 without.
        word: SQL of the label as it stands, for messages.
        other_builds: whether a row of an unknown cohort is another build's, and no fault.
    """

    table: Table
    relation: str
    number: str
    labels: tuple[str, ...]
    timed: bool
    word: str
    unit: str
    time: str | None
    other_builds: bool = False

    @property
    def keyed(self) -> str:
        """The log with ``k``, the 64-bit key of the id, instead of the id."""
        return f"(SELECT CASE WHEN id IS NULL THEN NULL ELSE hash(id) END AS k, l, t FROM {self.relation})"


def canary_log(table: Table, config: Config, *, shared: bool) -> Log:
    """The canary's log.

    Args:
        table: its files.
        config: names of columns and cohorts.
        shared: whether the table holds both logs, so that a row without a cohort belongs to the other.

    Raises:
        InputError: a column is not there.
    """
    canary = config.canary
    unit = _unit(table, canary.columns.unit, canary.routing_unit or "", config, "canary.columns.unit")
    boolean = _column(table, canary.columns.canary, "canary", "canary.columns.canary")
    cohort = _column(table, canary.columns.cohort, "cohort", "canary.columns.cohort")
    if cohort is not None and (canary.columns.canary is None or boolean is None):
        word = sql.label(sql.name(cohort))
        number = _cohort(word, canary)
    elif boolean is not None:
        word = sql.label(sql.name(boolean))
        yes, no = (f"{word} IN ({sql.texts(words)})" for words in (_TRUE, _FALSE))
        number = f"CASE WHEN {yes} THEN {CANARY} WHEN {no} THEN {BASELINE} ELSE {UNKNOWN} END"
    else:
        raise _no_column(
            table, "cohort", "canary.columns.cohort", "or give a boolean column as `canary.columns.canary`"
        )
    other_builds = bool(canary.cohorts.canary)
    time = _column(table, canary.columns.timestamp, "timestamp", "canary.columns.timestamp")
    return _log(table, unit, word, number, time, ("baseline", "canary"), shared, other_builds)


def experiment_log(table: Table, experiment: ExperimentConfig, config: Config, *, shared: bool) -> Log:
    """One experiment's log; label ``j`` is the ``j``-th arm of the split.

    Args:
        table: its files.
        experiment: the experiment.
        config: aliases of the unit.
        shared: whether the table holds both logs, so that a row without a variant belongs to the other.

    Raises:
        InputError: a column is not there.
    """
    where = f"experiments.{experiment.id}.columns"
    columns = experiment.columns
    unit = _unit(table, columns.unit, experiment.unit or "", config, f"{where}.unit")
    variant = _column(table, columns.variant, "variant", f"{where}.variant")
    if variant is None:
        raise _no_column(table, "variant", f"{where}.variant")
    arms = tuple(experiment.split)
    exact = len({arm.lower() for arm in arms}) < len(arms)
    raw = sql.name(variant)
    word = f"NULLIF(trim(CAST({raw} AS VARCHAR)), '')"
    found = word if exact else f"lower({word})"
    cases = [f"WHEN {found} = {sql.text(arm if exact else arm.lower())} THEN {index}" for index, arm in enumerate(arms)]
    ignored = [name if exact else name.lower() for name in experiment.ignore_variants]
    if ignored:
        cases.append(f"WHEN {found} IN ({sql.texts(ignored)}) THEN NULL")
    number = f"CASE {' '.join(cases)} ELSE {UNKNOWN} END"
    only = ""
    if columns.experiment is not None:
        column = _column(table, columns.experiment, columns.experiment, f"{where}.experiment")
        only = f"trim(CAST({sql.name(column or columns.experiment)} AS VARCHAR)) = {sql.text(experiment.id)}"
    time = _column(table, columns.timestamp, "timestamp", f"{where}.timestamp")
    return _log(table, unit, word, number, time, arms, shared, other_builds=False, only=only)


def _cohort(word: str, canary: CanaryConfig) -> str:
    own = [value.strip().lower() for value in canary.cohorts.canary]
    others = [value.strip().lower() for value in canary.cohorts.baseline]
    yes = own or ["canary", *([canary.sha.strip().lower()] if canary.sha else [])]
    no = others or [value for value in _BASELINE_WORDS if value not in own]
    is_canary, is_baseline = sql.matches(word, yes), sql.matches(word, no)
    return f"CASE WHEN {is_canary} THEN {CANARY} WHEN {is_baseline} THEN {BASELINE} ELSE {UNKNOWN} END"


def _log(
    table: Table,
    unit: str,
    word: str,
    number: str,
    time: str | None,
    labels: tuple[str, ...],
    shared: bool,
    other_builds: bool,
    only: str = "",
) -> Log:
    timed = number
    if time is None:
        t = "0::BIGINT"
    else:
        t = sql.epoch_us(sql.name(time), table.columns[time])
        timed = f"CASE WHEN ({number}) >= 0 AND ({t}) IS NULL THEN {BAD_TIME} ELSE ({number}) END"
    conditions = [only] if only else []
    if shared:
        conditions.append(f"{word} IS NOT NULL")
    kept = " AND ".join(conditions)
    if kept and time is not None and table.has_json:  # a line that is no JSON is of neither log, and counted
        kept = f"(({kept}) IS TRUE OR ({sql.name(unit)} IS NULL AND {sql.name(time)} IS NULL))"
    where = f" WHERE {kept}" if kept else ""
    own = sql.unit_id(sql.name(unit), table.columns[unit])
    relation = f"(SELECT {own} AS id, {timed} AS l, {t} AS t FROM {table.relation}{where})"
    return Log(table, relation, number, labels, time is not None, word, unit, time, other_builds)


def _unit(table: Table, given: str | None, unit: str, config: Config, key: str) -> str:
    aliases = [name for alias, names in config.audit.unit_aliases.items() for name in (alias, *names)]
    found = table.find(given or unit, aliases=() if given else aliases)
    if found is None:
        raise _no_column(table, given or unit, key)
    return found


def _column(table: Table, given: str | None, default: str, key: str) -> str | None:
    found = table.find(given or default)
    if found is None and given is not None:
        raise _no_column(table, given, key)
    return found


def _no_column(table: Table, wanted: str, key: str, more: str = "") -> InputError:
    columns = ", ".join(f"`{column}`" for column in list(table.columns)[:20])
    fix = f"Name the column in `{key}`" + (f", {more}." if more else ".")
    return InputError.of(
        "no_column", f"{table.what} has no column `{wanted}`; it has {columns}", file=table.file, fix=fix
    )


# ------------------------------------------------------------ rows that cannot be read


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Rows of a log: all, with an unknown label, with a time that is none."""

    rows: int
    unknown: int
    bad_time: int


def check_rows(
    session: Session, log: Log, counts: RowCounts, allowed: float, files: Sequence[Path], workspace: Path
) -> list[str]:
    """Refuse a log with too many rows that cannot be read; else say how many there were.

    Args:
        session: the connection; the log's scan has filled its reject tables.
        log: the log.
        counts: what the scan counted.
        allowed: the share of such rows that is tolerated.
        files: the log's files, to find the first such row.
        workspace: paths in messages are relative to it.

    Returns:
        Warnings.

    Raises:
        InputError: no rows at all, or more unreadable ones than allowed.
    """
    what = log.table.what
    lost, first_lost = _rejected(session, log.table)
    rows = counts.rows + lost
    if rows == 0:
        fix = "Check the export and, for a shared table, the experiment's id."
        raise InputError.of("no_rows", f"{what} has no rows of this release", file=log.table.file, fix=fix)
    unknown = 0 if log.other_builds else counts.unknown
    bad = unknown + counts.bad_time + lost
    notes = []
    if log.other_builds and counts.unknown:
        notes.append(f"{counts.unknown:,} rows of {what} are of other builds and were left out (`canary.cohorts`).")
    if not bad:
        return notes
    where = first_lost if lost else _first(session, log, files, workspace, UNKNOWN if unknown else BAD_TIME)
    text = f"{bad:,} of {rows:,} rows of {what} ({bad / rows:.2%}) cannot be read; the first: {where}"
    if bad > allowed * rows:
        fix = _how_to_fix(log, unknown=bool(unknown))
        raise InputError.of("bad_rows", text, file=log.table.file, fix=fix)
    return [*notes, text + "."]


def _how_to_fix(log: Log, *, unknown: bool) -> str:
    words = ", ".join(f"`{word}`" for word in log.labels)
    if unknown and log.labels == ("baseline", "canary"):
        return f"Expected {words}; say what the log's words mean in `canary.cohorts`."
    if unknown:
        return f"Expected {words}; correct `split`, or name what is no arm in `ignore_variants`."
    return "Correct the export, or raise `audit.max_bad_rows`."


def _rejected(session: Session, table: Table) -> tuple[int, str]:
    """How many lines of CSV files fit no row, and the first of them. A scan that ran twice counts once."""
    count, first = 0, ""
    for name in table.rejects:
        lines = (
            "(SELECT parse_filename(f.file_path) AS file, r.line, min(r.error_message) AS message "
            f"FROM {name} r JOIN {name}_files f USING (scan_id, file_id) GROUP BY 1, 2)"
        )
        query = f"SELECT count(*) OVER (), file, line, message FROM {lines} ORDER BY 2, 3 LIMIT 1"
        for total, file, line, message in session.rows(query, doing=f"reading {table.what}"):
            count += total
            first = first or f"{file}, line {line}: {str(message).splitlines()[0]}"
    return count, first


def _first(session: Session, log: Log, files: Sequence[Path], workspace: Path, code: int) -> str:
    """The file, row and word of the first row with ``code``."""
    session.connection.execute("SET preserve_insertion_order = true")
    try:
        for path in files:
            table = open_table(session, [path], workspace, log.table.what)
            numbered = (  # with every column of all files
                f"(SELECT * FROM (SELECT * FROM {log.table.relation} LIMIT 0) UNION ALL BY NAME "
                f"SELECT *, row_number() OVER () AS gate_row FROM {table.relation})"
            )
            one = log.relation.replace(log.table.relation, numbered)
            shown = log.word if code == UNKNOWN else f"CAST({sql.name(log.time or '')} AS VARCHAR)"
            inner = one.replace("SELECT ", f"SELECT gate_row AS row, {shown} AS word, ", 1)
            query = f"SELECT row, word FROM {inner} WHERE l = {code} ORDER BY row LIMIT 1"
            found = session.rows(query, doing=f"reading {log.table.what}", file=table.file)
            if found:
                row, word = found[0]
                what = "an unknown label" if code == UNKNOWN else "no time"
                return f"{table.file}, row {row}: {'nothing' if word is None else repr(str(word)[:60])} is {what}"
    finally:
        session.connection.execute("SET preserve_insertion_order = false")
    return log.table.file
