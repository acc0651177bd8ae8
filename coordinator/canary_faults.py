"""Why a canary metric's data cannot be judged: nothing there, no possible number, or stale. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from coordinator.model import CellData, Cohort, Counts, Histogram, MetricCell, Moments, Series

_STALE_INTERVALS = 2
_MOST = 1e100  # larger figures overflow in squares and cubes, and are no measurements


def possible(value: float) -> bool:
    """Whether a figure can be computed with: finite, and of a size that something may have."""
    return math.isfinite(value) and abs(value) < _MOST


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a metric cannot be judged. ``no_data``: it is missing; else it is no possible number."""

    no_data: bool
    reason: str


def side_fault(cohort: Cohort, data: Sequence[CellData]) -> Fault | None:
    """The first impossible number of a side; else whether the side has anything at all.

    Args:
        cohort: the side.
        data: its cells' data.
    """
    for item in data:
        wrong = _impossible(item)
        if wrong:
            return Fault(no_data=False, reason=f"the {cohort} has {wrong}.")
    if all(is_empty(item) for item in data):
        return Fault(no_data=True, reason=f"the {cohort} has no {_empty_word(data[0])}.")
    return None


def _impossible(data: CellData) -> str:
    if isinstance(data, Counts):
        return _bad_counts(data)
    if isinstance(data, Moments):
        if not possible(data.n) or data.n < 0:
            return f"n = {data.n:g}"
        if data.n and not (possible(data.mean) and possible(data.m2) and data.m2 >= 0):
            return "a mean or a spread that no numbers have"
        return ""
    values = data.values if isinstance(data, Histogram) else [value for value in data.values if value is not None]
    bad = [value for value in values if not possible(value)]
    return f"a value of {bad[0]:g}" if bad else ""


def _bad_counts(data: Counts) -> str:
    for word, value in (("numerator", data.events), ("denominator", data.trials)):
        if not possible(value):
            return f"a {word} of {value:g}"
        if value < 0:
            return f"a negative {word} ({value:g})"
    return f"more events than trials ({data.events:g} of {data.trials:g})" if data.events > data.trials else ""


def is_empty(data: CellData) -> bool:
    """Whether there is nothing to compute from."""
    if isinstance(data, Counts):
        return data.trials == 0
    if isinstance(data, Series):
        return all(value is None for value in data.values)
    return data.n == 0


def _empty_word(data: CellData) -> str:
    return "trials (its denominators are 0)" if isinstance(data, Counts) else "values"


def stale_fault(canary: Sequence[MetricCell], baseline: Sequence[MetricCell], end: int) -> Fault | None:
    """One side stopped reporting while the other, or the rest of the data, went on.

    Args:
        canary: the canary's cells of one metric, not all empty.
        baseline: the baseline's.
        end: index of the newest interval of all metrics; -1 without intervals.
    """
    if isinstance(canary[0].data, Histogram):  # samples have no times
        return None
    points = {Cohort.CANARY: _points(canary), Cohort.BASELINE: _points(baseline)}
    seen = sorted(points[Cohort.CANARY] | points[Cohort.BASELINE])
    usual = int(median(after - before for before, after in pairwise(seen))) if len(seen) > 1 else 1
    for cohort, own in points.items():
        behind = (max(end, seen[-1]) - max(own)) // max(usual, 1)
        if behind > _STALE_INTERVALS:
            text = f"stale: the {cohort}'s newest point is {behind} intervals older than the newest data."
            return Fault(no_data=True, reason=text)
    return None


def _points(cells: Sequence[MetricCell]) -> set[int]:
    """The intervals in which a side has anything."""
    if isinstance(cells[0].data, Series):
        return {index for index, value in enumerate(cells[0].data.values) if value is not None}
    return {cell.stratum for cell in cells if not is_empty(cell.data)}
