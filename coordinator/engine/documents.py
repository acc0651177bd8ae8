"""Data documents made into cells: aggregated canary metrics and ``experiment-data.yml``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from coordinator.checks import reported
from coordinator.documents import CanaryDocument, ExperimentDocument, MetricValue, Threshold, Value
from coordinator.model import (
    ArmCell,
    CellData,
    Cells,
    Cohort,
    Counts,
    Histogram,
    MetricCell,
    MetricType,
    Moments,
    Series,
    Window,
)
from coordinator.names import quantile_by_name

ReadSamples = Callable[[str], Sequence[float]]
"""Reads the samples of a path in a document."""

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def canary_document_cells(document: CanaryDocument, thresholds: dict[str, Threshold], read: ReadSamples) -> Cells:
    """The cells of a canary metrics document: one total a side, no intervals.

    Args:
        document: the document.
        thresholds: types by metric, which say how samples are meant.
        read: reads samples that a path names.
    """
    cells = []
    for cohort, side in ((Cohort.CANARY, document.canary), (Cohort.BASELINE, document.baseline)):
        for name, value in side.metrics.items():
            kind = thresholds[name].type if name in thresholds else None
            cells.append(MetricCell(name, cohort, _data(value, read, as_series=_is_series(name, kind))))
    window = Window(document.window.start, document.window.end) if document.window else None
    return Cells(metrics=tuple(cells), windows={"canary": window} if window else {})


def experiment_document_cells(document: ExperimentDocument, now: datetime, read: ReadSamples) -> Cells:
    """The cells of ``experiment-data.yml``: one total a variant.

    Args:
        document: the document.
        now: the end of the window of an experiment that still runs.
        read: reads samples that a path names.
    """
    experiment = document.experiment_id
    metrics: list[MetricCell] = []
    arms: list[ArmCell] = []
    for variant in document.variants:
        size = variant.cohort_size
        units = int(size) if math.isfinite(size) else 0
        arms.append(ArmCell(experiment, 0, variant.name, Cohort.BASELINE, units))
        for name, value in variant.metrics.items():
            data = _experiment_data(value, size, read)
            metrics.append(MetricCell(reported(name), None, data, 0, experiment, variant.name))
    windows = {}
    if document.running_since:
        windows[experiment] = Window(document.running_since, min(document.running_until or now, now))
    return Cells(metrics=tuple(metrics), arms=tuple(arms), windows=windows)


def _experiment_data(value: MetricValue, size: float, read: ReadSamples) -> CellData:
    if isinstance(value, float):
        return Counts(value, size)
    if isinstance(value, Value):
        return _data(value, read, as_series=False)
    return Histogram.of(value)


def _is_series(name: str, kind: MetricType | None) -> bool:
    """Whether samples are values of intervals: of a metric named p95 and the like, unless the type says otherwise."""
    if kind is None:
        return quantile_by_name(name) is not None
    return kind is MetricType.GAUGE


def _data(value: Value, read: ReadSamples, *, as_series: bool) -> CellData:
    if value.numerator is not None and value.denominator is not None:
        return Counts(value.numerator, value.denominator)
    if value.n is not None and value.mean is not None and value.std is not None:
        spread = value.std**2 * (value.n - 1) if value.n > 1 else 0.0
        return Moments(value.n, value.mean, math.nan if value.std < 0 else spread)
    if value.samples is not None:
        samples = read(value.samples) if isinstance(value.samples, str) else value.samples
        return _series(samples) if as_series else Histogram.of(samples)
    return _series([value.value if value.value is not None else math.nan])


def _series(values: Sequence[float]) -> Series:
    """Values of intervals without times: the i-th of one side belongs to the i-th of the other."""
    times = tuple(_FIRST + timedelta(minutes=index) for index in range(len(values)))
    return Series(times, tuple(None if math.isnan(value) else value for value in values))
