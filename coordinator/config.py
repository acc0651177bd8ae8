"""``release.yml`` and its files as one frozen ``Config``; every error of every file in one go.

``ReleaseFile`` is the schema of ``release.yml``. ``Config`` is what the stages read: the release with the
content of the files that it names.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from coordinator.documents import (
    CanaryDocument,
    ExperimentDocument,
    Frozen,
    Mde,
    Threshold,
    WindowSpec,
)
from coordinator.model import Direction, MetricType, Role
from coordinator.values import (
    Duration,
    Fraction,
    Level,
    Share,
    Split,
    Strings,
    Timestamp,
    duration,
    looks,
)


def _window(value: Any) -> Any:
    if isinstance(value, (dict, WindowSpec)):
        return value
    try:
        return duration(value)
    except ValueError as error:
        raise ValueError(f"{error}, or {{ start: <time>, end: <time> }}") from None


def _window_kind(value: Any) -> str:
    return "times" if isinstance(value, (dict, WindowSpec)) else "length"


ObservationWindow = Annotated[
    Annotated[timedelta, Tag("length")] | Annotated[WindowSpec, Tag("times")],
    Discriminator(_window_kind),
    BeforeValidator(_window),
]
Looks = Annotated[int | Literal["auto", "many"], BeforeValidator(looks)]


class ShareStep(Frozen):
    """From ``at`` on (to the next ``at``) the canary has ``share``."""

    at: Timestamp
    share: Share


class CanaryColumns(Frozen):
    """Column names of the canary's log. ``unit`` defaults to the routing unit; ``canary``: a boolean column."""

    unit: str | None = None
    cohort: str | None = None
    timestamp: str | None = None
    canary: str | None = None


class CohortValues(Frozen):
    """Values in the log that mean canary and baseline, when they are not the plain words."""

    canary: Strings = ()
    baseline: Strings = ()


class CanaryConfig(Frozen):
    """The canary side of the release."""

    sha: str | None = None
    share: Share | None = None
    steps: tuple[ShareStep, ...] = ()
    routing_unit: str | None = None
    assignments: Strings = ()
    columns: CanaryColumns = CanaryColumns()
    cohorts: CohortValues = CohortValues()
    complete: bool | None = None
    metrics: str | None = None
    thresholds: str | None = None
    window: ObservationWindow = timedelta(minutes=30)
    min_power: Fraction = 0.5
    alpha: Level = 0.05
    trend_floor: Fraction = 0.25
    on_thin: Literal["pause", "note"] = "pause"
    promote: Literal["default", "proven"] = "default"
    judge: Literal["default", "kayenta"] = "default"
    looks: Looks = "auto"


class SplitStep(Frozen):
    """From ``at`` on the experiment has ``split``."""

    at: Timestamp
    split: Split


class ExperimentColumns(Frozen):
    """Column names of the experiment's log."""

    unit: str | None = None
    variant: str | None = None
    timestamp: str | None = None
    experiment: str | None = None


class MetricConfig(Frozen):
    """One experiment metric's settings."""

    role: Role | None = None
    direction: Direction | None = None
    margin: Fraction | None = None
    type: MetricType | None = None
    winsorize: Fraction | None = None
    covariate: str | None = None
    denominator: str | None = None
    unit: str | None = None


class ExperimentConfig(Frozen):
    """One experiment of the release. Shares of ``split`` are fractions that sum to 1."""

    id: str
    unit: str | None = None
    split: Split = Field(default_factory=dict)
    control: str | None = None
    steps: tuple[SplitStep, ...] = ()
    assignments: Strings = ()
    columns: ExperimentColumns = ExperimentColumns()
    ignore_variants: Strings = ()
    data: Strings = ()
    mde: str | None = None
    primary: str | None = None
    correction: Literal["fdr_bh", "bonferroni", "holm", "none"] = "fdr_bh"
    alpha: Level = 0.05
    looks: Looks = "auto"
    metrics: dict[str, MetricConfig] = Field(default_factory=dict)

    @property
    def control_arm(self) -> str:
        """The control arm: the one named by ``control``, else the first of ``split``."""
        return self.control or next(iter(self.split))

    @property
    def treatment_arms(self) -> tuple[str, ...]:
        """All arms but the control, in the order of ``split``."""
        return tuple(arm for arm in self.split if arm != self.control_arm)


class AuditConfig(Frozen):
    """How the contamination audit judges."""

    rule: Literal["evidence", "threshold"] = "evidence"
    tolerance: Fraction = 0.10
    alpha: Level = 0.001
    require_proof: bool = False
    layer_noise: int = Field(default=0, ge=0)
    exclusion_threshold: Fraction = 0.02
    max_crossover: Fraction = 0.01
    min_coverage: Fraction = 0.90
    max_bad_rows: Fraction = 0.001
    unit_aliases: dict[str, Strings] = Field(default_factory=dict)


class PlatformConfig(Frozen):
    """The platforms' own configuration files, and the key of the canary's flag in them."""

    configs: Strings = ()
    canary: str | None = None


class ReportConfig(Frozen):
    """Which files to write, and where."""

    html: bool = True
    exclusions: bool = False
    directory: str = "release-gate"


class EngineConfig(Frozen):
    """Limits of the engine; None: what the machine or the container has."""

    memory_limit: str | None = None
    threads: int | None = None
    cache_dir: str | None = None
    sample: str = "none"


class LimitsConfig(Frozen):
    """Time limits, and paths outside the workspace that may be read."""

    run: Duration = timedelta(minutes=30)
    posting: Duration = timedelta(seconds=120)
    allow_paths: Strings = ()


PostTo = Literal["auto", "pull-request", "deployment", "commit", "none"]
FailOn = Literal["contaminated", "rollback", "inconclusive", "pause", "hold", "mixed", "dont-ship"]


class ReleaseFile(Frozen):
    """``release.yml``, with whatever the action's inputs add to it."""

    mode: Literal["gate", "plan", "publish"] = "gate"
    canary: CanaryConfig = CanaryConfig()
    experiments: tuple[ExperimentConfig, ...] = ()
    assignments: Strings = ()
    audit: AuditConfig = AuditConfig()
    platform: PlatformConfig = PlatformConfig()
    report: ReportConfig = ReportConfig()
    engine: EngineConfig = EngineConfig()
    limits: LimitsConfig = LimitsConfig()
    environment: str | None = None
    deployment_id: int | None = None
    pull_request: int | None = None
    post_to: tuple[PostTo, ...] = ("auto",)
    comment: Literal["always", "on-change", "on-problem", "never"] = "on-change"
    step: Literal["canary", "experiment", "both"] | None = None
    canary_promoted_at: Timestamp | None = None
    canary_report: str | None = None
    publish_report: str = "release-gate/report.json"
    fail_on: tuple[FailOn, ...] = ()
    dry_run: bool = False


class Config(ReleaseFile):
    """The release and the content of its files: what the stages read. Built by ``loader.load_config``.

    Attributes:
        thresholds: metrics of ``canary-thresholds.yml``.
        mdes: ``mde.yml`` by experiment id.
        canary_document: the canary metrics where they are a YAML or JSON document.
        experiment_documents: ``experiment-data.yml`` by experiment id, where the data is one.
        notes: how ambiguous input was read (``0.5`` as 50%).
    """

    thresholds: dict[str, Threshold] = Field(default_factory=dict)
    mdes: dict[str, dict[str, Mde]] = Field(default_factory=dict)
    canary_document: CanaryDocument | None = None
    experiment_documents: dict[str, ExperimentDocument] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def experiment(self, experiment_id: str) -> ExperimentConfig:
        """The experiment with that id. KeyError without one."""
        for experiment in self.experiments:
            if experiment.id == experiment_id:
                return experiment
        raise KeyError(experiment_id)

    def still_running(self, experiment_id: str, now: datetime) -> bool:
        """Whether ``now`` is before the experiment's ``running_until``."""
        document = self.experiment_documents.get(experiment_id)
        return document is not None and document.running_until is not None and now < document.running_until
