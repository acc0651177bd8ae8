"""One experiment metric's cells made into arms, checked, and compared with control by the test that fits. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from coordinator.canary_faults import possible
from coordinator.config import MetricConfig
from coordinator.model import (
    CellData,
    Cells,
    Cohort,
    Counts,
    Histogram,
    MetricType,
    Moments,
    RankSum,
    Series,
    TestResult,
)
from coordinator.stats.means import compare_means_stratified, cuped, ratio_moments
from coordinator.stats.proportions import compare_rates_stratified
from coordinator.stats.quantiles import quantile
from coordinator.stats.ranks import mann_whitney, rank_sum


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against control.

    Attributes:
        type: the metric's type.
        control, treatment: the estimates.
        n_control, n_treatment: units with a value.
        variance: pooled variance of one unit's value, for power; of a rate p (1 - p) of control.
        result: the test; intervals belong to the mean or the rate, whatever the test.
        rank_sign: where ranks made the p-value, which way they point: a WIN needs the mean's sign to agree. Else 0.
        fault: why the data cannot be judged; "" if it can.
    """

    type: MetricType
    control: float
    treatment: float
    n_control: float
    n_treatment: float
    variance: float
    result: TestResult
    rank_sign: int = 0
    fault: str = ""


def compare_arm(
    cells: Cells,
    experiment: str,
    metric: str,
    control: str,
    arm: str,
    settings: MetricConfig,
    *,
    without_canary: bool,
    level: float,
) -> Comparison:
    """An arm's metric against control.

    Args:
        cells: the experiment's cells.
        experiment: its id.
        metric: the metric.
        control: the control arm.
        arm: the arm.
        settings: type, winsorising, covariate, denominator.
        without_canary: leave the cells of canary users out.
        level: of the intervals.
    """
    own = [
        cell
        for cell in cells.metrics
        if cell.metric == metric
        and cell.experiment == experiment
        and not (without_canary and cell.cohort is Cohort.CANARY)
    ]
    sides: dict[str, dict[int, list[CellData]]] = {control: {}, arm: {}}
    for cell in own:
        if cell.arm in sides:
            sides[cell.arm].setdefault(cell.stratum, []).append(cell.data)
    fault = _fault({name: [item for part in side.values() for item in part] for name, side in sides.items()})
    if not fault and not sides[control].keys() & sides[arm].keys():
        fault = f"`{arm}` and `{control}` have no step of the ramp in common."
    if fault:
        nothing = TestResult("", math.nan, math.nan)
        kind = settings.type or MetricType.MEAN
        return Comparison(kind, math.nan, math.nan, 0, 0, math.nan, nothing, fault=fault)
    pairs = [(sides[arm][index], sides[control][index]) for index in sorted(sides[control]) if index in sides[arm]]
    if isinstance(pairs[0][0][0], Counts):
        return _proportions(pairs, level)
    ranks = [
        cell.ranks
        for cell in cells.ranks
        if (cell.experiment, cell.metric, cell.arm, cell.without_canary) == (experiment, metric, arm, without_canary)
    ]
    if isinstance(pairs[0][0][0], Histogram):
        treated, other = _histogram([t for t, _ in pairs]), _histogram([c for _, c in pairs])
        if settings.winsorize is not None:  # the engine does it for a per-unit table
            cap = quantile(treated + other, settings.winsorize)
            treated, other = _capped(treated, cap), _capped(other, cap)
        ranks = [rank_sum(other, treated)]
        return _means([(treated.moments, other.moments)], ranks, settings, level)
    return _means([(_moments(t), _moments(c)) for t, c in pairs], ranks, settings, level)


def _fault(sides: Mapping[str, Sequence[CellData]]) -> str:
    """Why a metric cannot be judged, in a sentence; "" if it can."""
    for arm, data in sides.items():
        if not data:
            return f"`{arm}` has no such metric."
        for item in data:
            wrong = _impossible(item)
            if wrong:
                return f"`{arm}` has {wrong}."
        if all(not _size(item) for item in data):
            return f"`{arm}` has no values."
    forms = {type(item) for data in sides.values() for item in data}
    return "its arms have different forms." if len(forms) > 1 else ""


def _impossible(data: CellData) -> str:
    if isinstance(data, Counts):
        if not (possible(data.events) and possible(data.trials)):
            return f"a count of {data.events:g} in {data.trials:g}"
        if data.events < 0 or data.trials < 0:
            return "a negative count"
        return f"{data.events:g} events in {data.trials:g} units" if data.events > data.trials else ""
    if isinstance(data, Moments):
        finite = possible(data.n) and (not data.n or (possible(data.mean) and possible(data.m2)))
        return (
            ""
            if finite and data.n >= 0 and not data.m2 < 0
            else "values that are no numbers, or a spread that none have"
        )
    if isinstance(data, Histogram):
        bad = [value for value in data.values if not possible(value)]
        return f"a value of {bad[0]:g}" if bad else ""
    return "a single value without its spread; give n, mean and std, or samples"


def _size(data: CellData) -> float:
    if isinstance(data, Counts):
        return data.trials
    return 0 if isinstance(data, Series) else data.n


def _histogram(parts: Sequence[Sequence[CellData]]) -> Histogram:
    total = Histogram((), ())
    for part in parts:
        for item in part:
            if isinstance(item, Histogram):
                total += item
    return total


def _capped(samples: Histogram, cap: float) -> Histogram:
    above = sum(count for value, count in zip(samples.values, samples.counts, strict=True) if value > cap)
    kept = [(v, n) for v, n in zip(samples.values, samples.counts, strict=True) if v <= cap]
    below = Histogram(tuple(v for v, _ in kept), tuple(n for _, n in kept))
    return below + Histogram((cap,), (above,)) if above else below


def _moments(parts: Sequence[CellData]) -> Moments:
    total = Moments(0, math.nan, 0.0)
    for item in parts:
        if isinstance(item, Moments):
            total += item
    return total


def _counts(parts: Sequence[CellData]) -> Counts:
    total = Counts(0, 0)
    for item in parts:
        if isinstance(item, Counts):
            total += item
    return total


def _proportions(pairs: Sequence[tuple[Sequence[CellData], Sequence[CellData]]], level: float) -> Comparison:
    counts = [(_counts(treated), _counts(control)) for treated, control in pairs]
    treated = sum((t for t, _ in counts), Counts(0, 0))
    control = sum((c for _, c in counts), Counts(0, 0))
    result = compare_rates_stratified(counts, level=level)
    rate = control.rate
    sizes = [(t.trials, c.trials) for t, c in counts]
    return Comparison(
        MetricType.PROPORTION,
        _weighted([c.rate for _, c in counts], sizes),
        _weighted([t.rate for t, _ in counts], sizes),
        control.trials,
        treated.trials,
        rate * (1 - rate),
        result,
    )


def _weighted(values: Sequence[float], sizes: Sequence[tuple[float, float]]) -> float:
    """A side's mean over strata with the mix of both sides, so that a ramp looks like no effect."""
    weights = [sum(pair) if min(pair) > 0 else 0.0 for pair in sizes]
    total = math.fsum(weights)
    if not total:
        return math.nan
    return math.fsum(weight * value for weight, value in zip(weights, values, strict=True) if weight) / total


def _means(
    pairs: Sequence[tuple[Moments, Moments]], ranks: Sequence[RankSum], settings: MetricConfig, level: float
) -> Comparison:
    kind, name = MetricType.MEAN, ""
    if settings.denominator:
        kind, name = MetricType.RATIO, " (delta method)"
        pairs = [(ratio_moments(treated), ratio_moments(control)) for treated, control in pairs]
    elif settings.covariate and all(side.y_mean is not None for pair in pairs for side in pair):
        name = " (CUPED)"
        pairs = [cuped(treated, control) for treated, control in pairs]
    treated = sum((t for t, _ in pairs), Moments(0, math.nan, 0.0))
    control = sum((c for _, c in pairs), Moments(0, math.nan, 0.0))
    result = compare_means_stratified(pairs, level=level)
    result = replace(result, test=result.test + name)
    skewed = not name and settings.winsorize is None and (treated.heavy_tailed or control.heavy_tailed)
    sign = 0
    if skewed and ranks:
        z, p = mann_whitney(ranks)
        sign = 1 if z > 0 else -1
        result = replace(result, test="Mann-Whitney U", p_value=p)
    n = treated.n + control.n
    variance = (treated.m2 + control.m2) / (n - 2) if n > 2 else math.nan
    sizes = [(t.n, c.n) for t, c in pairs]
    before, after = _weighted([c.mean for _, c in pairs], sizes), _weighted([t.mean for t, _ in pairs], sizes)
    return Comparison(kind, before, after, control.n, treated.n, variance, result, rank_sign=sign)
