"""One canary metric as Spinnaker's Kayenta classifies it: Pass, High, Low, with a reason that has the figures. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from coordinator import wording as fmt
from coordinator.canary_faults import Fault, is_empty, side_fault, stale_fault
from coordinator.documents import Threshold
from coordinator.model import (
    CellData,
    Cells,
    Cohort,
    Counts,
    Direction,
    Histogram,
    Interval,
    MetricCell,
    MetricType,
    Moments,
    Series,
)
from coordinator.stats.distributions import normal_quantile
from coordinator.stats.hodges_lehmann import MOST_PAIRS, hodges_lehmann, shift_z
from coordinator.stats.series import effective_n

LEVEL, TOLERANCE = 0.98, 0.25
"""Fixed in NetflixACAJudge-v1.0: of the interval, and as a part of the estimated shift."""
ENOUGH = 50
"""Points a side that Spinnaker's guide to good canaries asks for."""
FAIR = 8
"""Points a side from which the normal approximation may be believed."""
_MOST_ONE_SIDED = 0.2  # of the points; more is a hole that a crash may hide in
_CORRELATED = 0.75  # effective points by points, below which it is said


class Label(StrEnum):
    """Kayenta's word for a metric that has data."""

    PASS = "Pass"  # noqa: S105 - a word of Kayenta's, no password
    HIGH = "High"
    LOW = "Low"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Canary against baseline.

    Attributes:
        label: Kayenta's word, whichever way is good.
        estimate: Hodges and Lehmann's shift, in the metric's unit.
        interval: of the shift.
        z: Mann-Whitney's deviate of "no shift".
        mean_canary, mean_baseline: of the points, each as heavy as another.
        ratio: of the means; None unless the baseline's is above 0 and the canary's not below.
        band: the tolerance around 0 that the interval must leave free.
        rule: what decided: ``interval``, ``ties`` (the test itself, as the shift or most of the baseline is 0) or
            ``zero baseline``.
        proven: whether the sides differ, before the effect size is looked at.
        small: whether the ratio alone made a Pass of it.
    """

    label: Label
    estimate: float
    interval: Interval
    z: float
    mean_canary: float
    mean_baseline: float
    ratio: float | None
    band: float
    rule: str
    proven: bool
    small: bool


@dataclass(frozen=True, slots=True)
class Points:
    """Both sides of a metric, one value a point, in the order of time; ``ordered`` is False for raw samples."""

    type: MetricType
    canary: Sequence[float]
    baseline: Sequence[float]
    one_sided: int = 0
    ordered: bool = True

    @property
    def least(self) -> int:
        """Points of the shorter side."""
        return min(len(self.canary), len(self.baseline))


# ------------------------------------------------------------ the classifier


def classify(
    canary: Sequence[float],
    baseline: Sequence[float],
    *,
    allowed: tuple[float, float] = (1.0, 1.0),
    tolerance: float = TOLERANCE,
    level: float = LEVEL,
) -> Comparison:
    """Kayenta's MannWhitneyClassifier, both directions, mean ratio as effect size.

    High: the shift's whole interval lies above ``tolerance`` times its estimate, and the ratio of the means is at
    least the allowed increase. Low mirrors it. Two rules are our own, where Kayenta's answer is a hole or hangs on
    its root finder: against a baseline of zeros alone any other mean counts, and where the shift, or most of the
    baseline, is 0 the test itself decides without the interval.

    Args:
        canary: finite values, at least one.
        baseline: finite values, at least one.
        allowed: ratios of the means: Low only up to the first, High only from the second on.
        tolerance: part of the estimated shift that the interval must leave free.
        level: of the interval.

    >>> classify([20.0, 22.0, 21.0, 25.0, 30.0], [1.0, 2.2, 1.1, 2.5, 3.0], tolerance=0.1, level=0.95).label
    <Label.HIGH: 'High'>
    """
    estimate, interval = hodges_lehmann(canary, baseline, level=level)
    z, band = shift_z(canary, baseline), tolerance * abs(estimate)
    own, other = math.fsum(canary) / len(canary), math.fsum(baseline) / len(baseline)
    if any(canary) and not any(baseline):
        rule, side = "zero baseline", _sign(own)
    elif estimate == 0 or 2 * sum(value == 0 for value in baseline) > len(baseline):
        rule, side = "ties", _sign(z) if abs(z) > normal_quantile(level) else 0
    else:
        rule, side = "interval", (interval.low > band) - (interval.high < -band)
    proven = abs(z) > normal_quantile(level) if rule == "zero baseline" else bool(side)
    ratio = own / other if other > 0 and own >= 0 and math.isfinite(own / other) else None
    small = ratio is not None and (ratio < allowed[1] if side > 0 else side < 0 and ratio > allowed[0])
    label = Label.PASS if small or not side else Label.HIGH if side > 0 else Label.LOW
    return Comparison(label, estimate, interval, z, own, other, ratio, band, rule, proven, small)


def allowed_ratios(threshold: Threshold) -> tuple[float, float]:
    """The ratios of the means from which a change counts, down and up: the relative limits, 1 where there is none."""
    limit = threshold.relative
    low = limit.min if limit and limit.min is not None else 1.0
    high = limit.max if limit and limit.max is not None else 1.0
    return low, high


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def adverse(label: Label, direction: Direction) -> bool:
    """Whether a change to that side is for the worse.

    >>> adverse(Label.HIGH, Direction.DECREASE), adverse(Label.HIGH, Direction.INCREASE)
    (True, False)
    """
    good = {Direction.INCREASE: Label.HIGH, Direction.DECREASE: Label.LOW}.get(direction)
    return label not in {Label.PASS, good}


# ------------------------------------------------------------ the points


def read_points(name: str, threshold: Threshold, cells: Cells) -> Points | Fault:
    """The values that are compared: one an interval, or the raw samples. A point that one side lacks is dropped.

    Args:
        name: the metric.
        threshold: its type, where it is given.
        cells: the canary's cells and intervals.
    """
    sides: dict[Cohort, list[MetricCell]] = {cohort: [] for cohort in Cohort}
    for cell in cells.metrics:
        if cell.metric == name and cell.cohort is not None and not cell.experiment:
            sides[cell.cohort].append(cell)
    for cohort, own in sides.items():
        if not own:
            return Fault(no_data=True, reason=f"the data has no `{name}` of the {cohort}.")
    forms = {type(cell.data) for own in sides.values() for cell in own}
    if len(forms) > 1:
        return Fault(no_data=False, reason="its canary and baseline data have different forms.")
    for cohort, own in sides.items():
        fault = side_fault(cohort, [cell.data for cell in own])
        if fault:
            return fault
    canary, baseline = sides[Cohort.CANARY], sides[Cohort.BASELINE]
    fault = stale_fault(canary, baseline, len(cells.intervals) - 1) or _wrong_form(forms.pop(), threshold)
    if fault:
        return fault
    return _samples(canary, baseline) if isinstance(canary[0].data, Histogram) else _paired(canary, baseline)


def _wrong_form(form: type[CellData], threshold: Threshold) -> Fault | None:
    if threshold.type in {MetricType.RATE, MetricType.PROPORTION} and form is not Counts:
        reason = f"`type: {threshold.type}` needs a numerator and a denominator, which the data does not give."
        return Fault(no_data=False, reason=reason)
    if threshold.type is MetricType.QUANTILE and form is not Series:
        reason = "Kayenta compares a quantile as one value an interval; in raw samples ranks do not see the tail alone."
        return Fault(no_data=False, reason=reason)
    return None


def _samples(canary: Sequence[MetricCell], baseline: Sequence[MetricCell]) -> Points | Fault:
    own, other = (
        sum((cell.data for cell in side if isinstance(cell.data, Histogram)), Histogram((), ()))
        for side in (canary, baseline)
    )
    if own.n * other.n > MOST_PAIRS:
        return _too_many(own.n, other.n, "samples")
    return Points(MetricType.MEAN, _spread(own), _spread(other), ordered=False)


def _too_many(own: int, other: int, noun: str) -> Fault:
    sizes = f"{fmt.count(own)} × {fmt.count(other)} {noun}"
    reason = f"{sizes} make more than {fmt.count(MOST_PAIRS)} pairs; give one value an interval, or longer intervals."
    return Fault(no_data=False, reason=reason)


def _spread(histogram: Histogram) -> list[float]:
    return [value for value, count in zip(histogram.values, histogram.counts, strict=True) for _ in range(count)]


def _paired(canary: Sequence[MetricCell], baseline: Sequence[MetricCell]) -> Points | Fault:
    own, other = _by_point(canary), _by_point(baseline)
    shared = sorted(own.keys() & other.keys())
    one_sided = len(own.keys() ^ other.keys())
    if one_sided > _MOST_ONE_SIDED * (len(shared) + one_sided):
        text = f"{one_sided} of {fmt.plural(len(shared) + one_sided, 'point')} are on one side only"
        return Fault(no_data=True, reason=f"{text}, more than {fmt.share(_MOST_ONE_SIDED)}: a crash may hide there.")
    if len(shared) ** 2 > MOST_PAIRS:
        return _too_many(len(shared), len(shared), "points")
    kinds: Mapping[type, MetricType] = {Counts: MetricType.RATE, Moments: MetricType.MEAN, Series: MetricType.GAUGE}
    kind = kinds[type(canary[0].data)]
    return Points(kind, [own[key] for key in shared], [other[key] for key in shared], one_sided)


def _by_point(cells: Sequence[MetricCell]) -> dict[float, float]:
    """One value a point that has one, by the time or the number of the interval."""
    if isinstance(series := cells[0].data, Series):
        points = zip(series.times, series.values, strict=True)
        return {time.timestamp(): value for time, value in points if value is not None}
    sums: dict[float, Counts | Moments] = {}
    for cell in cells:
        data, index = cell.data, cell.stratum
        if is_empty(data):
            continue
        if isinstance(data, Counts):
            before = sums.get(index)
            sums[index] = before + data if isinstance(before, Counts) else data
        elif isinstance(data, Moments):
            earlier = sums.get(index)
            sums[index] = earlier + data if isinstance(earlier, Moments) else data
    return {index: data.rate if isinstance(data, Counts) else data.mean for index, data in sums.items()}


def worth(points: Points) -> tuple[float, float] | None:
    """How many independent points the canary's and the baseline's are worth; None where that is about all of them.

    Args:
        points: of the metric; raw samples have no order that could show it.
    """
    if not points.ordered:
        return None
    found = effective_n(points.canary), effective_n(points.baseline)
    return found if min(found) < _CORRELATED * points.least else None
