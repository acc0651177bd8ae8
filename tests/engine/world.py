"""Small logs on disk and the cells that the engine makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from coordinator.config import Config
from coordinator.engine import open_engine
from coordinator.engine.duck import DuckEngine
from coordinator.model import Cells, LogFacts
from tests.releases import merge, write_csv

START = datetime(2026, 5, 5, 14, 0, tzinfo=UTC)
NOW = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
CANARY_HEADER = ("user_id", "cohort", "timestamp")
EXPERIMENT_HEADER = ("user_id", "variant", "timestamp")
Row = Sequence[Any]

_DOCUMENT: dict[str, Any] = {
    "canary": {
        "sha": "9f3c2ab",
        "share": "25%",
        "routing_unit": "user_id",
        "assignments": ["canary.csv"],
        "window": "30m",
    },
    "experiments": [
        {
            "id": "banner",
            "unit": "user_id",
            "split": {"control": "50%", "treatment": "50%"},
            "assignments": ["experiment.csv"],
            "data": ["units.csv"],
        }
    ],
    "engine": {"threads": 2},
}


def config(**changes: Any) -> Config:
    """A release's config; ``experiment`` means the first experiment, None takes a key away."""
    return Config.model_validate(merge(_DOCUMENT, changes))


@contextmanager
def opened(folder: Path, settings: Config) -> Iterator[DuckEngine]:
    """The engine on a folder, closed at the end."""
    engine = open_engine(settings, workspace=folder, temp_dir=folder, now=NOW)
    assert isinstance(engine, DuckEngine)
    try:
        yield engine
    finally:
        engine.close()


def audit(folder: Path, settings: Config | None = None) -> Cells:
    """The audit's cells of the logs in a folder."""
    with opened(folder, settings or config()) as engine:
        return engine.audit_cells()


def counted(cells: Cells, experiment: str = "banner") -> dict[tuple[int, str, str], int]:
    """Units by stratum, cohort and arm."""
    found = {(c.stratum, c.cohort.value, c.arm): c.units for c in cells.units if c.experiment == experiment}
    assert len(found) == len([c for c in cells.units if c.experiment == experiment])
    return found


def facts(cells: Cells, experiment: str = "banner") -> LogFacts:
    return cells.facts[experiment]


def at(minutes: float) -> datetime:
    """A time after the canary's start."""
    return START + timedelta(minutes=minutes)


def iso(minutes: float) -> str:
    return at(minutes).isoformat()


def people(n: int = 24) -> list[tuple[str, str, str, str]]:
    """Unit, cohort, arm, time: every fourth in the canary, arms by the rest; the last is a canary unit."""
    return [
        (
            f"u{number:03d}",
            "canary" if number % 4 == 3 else "baseline",
            "treatment" if number % 3 == 0 else "control",
            iso(number),
        )
        for number in range(n)
    ]


PEOPLE_CELLS = {
    (0, "baseline", "control"): 10,
    (0, "baseline", "treatment"): 5,
    (0, "canary", "control"): 4,
    (0, "canary", "treatment"): 2,
}
"""The cells of ``people()``: the period begins with its first canary unit, so three units are left out early."""


def write_logs(folder: Path, canary: Iterable[Row], experiment: Iterable[Row]) -> None:
    """Both logs as ``canary.csv`` and ``experiment.csv``."""
    write_csv(folder / "canary.csv", CANARY_HEADER, canary)
    write_csv(folder / "experiment.csv", EXPERIMENT_HEADER, experiment)


def write_people(folder: Path, n: int = 24) -> None:
    """``people()`` as two CSV logs."""
    rows = people(n)
    write_logs(folder, ((u, c, t) for u, c, _, t in rows), ((u, a, t) for u, _, a, t in rows))
