"""One canary metric's cells made into both sides, checked, and compared by the test that fits. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from coordinator import wording as fmt
from coordinator.canary_faults import Fault, is_empty, side_fault, stale_fault
from coordinator.documents import Threshold
from coordinator.model import (
    Cells,
    Cohort,
    Counts,
    Histogram,
    Interval,
    MetricCell,
    MetricType,
    Moments,
    Series,
    TestResult,
)
from coordinator.names import quantile_by_name
from coordinator.stats.intervals import clopper_pearson
from coordinator.stats.means import compare_means_stratified
from coordinator.stats.one_sample import mean_interval, series_interval
from coordinator.stats.proportions import compare_rates_stratified
from coordinator.stats.quantiles import compare_quantiles, quantile, quantile_interval
from coordinator.stats.series import effective_n, paired_difference

_LEVEL = 0.95
_COUNTED = (frozenset({Counts}), "needs a numerator and a denominator, which the data does not give")
_NEEDS: dict[MetricType, tuple[frozenset[type], str]] = {
    MetricType.RATE: _COUNTED,
    MetricType.PROPORTION: _COUNTED,
    MetricType.QUANTILE: (frozenset({Histogram, Series}), "needs samples, which the data does not give"),
}
"""Where another form would be read in another unit, or as another figure, than its limit."""
_LEAST_SHARED = 0.9
_T = TypeVar("_T", Counts, Moments)


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of one metric and their comparison, canary against baseline.

    Attributes:
        type: the metric's type.
        canary, baseline: the estimates, in fractions or the metric's unit.
        n_canary, n_baseline: trials, values, or effective points.
        own: the canary's exact 95 % interval, without the baseline.
        result: the test.
        canary_total, baseline_total: events and trials of a rate.
        moments: variances of a mean: canary, baseline.
        q: the quantile that is compared, for raw samples.
        fixed_only: whether no always-valid test exists for it (a gauge).
        pairs: of a rate, canary and baseline by interval, in the order of time.
        samples: of raw quantiles, canary and baseline.
        fixed_p: where it is looked at more than once, the p-value that one look would give.
    """

    type: MetricType
    canary: float
    baseline: float
    n_canary: float
    n_baseline: float
    own: Interval
    result: TestResult
    canary_total: Counts | None = None
    baseline_total: Counts | None = None
    moments: tuple[Moments, Moments] | None = None
    q: float | None = None
    fixed_only: bool = False
    pairs: tuple[tuple[Counts, Counts], ...] = ()
    samples: tuple[Histogram, Histogram] | None = None
    fixed_p: float | None = None


def read_sides(
    name: str, threshold: Threshold, cells: Cells, stages: Sequence[int] = (), *, level: float = _LEVEL
) -> Sides | Fault:
    """Both sides of a metric, or why they cannot be judged.

    Args:
        name: the metric.
        threshold: its type, where it is given.
        cells: the canary's cells and intervals.
        stages: for each interval the step of the ramp that it lies in; empty without intervals.
        level: of the comparison's intervals.
    """
    sides = {
        cohort: [
            cell for cell in cells.metrics if cell.metric == name and cell.cohort is cohort and not cell.experiment
        ]
        for cohort in Cohort
    }
    for cohort, own in sides.items():
        if not own:
            return Fault(no_data=True, reason=f"the data has no `{name}` of the {cohort}.")
    forms = {type(cell.data) for own in sides.values() for cell in own}
    if len(forms) > 1:
        return Fault(no_data=False, reason="its canary and baseline data have different forms.")
    if threshold.type in _NEEDS and not forms <= _NEEDS[threshold.type][0]:
        return Fault(no_data=False, reason=f"`type: {threshold.type}` {_NEEDS[threshold.type][1]}.")
    for cohort, own in sides.items():
        fault = side_fault(cohort, [cell.data for cell in own])
        if fault:
            return fault
    stale = stale_fault(sides[Cohort.CANARY], sides[Cohort.BASELINE], len(cells.intervals) - 1)
    if stale:
        return stale
    return _compare(name, threshold, sides[Cohort.CANARY], sides[Cohort.BASELINE], stages, level)


# ------------------------------------------------------------ the comparison


def _compare(
    name: str,
    threshold: Threshold,
    canary: Sequence[MetricCell],
    baseline: Sequence[MetricCell],
    stages: Sequence[int],
    level: float,
) -> Sides | Fault:
    first, other = canary[0].data, baseline[0].data
    if isinstance(first, Series) and isinstance(other, Series):
        return _gauge(first, other, level)
    if isinstance(first, Histogram):
        own, others = _histogram(canary), _histogram(baseline)
        if threshold.type is MetricType.QUANTILE:
            return _quantiles(name, own, others, level)
        return _means({0: own.moments}, {0: others.moments}, level)
    if isinstance(first, Counts):
        treated, control = _by_stratum(canary, Counts), _by_stratum(baseline, Counts)
        return _rates(treated, control, level) if _shared(treated, control) else _NOTHING_SHARED
    if isinstance(first, Moments):
        mine, theirs = _by_stratum(canary, Moments, stages), _by_stratum(baseline, Moments, stages)
        return _means(mine, theirs, level) if _shared(mine, theirs) else _NOTHING_SHARED
    return Fault(no_data=False, reason="its form is not known.")


_NOTHING_SHARED = Fault(
    no_data=True,
    reason="a tenth or more of the canary's data lies in intervals without the baseline, so there is nothing to "
    "compare it with; give both sides the same timestamps.",
)


def _shared(canary: dict[int, _T], baseline: dict[int, _T]) -> bool:
    """Whether nearly all of the canary's data lies in intervals that the baseline has too."""
    total = math.fsum(_size(data) for data in canary.values())
    joint = math.fsum(
        _size(data) for index, data in canary.items() if index in baseline and not is_empty(baseline[index])
    )
    return joint >= _LEAST_SHARED * total


def _size(data: Counts | Moments) -> float:
    return data.trials if isinstance(data, Counts) else data.n


def _histogram(cells: Sequence[MetricCell]) -> Histogram:
    return sum((cell.data for cell in cells if isinstance(cell.data, Histogram)), Histogram((), ()))


def _by_stratum(cells: Sequence[MetricCell], kind: type[_T], stages: Sequence[int] = ()) -> dict[int, _T]:
    """The data by interval, or by the ramp's stage where the intervals' stages are given."""
    result: dict[int, _T] = {}
    for cell in cells:
        if isinstance(cell.data, kind):
            index = stages[cell.stratum] if stages else cell.stratum
            result[index] = result[index] + cell.data if index in result else cell.data
    return result


def _rates(canary: dict[int, Counts], baseline: dict[int, Counts], level: float) -> Sides:
    pairs = [(canary[index], baseline[index]) for index in sorted(canary) if index in baseline]
    result = compare_rates_stratified(pairs, level=level, rare=True)
    own = Counts(sum(c.events for c in canary.values()), sum(c.trials for c in canary.values()))
    other = Counts(sum(c.events for c in baseline.values()), sum(c.trials for c in baseline.values()))
    return Sides(
        MetricType.RATE,
        own.rate,
        other.rate,
        own.trials,
        other.trials,
        clopper_pearson(own.events, own.trials, level=_LEVEL),
        result,
        own,
        other,
        pairs=tuple(pairs),
    )


def _means(canary: dict[int, Moments], baseline: dict[int, Moments], level: float) -> Sides:
    pairs = [(canary[index], baseline[index]) for index in canary if index in baseline]
    own, other = _sum(canary), _sum(baseline)
    result = compare_means_stratified(pairs, level=level)
    return Sides(
        MetricType.MEAN,
        own.mean,
        other.mean,
        own.n,
        other.n,
        mean_interval(own, level=_LEVEL),
        result,
        moments=(own, other),
    )


def _sum(parts: dict[int, Moments]) -> Moments:
    total = Moments(0, math.nan, 0.0)
    for part in parts.values():
        total += part
    return total


def _quantiles(name: str, canary: Histogram, baseline: Histogram, level: float) -> Sides | Fault:
    q = quantile_by_name(name)
    if q is None:
        return Fault(no_data=False, reason="`type: quantile` needs a name that says which, such as p95_latency.")
    return Sides(
        MetricType.QUANTILE,
        quantile(canary, q),
        quantile(baseline, q),
        canary.n,
        baseline.n,
        quantile_interval(canary, q, level=_LEVEL),
        compare_quantiles(canary, baseline, q, level=level),
        q=q,
        samples=(canary, baseline),
    )


def _gauge(canary: Series, baseline: Series, level: float) -> Sides:
    result, effective = paired_difference(canary, baseline, level=level)
    own = [value for value in canary.values if value is not None]
    other = [value for value in baseline.values if value is not None]
    return Sides(
        MetricType.GAUGE,
        math.fsum(own) / len(own),
        math.fsum(other) / len(other),
        effective,
        effective_n(other) if len(other) > 2 else float(len(other)),
        series_interval(canary, level=_LEVEL),
        result,
        fixed_only=True,
    )


def described(sides: Sides, unit: str | None) -> str:
    """Both estimates in words: canary against baseline.

    Args:
        sides: of the metric.
        unit: the metric's unit.
    """
    before, after = fmt.pair(sides.baseline, sides.canary, sides.type, unit)
    return f"{after} in the canary against {before} in the baseline"
