"""The embedded engine: DuckDB reads the files, and only cells come back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import combinations
from pathlib import Path

from coordinator.config import Config, ExperimentConfig
from coordinator.documents import WindowSpec
from coordinator.engine import sql
from coordinator.engine.audit_cells import Joined, log_facts, pair_cells, unit_cells
from coordinator.engine.canary_rows import make_rows, row_cells
from coordinator.engine.documents import canary_document_cells, experiment_document_cells
from coordinator.engine.logs import Log, canary_log, check_rows, experiment_log
from coordinator.engine.scan import open_table
from coordinator.engine.session import Session
from coordinator.engine.strata import from_micros, joint_strata, micros
from coordinator.engine.unit_metrics import arm_cells, coverage_note, make_joined, metric_cells, metric_columns
from coordinator.engine.units import LogCounts, Period, joint_view, live_period, make_canary_units, make_units
from coordinator.errors import GateError, InputError, combine
from coordinator.model import Cells, SourceRecord, Window
from coordinator.sources.ledger import Ledger
from coordinator.sources.paths import find_files

_CHUNK = 1 << 20


class DuckEngine:
    """Implements ``engine.base.Engine`` on local files."""

    def __init__(
        self,
        config: Config,
        *,
        workspace: Path,
        temp_dir: Path | None = None,
        progress: Callable[[str], None] | None = None,
        now: datetime,
    ) -> None:
        self.config = config
        self.now = now
        self.workspace = workspace
        self.session = Session(config.engine, temp_dir, progress)
        self._ledger = Ledger(workspace)
        self._joined: dict[str, Joined] = {}
        self._warnings: list[str] = []
        self._notes: list[str] = []

    @property
    def sources(self) -> tuple[SourceRecord, ...]:
        """Every source read so far; waits for checksums that are under way."""
        return self._ledger.records()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should look at."""
        return tuple(dict.fromkeys(self._warnings))

    @property
    def notes(self) -> tuple[str, ...]:
        """How the data was read."""
        return tuple(dict.fromkeys(self._notes))

    def close(self) -> None:
        """Let go of memory and temporary files."""
        self._ledger.close()
        self.session.close()

    # ------------------------------------------------------------ step 1

    def audit_cells(self) -> Cells:
        """Strata, units, pairs and facts of every experiment. See ``engine.base``."""
        config = self.config
        canary_files, canary = self._canary_log()
        first_step = config.canary.steps[0].at if config.canary.steps else None
        period = live_period(self.session, canary, first_step)
        counts = make_canary_units(self.session, canary, period)
        self._checked(canary, counts, canary_files)
        self._refuse_without_canary(canary, counts)
        if canary.timed and period is None:
            raise self._no_canary(canary)
        errors: list[GateError] = []
        cells = Cells()
        for index, experiment in enumerate(config.experiments):
            try:
                cells += self._experiment(index, experiment, canary, period, counts)
            except InputError as error:
                errors.append(error)
        found = combine(errors)
        if found:
            raise found
        pairs = [
            cell
            for one, other in combinations(self._joined.values(), 2)
            for cell in pair_cells(self.session, one, other)
        ]
        self._record("canary's log", canary_files, counts.rows.rows, counts)
        return cells + Cells(pairs=tuple(pairs))

    def _experiment(
        self, index: int, experiment: ExperimentConfig, canary: Log, live: Period | None, counts: LogCounts
    ) -> Cells:
        files, log = self._experiment_log(experiment)
        timed = canary.timed and log.timed
        strata = joint_strata(self.config, experiment)
        if len(strata) > 1 and not timed:
            untimed = canary.table if log.timed else log.table
            raise _input_error(
                "ramp_without_times",
                f"a ramp is declared (`steps`), but {untimed.what} has no times",
                untimed.file,
                "Give the log a time column, or declare one share.",
            )
        period = live if timed else None
        begin = experiment.steps[0].at if experiment.steps else None
        table, view = f"units_{index}", f"joint_{index}"
        own = make_units(self.session, log, period, table, begin)
        self._checked(log, own, files)
        missing = [arm for arm, (rows, _) in zip(log.labels, own.by_label, strict=True) if not rows]
        if missing:
            raise _input_error(
                "missing_arm",
                f"the arm `{missing[0]}` of `{experiment.id}` never occurs in {log.table.what}",
                log.table.file,
                "Correct `split`, or the experiment's log.",
            )
        complete = self._complete(counts)
        starts = [stratum.start for stratum in strata[1:] if stratum.start is not None]
        arms = len(log.labels)
        joint_view(
            self.session,
            table,
            view,
            arms,
            complete=complete,
            starts=starts,
            timed=canary.timed,
            covered=own.covered,
        )
        start = micros(begin) if begin and log.timed else None
        joined = Joined(experiment.id, view, canary, log, complete, timed, period, start, (counts, own))
        self._joined[experiment.id] = joined
        self._record(f"log of {experiment.id}", files, own.rows.rows, own)
        facts = log_facts(self.session, joined)
        if facts.assumed_utc:
            self._notes.append("Times without an offset were read as UTC.")
        return Cells(
            strata={experiment.id: strata}, units=unit_cells(self.session, joined), facts={experiment.id: facts}
        )

    def _complete(self, counts: LogCounts) -> bool:
        """Whether the canary's log lists the baseline too: as the config says, else as it was seen."""
        if self.config.canary.complete is not None:
            return self.config.canary.complete
        listed = bool(counts.by_label[0][0])
        if not listed:
            self._notes.append("The canary's log lists canary units alone: every other unit was taken as baseline.")
        return listed

    def _canary_log(self) -> tuple[list[Path], Log]:
        shared = not self.config.canary.assignments
        what = "the assignment log" if shared else "the canary's log"
        files = self._files(self.config.assignments if shared else self.config.canary.assignments, what)
        table = open_table(self.session, files, self.workspace, what)
        return files, canary_log(table, self.config, shared=shared)

    def _experiment_log(self, experiment: ExperimentConfig) -> tuple[list[Path], Log]:
        shared = not experiment.assignments
        what = "the assignment log" if shared else f"the log of `{experiment.id}`"
        files = self._files(self.config.assignments if shared else experiment.assignments, what)
        table = open_table(self.session, files, self.workspace, what)
        return files, experiment_log(table, experiment, self.config, shared=shared)

    def _checked(self, log: Log, counts: LogCounts, files: Sequence[Path]) -> None:
        allowed = self.config.audit.max_bad_rows
        self._warnings += check_rows(self.session, log, counts.rows, allowed, files, self.workspace)

    def _refuse_without_canary(self, log: Log, counts: LogCounts) -> None:
        if not counts.by_label[1][0]:
            raise self._no_canary(log)
        if self.config.canary.complete and not counts.by_label[0][0]:
            raise _input_error(
                "no_baseline", f"{log.table.what} has no baseline rows", log.table.file, "Say `canary.complete: false`."
            )

    def _no_canary(self, log: Log) -> InputError:
        fix = "Check the export, and say what the log's words mean in `canary.cohorts`."
        steps = self.config.canary.steps
        since = f" since its first step, {steps[0].at:%Y-%m-%d %H:%M} UTC" if steps else ""
        return _input_error("no_canary", f"{log.table.what} has no rows of the canary{since}", log.table.file, fix)

    # ------------------------------------------------------------ step 2

    def canary_cells(self) -> Cells:
        """The canary's metrics. See ``engine.base``."""
        config = self.config
        self._record_file("canary thresholds", config.canary.thresholds, len(config.thresholds))
        if config.canary_document is not None:
            document = config.canary_document
            cells = canary_document_cells(document, config.thresholds, self._samples)
            values = len(document.canary.metrics) + len(document.baseline.metrics)
            window = cells.windows.get("canary") or self._configured_window()
            self._record_file("canary metrics", config.canary.metrics, values, window)
            return cells + Cells(windows={"canary": window} if window else {})
        what = "the canary's metrics"
        files = self._files([config.canary.metrics or ""], what)
        table = open_table(self.session, files, self.workspace, what)
        rows = make_rows(self.session, table, config)
        self._warnings += check_rows(
            self.session, rows.log, rows.counts, config.audit.max_bad_rows, files, self.workspace
        )
        if rows.by_unit:
            self._notes.append("The canary's metrics carry ids: rates count units with at least one event, not events.")
        if rows.without_id:
            self._warnings.append(f"{rows.without_id:,} rows of the canary's metrics have no id; rates leave them out.")
        cells = row_cells(self.session, rows, config)
        window = cells.windows.get("canary")
        if window is None:
            raise self._no_canary(rows.log)
        self._ledger.add("canary metrics", files, rows.counts.rows, window)
        return cells

    def _configured_window(self) -> Window | None:
        window = self.config.canary.window
        return Window(window.start, window.end) if isinstance(window, WindowSpec) else None

    # ------------------------------------------------------------ step 3

    def experiment_cells(self, experiment_id: str) -> Cells:
        """One experiment's metrics. See ``engine.base``."""
        config = self.config
        experiment = config.experiment(experiment_id)
        if experiment.mde:
            self._record_file(
                f"minimum effects of {experiment_id}", experiment.mde, len(config.mdes.get(experiment_id, {}))
            )
        document = config.experiment_documents.get(experiment_id)
        if document is not None:
            cells = experiment_document_cells(document, self.now, self._samples)
            values = sum(len(variant.metrics) for variant in document.variants)
            self._record_file(f"data of {experiment_id}", experiment.data[0], values, cells.windows.get(experiment_id))
            return cells
        return self._unit_table(experiment)

    def _unit_table(self, experiment: ExperimentConfig) -> Cells:
        joined = self._joined[experiment.id]
        what = f"the data of `{experiment.id}`"
        files = self._files(experiment.data, what)
        table = open_table(self.session, files, self.workspace, what)
        aliases = [name for key, names in self.config.audit.unit_aliases.items() for name in (key, *names)]
        unit = table.find(experiment.columns.unit or experiment.unit or "", aliases=[experiment.unit or "", *aliases])
        if unit is None:
            shown_columns = ", ".join(f"`{column}`" for column in list(table.columns)[:20])
            text = f"{what} has no column `{experiment.unit}`; it has {shown_columns}"
            raise _input_error("no_column", text, table.file, "Name the unit's column as in the experiment's log.")
        mdes = self.config.mdes.get(experiment.id, {})
        columns = metric_columns(self.session, table, experiment, unit, mdes)
        if not columns:
            raise _input_error("no_metrics", f"{what} has no column of numbers", table.file, "See docs/data.md.")
        name, rows, found = make_joined(
            self.session, table, unit, columns, joined.view, experiment, timed=joined.log.timed
        )
        cells = metric_cells(self.session, name, columns, joined.log.labels, experiment)
        arms = arm_cells(self.session, joined.view, joined.log, experiment)
        note = coverage_note(found, sum(cell.units for cell in arms), table)
        self._warnings += note.values()
        window = self._log_window(joined.counts[1])
        self._ledger.add(f"data of {experiment.id}", files, rows, window)
        return cells + Cells(arms=arms, windows={experiment.id: window} if window else {})

    def _samples(self, path: str) -> Sequence[float]:
        """The numbers of a file that a document names: its only column, or the one called ``value``."""
        what = "the samples"
        files = self._files([path], what)
        table = open_table(self.session, files, self.workspace, what)
        column = table.find("value") or (next(iter(table.columns)) if len(table.columns) == 1 else None)
        if column is None:
            raise _input_error("no_column", "the samples need one column, or one called `value`", path, None)
        number = sql.number(sql.name(column), table.columns[column])
        query = f"SELECT list(v) FROM (SELECT {number} AS v FROM {table.relation}) WHERE v IS NOT NULL"
        values = self.session.value(query, doing="reading samples", file=path) or []
        self._ledger.add(f"samples {path}", files, len(values), None)
        return [float(value) for value in values]

    # ------------------------------------------------------------ the exclusion list

    def write_exclusions(self, path: Path) -> int:
        """Write the ids of canary users. See ``engine.base``."""
        parts = [
            f"SELECT DISTINCT id FROM {joined.log.relation} WHERE id IS NOT NULL AND l >= 0 AND hash(id) IN "
            f"(SELECT k FROM {joined.view} WHERE ever = 1 AND first_seen IS NOT NULL)"
            for joined in self._joined.values()
        ]
        old = os.umask(0o077)
        try:
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            target = f"{sql.text(str(path))} (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', USE_TMP_FILE false)"
            query = f"COPY (SELECT id FROM ({' UNION '.join(parts)}) ORDER BY id) TO {target}"
            rows = self.session.value(query, doing="writing the exclusion list")
        finally:
            os.umask(old)
        path.chmod(0o600)
        return int(rows)

    # ------------------------------------------------------------ sources

    def _files(self, given: Iterable[str], what: str) -> list[Path]:
        return find_files(list(given), self.workspace, what=what, allow=self.config.limits.allow_paths)

    def _log_window(self, counts: LogCounts) -> Window | None:
        first, last = from_micros(counts.first), from_micros(counts.last)
        return Window(first, last) if first and last and counts.last else None

    def _record(self, role: str, files: Sequence[Path], rows: int, counts: LogCounts) -> None:
        self._ledger.add(role, files, rows, self._log_window(counts))

    def _record_file(self, role: str, path: str | None, rows: int, window: Window | None = None) -> None:
        if path:
            self._ledger.add(role, self._files([path], role), rows, window)


def _input_error(code: str, message: str, file: str, fix: str | None) -> InputError:
    return InputError.of(code, message, file=file, fix=fix)
