"""The small files beside ``release.yml``: thresholds, minimum effects, aggregated metrics. Pydantic models only."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from coordinator.model import Direction, MetricClass, MetricType
from coordinator.values import Level, Number, Samples, Timestamp, number


class Frozen(BaseModel):
    """Base of every config model: frozen, unknown keys refused, keys as they stand in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


# ------------------------------------------------------------ canary-thresholds.yml


class Limit(Frozen):
    """One limit; either end may be left out. Absolute: the metric's unit (per cent for rates). Relative: x baseline."""

    max: Number | None = None
    min: Number | None = None


class Threshold(Frozen):
    """One metric of ``canary-thresholds.yml``."""

    absolute: Limit | None = None
    relative: Limit | None = None
    class_: MetricClass | None = Field(default=None, alias="class")
    type: MetricType | None = None
    direction: Direction | None = None
    alpha: Level | None = None
    unit: str | None = None
    critical: bool = False
    on_thin: Literal["pause", "note"] = "pause"
    promote: Literal["default", "proven"] | None = None


class ThresholdsFile(Frozen):
    """``canary-thresholds.yml``."""

    metrics: dict[str, Threshold]


# ------------------------------------------------------------ mde.yml


class Mde(Frozen):
    """What is worth shipping: relative in per cent, absolute in per cent points (rates) or the metric's unit."""

    mde_relative: Number | None = None
    mde_absolute: Number | None = None


# ------------------------------------------------------------ data documents


def _samples_kind(value: object) -> str:
    return "path" if isinstance(value, str) else "list"


def _samples(value: object) -> object:
    if value is not None and not isinstance(value, (list, tuple, str)):
        raise ValueError("found a mapping, expected a list of numbers or the path of a file with them")
    return value


SamplesOrPath = Annotated[
    Annotated[Samples, Tag("list")] | Annotated[str, Tag("path")],
    Discriminator(_samples_kind),
    BeforeValidator(_samples),
]


class Value(Frozen):
    """One metric's aggregated numbers: exactly one of the forms of the contract, section 5."""

    numerator: Number | None = None
    denominator: Number | None = None
    n: Number | None = None
    mean: Number | None = None
    std: Number | None = None
    samples: SamplesOrPath | None = None
    value: Number | None = None


def _kind(value: object) -> str:
    if isinstance(value, dict | Value):
        return "value"
    return "samples" if isinstance(value, list | tuple) else "count"


def _count(value: object) -> float:
    try:
        return number(value)
    except ValueError as error:
        raise ValueError(f"{error} (a count), a list of numbers, or {{ n, mean, std }}") from None


MetricValue = Annotated[
    Annotated[float, BeforeValidator(_count), Tag("count")]
    | Annotated[Samples, Tag("samples")]
    | Annotated[Value, Tag("value")],
    Discriminator(_kind),
]


class WindowSpec(Frozen):
    """``{ start, end }``."""

    start: Timestamp
    end: Timestamp


class CanarySide(Frozen):
    """The canary's or the baseline's half of a canary metrics document."""

    sha: str | None = None
    metrics: dict[str, Value]


class CanaryDocument(Frozen):
    """A canary metrics document (contract, section 5)."""

    window: WindowSpec | None = None
    canary: CanarySide
    baseline: CanarySide


class Variant(Frozen):
    """One variant of ``experiment-data.yml``. A metric is a count, a list of samples, or a ``Value``."""

    name: str
    cohort_size: Number
    metrics: dict[str, MetricValue]


class ExperimentDocument(Frozen):
    """``experiment-data.yml``. A date ``running_until`` includes that day, in UTC (so it is the next midnight here)."""

    experiment_id: str
    running_since: Timestamp | None = None
    running_until: Timestamp | None = None
    hypothesis: str | None = None
    canary_users_excluded: bool = False
    variants: tuple[Variant, ...]


def is_open(document: ExperimentDocument, now: datetime) -> bool:
    """Whether the experiment still runs at ``now``: its verdict then needs a sequential method."""
    return document.running_until is not None and now < document.running_until
