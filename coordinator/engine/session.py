"""One DuckDB connection with its limits; its faults said for people."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from coordinator.config import EngineConfig
from coordinator.engine import limits
from coordinator.errors import GateError, InputError, ResourceError, SourceError
from coordinator.model import Problem

_QUIET_SECONDS = 2.0
_DAMAGED = "the file is damaged or cut off: found while {}"
# a plain Error is what the Parquet reader raises on bytes that make no sense
_BROKEN = {duckdb.IOException, duckdb.SerializationException, duckdb.Error}
_BROKEN_PARQUET = {duckdb.InvalidInputException, duckdb.ConversionException, duckdb.InternalException}


class Session:
    """A connection in UTC, with the container's threads and memory, spilling to the temporary folder."""

    def __init__(
        self, settings: EngineConfig, temp_dir: Path | None = None, progress: Callable[[str], None] | None = None
    ) -> None:
        self._progress = progress
        self._spill = tempfile.TemporaryDirectory(
            prefix="gate-", dir=settings.cache_dir or temp_dir, ignore_cleanup_errors=True
        )
        self.connection = duckdb.connect()
        memory = settings.memory_limit or f"{limits.memory_bytes() // 1_000_000}MB"
        for option, value in {
            "TimeZone": "'UTC'",
            "threads": str(settings.threads or limits.cpu_count()),
            "memory_limit": f"'{memory}'",
            "temp_directory": f"'{self._spill.name}'",
            "preserve_insertion_order": "false",
            "enable_progress_bar": "true",  # without it nobody can ask how far a query is
            "enable_progress_bar_print": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }.items():
            self.connection.execute(f"SET {option} = {value}")

    def rows(self, query: str, *, doing: str, file: str | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query: a few hundred cells at most, never a log's.

        Args:
            query: SQL.
            doing: what for, for progress and messages, such as ``reading the canary's log``.
            file: the file that is read, for messages.

        Raises:
            SourceError: a damaged file.
            ResourceError: memory or disk ran out.
        """
        try:
            with self._watched(doing):
                return self.connection.execute(query).fetchall()
        except duckdb.Error as error:
            raise _explained(error, doing, file) from error

    def value(self, query: str, *, doing: str, file: str | None = None) -> Any:
        """The first value of a query's first row."""
        return self.rows(query, doing=doing, file=file)[0][0]

    def columns(self, relation: str, *, doing: str, file: str | None = None) -> dict[str, str]:
        """Column name -> type of a relation."""
        return {row[0]: row[1] for row in self.rows(f"DESCRIBE SELECT * FROM {relation}", doing=doing, file=file)}

    def close(self) -> None:
        """Close the connection and delete what was spilled."""
        self.connection.close()
        self._spill.cleanup()

    @contextmanager
    def _watched(self, doing: str) -> Iterator[None]:
        """Say how far a long query is; quiet for two seconds."""
        if self._progress is None:
            yield
            return
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(doing, done), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()

    def _watch(self, doing: str, done: threading.Event) -> None:
        said = -2.0  # -1 is DuckDB's word for "not known yet": said once, without a share
        while not done.wait(_QUIET_SECONDS):
            try:
                per_cent = float(self.connection.query_progress())
            except (duckdb.Error, AttributeError):
                return
            if self._progress and per_cent > said:
                said = per_cent
                share = f": {per_cent:.0f}%" if per_cent > 0 else ""
                self._progress(f"{doing[0].upper()}{doing[1:]}{share} ...")


def _explained(error: duckdb.Error, doing: str, file: str | None) -> GateError:
    text = str(error).splitlines()[0]
    if isinstance(error, duckdb.OutOfMemoryException) or "max_temp_directory_size" in text:
        fix = "Set `memory-limit` to what the runner has, `cache-dir` to a disk with room, or use a larger runner."
        return ResourceError.of("out_of_memory", f"memory or disk ran out while {doing}", file=file, fix=fix)
    if isinstance(error, duckdb.IOException) and "No space left" in text:
        fix = "Set `cache-dir` to a disk with room."
        return ResourceError.of("out_of_disk", f"the disk is full while {doing}", file=file, fix=fix)
    if isinstance(error, duckdb.InterruptException):
        return ResourceError.of("interrupted", f"the query was interrupted while {doing}")
    if file is not None and (type(error) in _BROKEN or (".parquet" in file and type(error) in _BROKEN_PARQUET)):
        return SourceError([Problem("damaged", _DAMAGED.format(doing), file, fix="Make the file again.")])
    if file is not None and "state machine" in text:
        reason = "the lines do not all end alike (some with CR LF, some with LF), or a quote stands alone"
        return InputError.of("unreadable", f"the CSV file cannot be read: {reason}", file=file, fix="Export it again.")
    if file is not None and isinstance(error, (duckdb.InvalidInputException, duckdb.ConversionException)):
        reason = text.split(":", 1)[-1].strip()
        fix = "Check that its name's ending says what it is: .csv, .jsonl, .parquet, plain or .gz or .zst."
        return InputError.of(
            "unreadable", f"the file cannot be read as what its name says: {reason}", file=file, fix=fix
        )
    raise error
