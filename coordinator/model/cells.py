"""The seam between the engine and the stages: one small table of cells. Times are timezone-aware UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from coordinator.model.enums import Cohort
from coordinator.model.numbers import Counts, Histogram, Moments, RankSum, Series


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
