"""Where the report's figures come from: every source with rows, checksum and window, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coordinator.config import Config
from coordinator.documents import WindowSpec
from coordinator.errors import InputError
from coordinator.model import ExperimentHeader, Problem, Release, SourceRecord, Window


def complete(sources: Sequence[SourceRecord], window: Window | None) -> tuple[SourceRecord, ...]:
    """The sources, each with the window that it was read for where it carries no time of its own.

    Args:
        sources: what the engine has read.
        window: the release's observation window.

    Raises:
        InputError: a source lacks rows, checksum or window, so its figures have no source.
    """
    read = tuple(replace(source, window=source.window or window) for source in sources)
    problems = [
        Problem(
            "no_provenance",
            f"{source.role} has no {' and no '.join(missing)}, so its figures have no source",
            source.uri,
            fix="Give the log a time column, or the release a window with `start` and `end`.",
        )
        for source in read
        if (missing := [name for name in ("rows", "sha256", "window") if getattr(source, name) is None])
    ]
    if problems:
        raise InputError(problems)
    return read


def declared_window(config: Config) -> Window | None:
    """The window that the config gives with start and end; None where it is a length."""
    window = config.canary.window
    return Window(window.start, window.end) if isinstance(window, WindowSpec) else None


def header(config: Config) -> Release:
    """What was released, as configured; of a ramp the last share."""
    canary = config.canary
    share = canary.steps[-1].share if canary.share is None and canary.steps else canary.share
    experiments = tuple(ExperimentHeader(item.id, dict(item.split), item.unit or "") for item in config.experiments)
    return Release(canary.sha, share, canary.routing_unit, experiments)
