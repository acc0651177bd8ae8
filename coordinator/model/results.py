"""What the stages find, with the field names of ``report.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from coordinator.model.cells import Window
from coordinator.model.enums import (
    AuditVerdict,
    CanaryMetricVerdict,
    CanaryVerdict,
    Direction,
    ExperimentMetricVerdict,
    ExperimentVerdict,
    MetricClass,
    MetricType,
    Role,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is what it is: a code for machines, a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ArmOverlap:
    """One arm's overlap with the canary. Overlaps are fractions of the audit's units."""

    experiment: str
    arm: str
    overlap_units: int
    observed_overlap: float
    expected_overlap: float
    relative_deviation: float | None
    independent_overlap: float
    independent_deviation: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    chance_of_false_alarm: float | None
    units_needed: int | None


@dataclass(frozen=True, slots=True)
class PairOverlap:
    """Traffic interaction of two experiments: are their assignments independent?"""

    experiments: tuple[str, str]
    units: int
    largest_deviation: float | None
    p_value: float | None
    verdict: AuditVerdict


@dataclass(frozen=True, slots=True)
class SampleRatioCheck:
    """Chi-square of a split's unit counts against the declared shares."""

    split: str
    observed: Mapping[str, int]
    expected: Mapping[str, float]
    p_value: float | None
    mismatch: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """Step 1's result."""

    verdict: AuditVerdict
    rule: str
    reasons: tuple[Reason, ...]
    same_routing_unit: bool
    layer_isolation: str
    units: int
    canary_units: int
    crossover_units: int
    canary_only_units: int
    experiment_only_units: int
    overlap: float
    arms: tuple[ArmOverlap, ...]
    pairs: tuple[PairOverlap, ...] = ()
    sample_ratios: tuple[SampleRatioCheck, ...] = ()
    mixed_exposure_units: int = 0
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class CanaryMetric:
    """One canary metric's finding. Values, limits and changes are fractions or the metric's own unit."""

    name: str
    class_: MetricClass
    type: MetricType
    test: str | None
    canary: float | None
    baseline: float | None
    relative_change: float | None
    p_value: float | None
    ci_low: float | None
    ci_high: float | None
    ci_level: float | None
    limits: Mapping[str, Mapping[str, float]]
    verdict: CanaryMetricVerdict
    reason: str
    p_adjusted: float | None = None
    direction: Direction = Direction.EITHER
    critical: bool = False
    unit: str | None = None
    n_canary: float | None = None
    n_baseline: float | None = None
    power: float | None = None
    minutes_needed: Mapping[str, float] = field(default_factory=dict)
    units_needed: float | None = None
    smallest_limit: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """Step 2's result."""

    verdict: CanaryVerdict
    window: Window | None
    metrics: tuple[CanaryMetric, ...]
    reasons: tuple[Reason, ...] = ()
    window_enough: bool | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExperimentMetric:
    """One metric of one arm against control."""

    name: str
    arm: str
    role: Role
    type: MetricType
    test: str | None
    control: float | None
    treatment: float | None
    relative_effect: float | None
    p_value: float | None
    p_adjusted: float | None
    ci_low: float | None
    ci_high: float | None
    ci_level: float | None
    mde_met: bool | None
    required_n: int | None
    power: float | None
    verdict: ExperimentMetricVerdict
    reason: str
    direction: Direction = Direction.EITHER
    n_control: float | None = None
    n_treatment: float | None = None
    win_chance_at_mde: float | None = None
    difference: float | None = None
    mde: float | None = None
    notes: tuple[str, ...] = ()
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """Step 3's result for one experiment. ``action`` is its row of the decision table (set by reconcile)."""

    id: str
    verdict: ExperimentVerdict
    action: str
    canary_users_excluded: bool
    excluded_units: int
    correction: str
    metrics: tuple[ExperimentMetric, ...]
    exclusion: str = ""
    winning_arm: str | None = None
    sequential: bool = False
    reasons: tuple[Reason, ...] = ()
    sample_ratio: SampleRatioCheck | None = None
    window: Window | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
