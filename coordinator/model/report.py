"""The decision and the report: the typed form of ``report.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coordinator.model.cells import Window
from coordinator.model.enums import DecisionKind
from coordinator.model.results import Audit, CanaryResult, ExperimentResult, Reason


@dataclass(frozen=True, slots=True)
class Decision:
    """The one decision. ``exit_code`` and ``may_proceed`` are set by ``gate.py``."""

    decision: DecisionKind
    action: str
    reasons: tuple[Reason, ...] = ()
    experiment_actions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """Where figures come from. A source without rows, checksum or window is an invalid input."""

    role: str
    uri: str
    rows: int | None
    sha256: str | None
    window: Window | None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: what was found and expected, where, and what to do about it."""

    code: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class ExperimentHeader:
    """What the report's header says of one experiment."""

    id: str
    split: Mapping[str, float]
    unit: str


@dataclass(frozen=True, slots=True)
class Release:
    """What was released, as configured."""

    canary_sha: str | None
    canary_share: float | None
    canary_routing_unit: str | None
    experiments: tuple[ExperimentHeader, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run found: the typed form of ``report.json``."""

    schema_version: int
    decision: DecisionKind
    may_proceed: bool
    action: str
    exit_code: int
    release: Release | None
    audit: Audit | None
    canary: CanaryResult | None
    experiments: tuple[ExperimentResult, ...] | None
    sequencing: tuple[str, ...]
    sources: tuple[SourceRecord, ...]
    errors: tuple[Problem, ...]
    warnings: tuple[str, ...]
    step: str | None = None
    reasons: tuple[Reason, ...] = ()
    window: Window | None = None
    created_at: datetime | None = None
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
