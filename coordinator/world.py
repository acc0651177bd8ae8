"""What a run knows of its surroundings, and what it has found so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from coordinator.model import Audit, CanaryResult, ExperimentResult, SourceRecord, Window


@dataclass(frozen=True, slots=True)
class World:
    """What a run knows of its surroundings; passed in, so that everything else stays pure.

    ``scheduled``: the event is a schedule, so the verdict is looked at more than once.
    """

    workspace: Path
    now: datetime
    temp_dir: Path | None = None
    progress: Callable[[str], None] | None = None
    scheduled: bool = False


@dataclass(slots=True)
class Found:
    """What the stages have found so far: a fault in a later one keeps what earlier ones said."""

    audit: Audit | None = None
    canary: CanaryResult | None = None
    experiments: tuple[ExperimentResult, ...] | None = None
    sources: tuple[SourceRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    windows: dict[str, Window] = field(default_factory=dict)

    @property
    def window(self) -> Window | None:
        """The release's window: the canary's, else the first experiment's."""
        return self.windows.get("canary") or next(iter(self.windows.values()), None)
