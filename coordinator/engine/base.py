"""What the gate asks of an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from coordinator.model import Cells, SourceRecord


class Engine(Protocol):
    """Reads the release's sources into ``Cells``. The methods are called in this order, each at most once a run."""

    @property
    def sources(self) -> tuple[SourceRecord, ...]:
        """Every source read so far, with rows, checksum and window."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What people should look at, though it stops nothing."""

    @property
    def notes(self) -> tuple[str, ...]:
        """How the data was read, where there was a choice."""

    def audit_cells(self) -> Cells:
        """Strata, unit cells, pairs and the facts of both logs, for every experiment.

        Raises:
            InputError: a log that is missing, empty, without its columns, or with labels the config does not know.
            SourceError: a damaged file.
        """

    def canary_cells(self) -> Cells:
        """The canary's metrics by cohort and interval.

        Raises:
            InputError: rows without their columns.
            SourceError: a damaged file.
        """

    def experiment_cells(self, experiment_id: str) -> Cells:
        """One experiment's metrics by arm, stratum and whether the unit was ever in the canary.

        Args:
            experiment_id: of the config; ``audit_cells`` must have run.

        Raises:
            InputError: a table without its columns, or with a unit that stands twice.
            SourceError: a damaged file.
        """

    def write_exclusions(self, path: Path) -> int:
        """Write the ids of canary users in the experiments, one a line, readable by the owner alone.

        Args:
            path: the file, in a folder that exists.

        Returns:
            How many ids there are.
        """

    def close(self) -> None:
        """Let go of memory and temporary files."""
