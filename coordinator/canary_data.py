"""One canary metric's cells made into both sides, checked, and compared by the test that fits. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from coordinator import wording as fmt
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

_STALE_INTERVALS = 2
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a metric cannot be judged. ``no_data``: it is missing; else it is no possible number."""

    no_data: bool
    reason: str


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
    for cohort, own in sides.items():
        fault = _fault(cohort, [cell.data for cell in own])
        if fault:
            return fault
    stale = _stale(sides[Cohort.CANARY], sides[Cohort.BASELINE])
    if stale:
        return stale
    return _compare(name, threshold, sides[Cohort.CANARY], sides[Cohort.BASELINE], stages, level)


# ------------------------------------------------------------ is it a possible number?


def _fault(cohort: Cohort, data: Sequence[Counts | Moments | Histogram | Series]) -> Fault | None:
    """The first impossible number of a side; else whether the side has anything at all."""
    for item in data:
        wrong = _impossible(item)
        if wrong:
            return Fault(no_data=False, reason=f"the {cohort} has {wrong}.")
    if all(_empty(item) for item in data):
        return Fault(no_data=True, reason=f"the {cohort} has no {_empty_word(data[0])}.")
    return None


def _impossible(data: Counts | Moments | Histogram | Series) -> str:
    if isinstance(data, Counts):
        return _bad_counts(data)
    if isinstance(data, Moments):
        if not math.isfinite(data.n) or data.n < 0:
            return f"n = {data.n:g}"
        if data.n and not (math.isfinite(data.mean) and math.isfinite(data.m2) and data.m2 >= 0):
            return "a mean or a spread that no numbers have"
        return ""
    values = data.values if isinstance(data, Histogram) else [value for value in data.values if value is not None]
    bad = [value for value in values if not math.isfinite(value)]
    return f"a value of {bad[0]:g}" if bad else ""


def _bad_counts(data: Counts) -> str:
    for word, value in (("numerator", data.events), ("denominator", data.trials)):
        if not math.isfinite(value):
            return f"a {word} of {value:g}"
        if value < 0:
            return f"a negative {word} ({value:g})"
    return f"more events than trials ({data.events:g} of {data.trials:g})" if data.events > data.trials else ""


def _empty(data: Counts | Moments | Histogram | Series) -> bool:
    if isinstance(data, Counts):
        return data.trials == 0
    if isinstance(data, Series):
        return all(value is None for value in data.values)
    return data.n == 0


def _empty_word(data: Counts | Moments | Histogram | Series) -> str:
    return "trials (its denominators are 0)" if isinstance(data, Counts) else "values"


def _stale(canary: Sequence[MetricCell], baseline: Sequence[MetricCell]) -> Fault | None:
    """The canary stopped reporting while the baseline went on."""
    behind = _last(baseline) - _last(canary)
    if behind <= _STALE_INTERVALS:
        return None
    return Fault(
        no_data=True, reason=f"the canary's newest point is {behind} intervals older than the baseline's: stale."
    )


def _last(cells: Sequence[MetricCell]) -> int:
    if isinstance(cells[0].data, Series):
        return max((index for index, value in enumerate(cells[0].data.values) if value is not None), default=0)
    return max(cell.stratum for cell in cells if not _empty(cell.data))


# ------------------------------------------------------------ the comparison


def _compare(
    name: str,
    threshold: Threshold,
    canary: Sequence[MetricCell],
    baseline: Sequence[MetricCell],
    stages: Sequence[int],
    level: float,
) -> Sides | Fault:
    first = canary[0].data
    if isinstance(first, Counts):
        return _rates(_by_stratum(canary, Counts), _by_stratum(baseline, Counts), level)
    if isinstance(first, Moments):
        return _means(_by_stratum(canary, Moments, stages), _by_stratum(baseline, Moments, stages), level)
    other = baseline[0].data
    if isinstance(first, Series) and isinstance(other, Series):
        return _gauge(first, other, level)
    if isinstance(first, Histogram) and isinstance(other, Histogram):
        if threshold.type is MetricType.QUANTILE:
            return _quantiles(name, first, other, level)
        return _means({0: first.moments}, {0: other.moments}, level)
    return Fault(no_data=False, reason="its form is not known.")


_T = TypeVar("_T", Counts, Moments)


def _by_stratum(cells: Sequence[MetricCell], kind: type[_T], stages: Sequence[int] = ()) -> dict[int, _T]:
    """The data by interval, or by the ramp's stage where the intervals' stages are given."""
    result: dict[int, _T] = {}
    for cell in cells:
        if isinstance(cell.data, kind):
            index = stages[cell.stratum] if stages else cell.stratum
            result[index] = result[index] + cell.data if index in result else cell.data
    return result


def _rates(canary: dict[int, Counts], baseline: dict[int, Counts], level: float) -> Sides:
    pairs = [(canary[index], baseline[index]) for index in canary if index in baseline]
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


def with_p_value(sides: Sides, p_value: float) -> Sides:
    """The same with another p-value."""
    return replace(sides, result=replace(sides.result, p_value=p_value))
