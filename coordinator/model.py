"""The vocabulary of the gate: enums and frozen dataclasses. Imports nothing of ours.

Shares, rates and changes are fractions (0.05, not 5). Times are timezone-aware UTC.
Result types carry the field names of ``report.json`` (schema version 1), so that the
JSON is a plain rendering of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any


class Cohort(StrEnum):
    """Side of the canary split a unit is on."""

    CANARY = "canary"
    BASELINE = "baseline"


class Role(StrEnum):
    """What an experiment metric is for."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUARDRAIL = "guardrail"


class Direction(StrEnum):
    """Which way is good: an ``increase``, a ``decrease``, or not known (``either``: two-sided)."""

    INCREASE = "increase"
    DECREASE = "decrease"
    EITHER = "either"


class MetricClass(StrEnum):
    """The canary's three classes of metrics."""

    RELIABILITY = "reliability"
    PERFORMANCE = "performance"
    BUSINESS = "business"


class MetricType(StrEnum):
    """How a metric's numbers are made, and so which test fits."""

    RATE = "rate"
    MEAN = "mean"
    QUANTILE = "quantile"
    GAUGE = "gauge"
    PROPORTION = "proportion"
    RATIO = "ratio"


class AuditVerdict(StrEnum):
    """Step 1's verdict. ``REFUSED``: the logs cannot be judged."""

    CLEAN = "CLEAN"
    CONTAMINATED = "CONTAMINATED"
    INCONCLUSIVE = "INCONCLUSIVE"
    REFUSED = "REFUSED"


class CanaryVerdict(StrEnum):
    """Step 2's verdict."""

    PROMOTE = "PROMOTE"
    PAUSE = "PAUSE"
    ROLLBACK = "ROLLBACK"


class CanaryMetricVerdict(StrEnum):
    """One canary metric's verdict; NO_DATA and DATA_ERROR come before the others."""

    BREACH = "BREACH"
    TREND = "TREND"
    THIN = "THIN"
    NO_DATA = "NO_DATA"
    DATA_ERROR = "DATA_ERROR"
    OK = "OK"


class ExperimentVerdict(StrEnum):
    """Step 3's verdict."""

    SHIP = "SHIP"
    DONT_SHIP = "DON'T-SHIP"
    MIXED = "MIXED"


class ExperimentMetricVerdict(StrEnum):
    """One experiment metric's verdict; ``HOLDS`` and ``HURT`` are for guardrails."""

    WIN = "WIN"
    LOSS = "LOSS"
    NO_EFFECT = "NO_EFFECT"
    INCONCLUSIVE = "INCONCLUSIVE"
    HOLDS = "HOLDS"
    HURT = "HURT"


class DecisionKind(StrEnum):
    """The output ``decision``."""

    PROMOTE = "promote"
    HOLD = "hold"
    ROLLBACK = "rollback"
    REFUSED = "refused"
    ERROR = "error"


class ExitCode(IntEnum):
    """The gate's exit codes. Only ``gate.py`` turns a result into one."""

    OPEN = 0
    CLOSED = 1
    REFUSED = 2
    UNFINISHED = 3
    INTERRUPTED = 130
    TERMINATED = 143


# ---------------------------------------------------------------- numbers


@dataclass(frozen=True, slots=True)
class Counts:
    """``events`` out of ``trials``; both may be odd (NaN, negative): the stages judge that.

    >>> Counts(1, 10) + Counts(2, 10)
    Counts(events=3, trials=20)
    """

    events: float
    trials: float

    @property
    def rate(self) -> float:
        """Events over trials, NaN without trials."""
        return self.events / self.trials if self.trials else math.nan

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.events + other.events, self.trials + other.trials)


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and central sums of a variable ``x``, with cross sums to a second variable.

    ``m2`` and ``m3`` are the sums of squared and cubed deviations from the mean. ``y_mean``, ``y_m2``
    and ``xy`` (sum of the products of deviations) belong to a denominator or a covariate.
    Adds with ``+`` (Chan, Golub & LeVeque 1979; Pebay 2008), so shards and strata merge.

    >>> Moments(2, 1.5, 0.5) + Moments(1, 3.0, 0.0)
    Moments(n=3, mean=2.0, m2=2.0, m3=0.0, y_mean=None, y_m2=0.0, xy=0.0)
    """

    n: float
    mean: float
    m2: float
    m3: float = 0.0
    y_mean: float | None = None
    y_m2: float = 0.0
    xy: float = 0.0

    @property
    def variance(self) -> float:
        """Sample variance (n - 1), NaN below two values."""
        return self.m2 / (self.n - 1) if self.n > 1 else math.nan

    @property
    def skewness(self) -> float:
        """Third standardised moment (biased form), 0 without spread."""
        if self.n < 3 or self.m2 <= 0:
            return 0.0
        return float(math.sqrt(self.n) * self.m3 / self.m2**1.5)

    @property
    def heavy_tailed(self) -> bool:
        """Whether n is below 355 x skewness^2, so that the mean is not close to normal (Kohavi et al. 2014, 2.5)."""
        return self.n < 355 * self.skewness**2

    @classmethod
    def from_sums(
        cls, n: float, total: float, squares: float, shift: float = 0.0, cubes: float | None = None
    ) -> Moments:
        """Moments from sums of ``x - shift``, of its squares and of its cubes.

        >>> Moments.from_sums(3, 6.0, 14.0, cubes=36.0)
        Moments(n=3, mean=2.0, m2=2.0, m3=0.0, y_mean=None, y_m2=0.0, xy=0.0)
        """
        if not n:
            return cls(0, math.nan, 0.0)
        d = total / n
        m2 = squares - n * d * d
        m3 = 0.0 if cubes is None else cubes - 3 * d * squares + 2 * n * d**3
        return cls(n, shift + d, m2 if math.isnan(m2) else max(m2, 0.0), m3)

    def __add__(self, other: Moments) -> Moments:
        if not self.n:
            return other
        if not other.n:
            return self
        n = self.n + other.n
        d = other.mean - self.mean
        w = self.n * other.n / n
        m3 = (
            self.m3 + other.m3 + d**3 * w * (self.n - other.n) / n + 3 * d * (self.n * other.m2 - other.n * self.m2) / n
        )
        mean = self.mean + d * other.n / n
        m2 = self.m2 + other.m2 + d * d * w
        if self.y_mean is None or other.y_mean is None:
            return Moments(n, mean, m2, m3)
        e = other.y_mean - self.y_mean
        return Moments(
            n,
            mean,
            m2,
            m3,
            self.y_mean + e * other.n / n,
            self.y_m2 + other.y_m2 + e * e * w,
            self.xy + other.xy + d * e * w,
        )


@dataclass(frozen=True, slots=True)
class Histogram:
    """Exact value counts, sorted by value. Adds with ``+``. Gives ranks, quantiles and moments.

    >>> Histogram.of([3.0, 1.0, 3.0])
    Histogram(values=(1.0, 3.0), counts=(1, 2))
    """

    values: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, samples: Iterable[float]) -> Histogram:
        """The histogram of raw samples (finite ones; check before)."""
        tally: dict[float, int] = {}
        for value in samples:
            tally[value] = tally.get(value, 0) + 1
        values = tuple(sorted(tally))
        return cls(values, tuple(tally[v] for v in values))

    @property
    def n(self) -> int:
        """Number of samples."""
        return sum(self.counts)

    @property
    def moments(self) -> Moments:
        """Exact moments of the samples."""
        n = self.n
        if not n:
            return Moments(0, math.nan, 0.0)
        mean = math.fsum(v * c for v, c in zip(self.values, self.counts, strict=True)) / n
        m2 = math.fsum((v - mean) ** 2 * c for v, c in zip(self.values, self.counts, strict=True))
        m3 = math.fsum((v - mean) ** 3 * c for v, c in zip(self.values, self.counts, strict=True))
        return Moments(n, mean, m2, m3)

    def __add__(self, other: Histogram) -> Histogram:
        tally = dict(zip(self.values, self.counts, strict=True))
        for value, count in zip(other.values, other.counts, strict=True):
            tally[value] = tally.get(value, 0) + count
        values = tuple(sorted(tally))
        return Histogram(values, tuple(tally[v] for v in values))


@dataclass(frozen=True, slots=True)
class Series:
    """A gauge over time: one value a point; ``None`` where a point is missing."""

    times: tuple[datetime, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class RankSum:
    """Mann-Whitney's sufficient numbers for treatment against control.

    ``u`` counts pairs with treatment above control, ties as a half; ``tie_term`` is the sum of t^3 - t.
    """

    n_control: int
    n_treatment: int
    u: float
    tie_term: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval at ``level`` (0.95)."""

    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a two-sample test says of (treated - control).

    ``difference`` is absolute, ``relative`` is treated / control - 1 (None where that has no meaning);
    intervals belong to them. ``p_value`` is two-sided.
    """

    __test__ = False  # not a pytest class

    test: str
    p_value: float
    difference: float
    relative: float | None = None
    difference_interval: Interval | None = None
    relative_interval: Interval | None = None


# ---------------------------------------------------------------- the seam


@dataclass(frozen=True, slots=True)
class Stratum:
    """A stretch of time in which every declared share is constant. ``None``: open end."""

    index: int
    start: datetime | None
    end: datetime | None
    canary_share: float
    arm_shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnitCell:
    """Units of the audit's population in one stratum x cohort x arm (at first joint exposure)."""

    experiment: str
    stratum: int
    cohort: Cohort
    arm: str
    units: int


CellData = Counts | Moments | Histogram | Series


@dataclass(frozen=True, slots=True)
class MetricCell:
    """One metric's numbers in one stratum x cohort x arm.

    For the canary gate ``experiment`` and ``arm`` are empty and ``stratum`` is the interval's number
    (0 where the data is one total). For an experiment ``cohort`` is CANARY where the unit was ever in the
    canary, so that leaving canary users out means dropping cells; aggregated data has ``cohort`` None.
    """

    metric: str
    cohort: Cohort | None
    data: CellData
    stratum: int = 0
    experiment: str = ""
    arm: str = ""


@dataclass(frozen=True, slots=True)
class RankCell:
    """Ranks of one arm against control. ``without_canary`` says which population was ranked."""

    experiment: str
    metric: str
    arm: str
    stratum: int
    without_canary: bool
    ranks: RankSum


@dataclass(frozen=True, slots=True)
class ArmCell:
    """Analysed units of one arm (crossovers left out), for sample-ratio checks and exclusion counts."""

    experiment: str
    stratum: int
    arm: str
    cohort: Cohort
    units: int


@dataclass(frozen=True, slots=True)
class PairCell:
    """Units seen in two experiments, by both arms."""

    experiments: tuple[str, str]
    arms: tuple[str, str]
    stratum: int
    units: int


@dataclass(frozen=True, slots=True)
class Crossover:
    """Units seen under several labels. ``kind``: ``arms`` or ``cohorts`` (canary -> baseline -> canary)."""

    kind: str
    labels: tuple[str, ...]
    units: int


@dataclass(frozen=True, slots=True)
class LabelCount:
    """Rows (or units) under one label of one log; ``part`` of them have the property named by the field."""

    log: str
    label: str
    total: int
    part: int


@dataclass(frozen=True, slots=True)
class LogFacts:
    """What one experiment's join with the canary log showed besides the cells. Counts, never ids.

    Attributes:
        has_timestamps: whether both logs carry times.
        canary_log_complete: False where the canary log lists canary units alone.
        canary_only_units, experiment_only_units: units in one log only, inside the joint period.
        crossovers: by kind and labels; ``crossover_units`` counts each unit once.
        mixed_exposure_units: units seen in the canary and in the baseline.
        left_out_early: experiment units whose exposures were all before a side's first step or the canary.
        null_ids: rows and null-id rows by cohort (log "canary") and by arm (log "experiment").
        coverage: units and units found in the other log, by cohort and by arm.
        id_shapes: shape of the ids by log, letters as ``a`` and digits as ``9``.
        assumed_utc: whether a time without an offset was read as UTC.
    """

    experiment: str
    has_timestamps: bool = True
    canary_log_complete: bool = True
    canary_only_units: int = 0
    experiment_only_units: int = 0
    crossovers: tuple[Crossover, ...] = ()
    crossover_units: int = 0
    mixed_exposure_units: int = 0
    left_out_early: int = 0
    null_ids: tuple[LabelCount, ...] = ()
    coverage: tuple[LabelCount, ...] = ()
    id_shapes: Mapping[str, str] = field(default_factory=dict)
    assumed_utc: bool = False
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A closed observation window."""

    start: datetime
    end: datetime

    @property
    def minutes(self) -> float:
        """Length in minutes."""
        return (self.end - self.start).total_seconds() / 60


@dataclass(frozen=True, slots=True)
class Cells:
    """The one small table between the engine and the stages. Merge with ``+``."""

    strata: Mapping[str, tuple[Stratum, ...]] = field(default_factory=dict)  # by experiment id
    units: tuple[UnitCell, ...] = ()
    arms: tuple[ArmCell, ...] = ()
    metrics: tuple[MetricCell, ...] = ()
    ranks: tuple[RankCell, ...] = ()
    pairs: tuple[PairCell, ...] = ()
    facts: Mapping[str, LogFacts] = field(default_factory=dict)  # by experiment id
    intervals: tuple[Window, ...] = ()  # of the canary's metrics: a cell's stratum is the index
    windows: Mapping[str, Window] = field(default_factory=dict)  # "canary", or an experiment id

    def __add__(self, other: Cells) -> Cells:
        return Cells(
            {**self.strata, **other.strata},
            self.units + other.units,
            self.arms + other.arms,
            self.metrics + other.metrics,
            self.ranks + other.ranks,
            self.pairs + other.pairs,
            {**self.facts, **other.facts},
            self.intervals + other.intervals,
            {**self.windows, **other.windows},
        )

    def where(self, keep: Callable[[MetricCell], bool]) -> tuple[MetricCell, ...]:
        """The metric cells that ``keep`` accepts."""
        return tuple(cell for cell in self.metrics if keep(cell))


@dataclass(frozen=True, slots=True)
class LayerFinding:
    """What a platform's own config shows of the canary and one experiment.

    ``isolation`` is ``confirmed`` only where the config proves it; ``disjoint`` says that the two share a layer
    with disjoint ranges, so that the expected overlap is zero by construction.
    """

    experiment: str
    isolation: str
    disjoint: bool
    evidence: str


# ---------------------------------------------------------------- results (names of report.json)


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
