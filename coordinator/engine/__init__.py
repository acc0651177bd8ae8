"""Rows in, ``Cells`` out: one pass a log, whatever its form. DuckDB does the work; rows never reach Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from coordinator.config import Config
from coordinator.engine.base import Engine


def open_engine(
    config: Config,
    *,
    workspace: Path,
    temp_dir: Path | None = None,
    progress: Callable[[str], None] | None = None,
    now: datetime | None = None,
) -> Engine:
    """The engine for this release. Close it when done.

    Args:
        config: the release.
        workspace: the folder that paths are relative to.
        temp_dir: where large queries may spill; the system's temporary folder without it.
        progress: called with a line of progress on long work.
        now: the time, the end of the window of what still runs; the clock's without it.

    Raises:
        InputError: a limit that cannot be read.
    """
    from coordinator.engine.duck import DuckEngine  # noqa: PLC0415 - DuckDB costs 0.2 s to import

    return DuckEngine(config, workspace=workspace, temp_dir=temp_dir, progress=progress, now=now or datetime.now(UTC))
