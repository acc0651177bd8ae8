"""The per-unit table: one row a unit, one column a metric, joined to the units of the logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coordinator.config import ExperimentConfig, MetricConfig
from coordinator.engine import sql
from coordinator.engine.logs import Log
from coordinator.engine.scan import Table
from coordinator.engine.session import Session
from coordinator.engine.strata import index_sql, own_strata
from coordinator.errors import InputError
from coordinator.model import ArmCell, Cells, Cohort, Counts, MetricCell, MetricType, Moments, RankCell, RankSum

_DOING = "reading the experiment's metrics"
_SAMPLE_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of the table: its column, and the second one of a ratio or a covariate."""

    name: str
    column: str
    settings: MetricConfig

    @property
    def second(self) -> str | None:
        """The denominator's or the covariate's column."""
        return self.settings.denominator or self.settings.covariate


def arm_cells(session: Session, view: str, log: Log, experiment: ExperimentConfig) -> tuple[ArmCell, ...]:
    """Analysed units by arm, the experiment's own stratum, and whether they were ever in the canary.

    Args:
        session: the connection.
        view: the joined units.
        log: the experiment's log.
        experiment: its steps.
    """
    stratum = index_sql("first_seen", own_strata(experiment) if log.timed else ())
    query = (
        f"SELECT {stratum}, own, ever, count(*) FROM {view} WHERE own IS NOT NULL AND crossed = 0 "
        "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    return tuple(
        ArmCell(experiment.id, int(stratum), log.labels[own], Cohort.CANARY if ever else Cohort.BASELINE, units)
        for stratum, own, ever, units in session.rows(query, doing=_DOING)
    )


def metric_columns(
    session: Session, table: Table, experiment: ExperimentConfig, unit: str, wanted: Iterable[str]
) -> list[Column]:
    """The columns that are metrics: those the config names, and every other that holds numbers.

    Args:
        session: the connection.
        table: the per-unit table.
        experiment: settings by metric.
        unit: the unit's column.
        wanted: metrics that the config names elsewhere (primary, minimum effects).

    Raises:
        InputError: a named column that is not there.
    """
    seconds = {
        item for settings in experiment.metrics.values() for item in (settings.denominator, settings.covariate) if item
    }
    named = list(dict.fromkeys([*([experiment.primary] if experiment.primary else []), *experiment.metrics, *wanted]))
    missing = [name for name in [*named, *sorted(seconds)] if table.find(name) is None]
    if missing:
        columns = ", ".join(f"`{column}`" for column in list(table.columns)[:20])
        text = f"the table has no column {', '.join(f'`{name}`' for name in missing)}; it has {columns}"
        raise InputError.of("no_column", text, file=table.file, fix="Correct the metric's name.")
    skipped = {unit, *(column for second in seconds if (column := table.find(second)))}
    found = {
        table.find(name): Column(name, table.find(name) or name, experiment.metrics.get(name, MetricConfig()))
        for name in named
    }
    others = [column for column in table.columns if column not in skipped and column not in found]
    numeric = _numeric(session, table, others)
    skip = {"variant", "timestamp", "cohort", "experiment_id", experiment.columns.variant, experiment.columns.timestamp}
    rest = [Column(name, name, MetricConfig()) for name in others if name in numeric and name not in skip]
    return [*found.values(), *rest]


def _numeric(session: Session, table: Table, columns: Sequence[str]) -> set[str]:
    typed = {column for column in columns if sql.is_number(table.columns[column])}
    texts = [column for column in columns if table.columns[column].upper() == "VARCHAR"]
    if texts:
        tests = ", ".join(
            f"count({sql.name(c)}) > 0 AND count(CASE WHEN isnan({sql.number(sql.name(c), 'VARCHAR')}) "
            f"AND lower(trim({sql.name(c)})) <> 'nan' THEN 1 END) = 0"
            for c in texts
        )
        rows = session.rows(
            f"SELECT {tests} FROM (SELECT * FROM {table.relation} LIMIT {_SAMPLE_ROWS})", doing=_DOING, file=table.file
        )
        typed |= {column for column, yes in zip(texts, rows[0], strict=True) if yes}
    return typed


def make_joined(
    session: Session,
    table: Table,
    unit: str,
    columns: Sequence[Column],
    view: str,
    experiment: ExperimentConfig,
    *,
    timed: bool,
) -> tuple[str, int, int]:
    """Join the table to the units once, as a temporary table with ``own``, ``ever``, ``stratum``, ``x0``, ``y0``...

    Args:
        session: the connection.
        table: the per-unit table.
        unit: the unit's column.
        columns: the metrics.
        view: the joined units.
        experiment: its steps.
        timed: whether the experiment's log has times.

    Returns:
        The table's name, its rows, and the rows whose unit is in the experiment.

    Raises:
        InputError: a unit that stands twice, or no unit that is in the experiment.
    """
    name = f"{view}_metrics"
    values = []
    for index, item in enumerate(columns):
        values.append(f"{sql.number(sql.name(item.column), table.columns[item.column])} AS x{index}")
        second = table.find(item.second) if item.second else None
        if second:
            values.append(f"{sql.number(sql.name(second), table.columns[second])} AS y{index}")
    stratum = index_sql("first_seen", own_strata(experiment) if timed else ())
    own = sql.unit_id(sql.name(unit), table.columns[unit])
    rows = f"(SELECT {', '.join([f'{own} AS id', *values])} FROM {table.relation})"
    query = (
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT m.*, u.own, u.ever, {stratum} AS stratum, u.k AS joined, "
        "(u.own IS NOT NULL AND u.crossed = 0) AS kept "
        f"FROM (SELECT *, hash(id) AS k FROM {rows} WHERE id IS NOT NULL) m "
        f"LEFT JOIN (SELECT k, own, ever, crossed, first_seen FROM {view} WHERE first_seen IS NOT NULL) u ON m.k = u.k"
    )
    session.rows(query, doing=_DOING, file=table.file)
    total, distinct, joined = session.rows(
        f"SELECT count(*), count(DISTINCT k), count(joined) FROM {name}", doing=_DOING
    )[0]
    if distinct < total:
        text = f"{total - distinct:,} rows repeat a unit; expected one row a unit"
        raise InputError.of("unit_twice", text, file=table.file, fix="Aggregate the table to one row a unit.")
    if not joined:
        text = "no unit of the table is in the experiment's log"
        raise InputError.of("no_join", text, file=table.file, fix="Check that both hold the same ids.")
    return name, total, joined


def metric_cells(
    session: Session, name: str, columns: Sequence[Column], arms: Sequence[str], experiment: ExperimentConfig
) -> Cells:
    """Moments or counts of every metric by arm, stratum and cohort, and the ranks of the heavy-tailed ones.

    Args:
        session: the connection.
        name: the table from ``make_joined``.
        columns: the metrics.
        arms: of the split.
        experiment: its id and control.
    """
    cells: list[MetricCell] = []
    ranks: list[RankCell] = []
    for index, item in enumerate(columns):
        own, data = _one(session, name, index, item, arms, experiment)
        cells += own
        pooled: dict[str, Moments] = {}
        for cell in own:
            if isinstance(cell.data, Moments) and cell.data.n:
                pooled[cell.arm] = pooled[cell.arm] + cell.data if cell.arm in pooled else cell.data
        if data == "moments" and item.second is None and any(moments.heavy_tailed for moments in pooled.values()):
            ranks += _ranks(session, name, index, item, arms, experiment)
    return Cells(metrics=tuple(cells), ranks=tuple(ranks))


def _one(
    session: Session, name: str, index: int, item: Column, arms: Sequence[str], experiment: ExperimentConfig
) -> tuple[list[MetricCell], str]:
    x, y = f"x{index}", f"y{index}"
    low, high, mean, flags, y_mean = session.rows(
        f"SELECT min({x}), max({x}), avg({x}), count(CASE WHEN {x} NOT IN (0, 1) THEN 1 END) = 0, "
        f"{f'avg({y})' if item.second else 'NULL'} FROM {name} WHERE kept",
        doing=_DOING,
    )[0]
    by = "SELECT own, stratum, ever, "
    where = f" FROM {name} WHERE kept GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    kind = item.settings.type
    plain = item.second is None and item.settings.winsorize is None
    if plain and flags and low is not None and kind in {None, MetricType.PROPORTION, MetricType.RATE}:
        rows = session.rows(f"{by} coalesce(sum({x}), 0), count({x}){where}", doing=_DOING)
        return [_cell(item, row, arms, experiment, Counts(float(row[3]), float(row[4]))) for row in rows], "counts"
    value = x
    if item.settings.winsorize is not None and high is not None:
        cap = session.value(
            f"SELECT quantile_cont({x}, {item.settings.winsorize}) FROM {name} WHERE kept AND isfinite({x})",
            doing=_DOING,
        )
        if cap is not None:  # a cell that is empty or no number stays so
            value = f"CASE WHEN {x} > {float(cap)!r} AND isfinite({x}) THEN {float(cap)!r} ELSE {x} END"
    shift, y_shift = _literal(mean), _literal(y_mean)
    d, e = f"({value} - {shift})", f"({y} - {y_shift})"
    if item.second:
        both = f"{x} IS NOT NULL AND {y} IS NOT NULL"
        d, e = f"CASE WHEN {both} THEN {d} END", f"CASE WHEN {both} THEN {e} END"
        sums = f"count({d}), sum({d}), sum({d} * {d}), sum({d} * {d} * {d}), sum({e}), sum({e} * {e}), sum({d} * {e})"
    else:
        sums = f"count({d}), sum({d}), sum({d} * {d}), sum({d} * {d} * {d})"
    rows = session.rows(f"{by} {sums}{where}", doing=_DOING)
    shifts = (float(shift), float(y_shift))
    return [_cell(item, row, arms, experiment, _moments(row[3:], *shifts)) for row in rows], "moments"


def _cell(
    item: Column, row: tuple[Any, ...], arms: Sequence[str], experiment: ExperimentConfig, data: Counts | Moments
) -> MetricCell:
    cohort = Cohort.CANARY if row[2] else Cohort.BASELINE
    return MetricCell(item.name, cohort, data, int(row[1]), experiment.id, arms[row[0]])


def _moments(sums: Sequence[Any], shift: float, y_shift: float) -> Moments:
    n = float(sums[0])
    if not n:
        return Moments(0, float("nan"), 0.0)
    first = Moments.from_sums(n, float(sums[1]), float(sums[2]), shift, float(sums[3]))
    if len(sums) == 4:
        return first
    second = Moments.from_sums(n, float(sums[4]), float(sums[5]), y_shift)
    xy = float(sums[6]) - float(sums[1]) * float(sums[4]) / n
    return Moments(n, first.mean, first.m2, first.m3, second.mean, second.m2, xy)


def _literal(value: float | None) -> str:
    """A shift as SQL; 0 where there is none or it is not finite."""
    return repr(float(value)) if value is not None and value - value == 0 else "0.0"


def _ranks(
    session: Session, name: str, index: int, item: Column, arms: Sequence[str], experiment: ExperimentConfig
) -> list[RankCell]:
    """Mann-Whitney's numbers of every arm against control, exact and tie-corrected, with and without canary users."""
    control = arms.index(experiment.control_arm)
    cells = []
    for without_canary in (False, True):
        kept = "kept AND ever = 0" if without_canary else "kept"
        for arm, label in enumerate(arms):
            if arm == control:
                continue
            query = (
                "SELECT stratum, sum(c), sum(t), sum(t * (below + c / 2.0)), sum(((c + t) ** 3) - (c + t)) FROM ("
                "SELECT *, coalesce(sum(c) OVER (PARTITION BY stratum ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING "
                f"AND 1 PRECEDING), 0) AS below FROM (SELECT stratum, x{index} AS v, "
                f"count(CASE WHEN own = {control} THEN 1 END)::DOUBLE AS c, "
                f"count(CASE WHEN own = {arm} THEN 1 END)::DOUBLE AS t "
                f"FROM {name} WHERE {kept} AND x{index} IS NOT NULL AND own IN ({control}, {arm}) GROUP BY 1, 2)) "
                "GROUP BY 1 ORDER BY 1"
            )
            for stratum, n_control, n_treatment, u, ties in session.rows(query, doing=_DOING):
                ranks = RankSum(int(n_control), int(n_treatment), float(u), float(ties))
                cells.append(RankCell(experiment.id, item.name, label, int(stratum), without_canary, ranks))
    return cells


def coverage_note(joined: int, units: int, table: Table) -> Mapping[str, str]:
    """A warning where many of the experiment's units have no row in the table; empty without."""
    if units and joined < 0.99 * units:
        text = f"{units - joined:,} of {units:,} units of the experiment have no row in {table.file} and were left out."
        return {"warning": text}
    return {}
