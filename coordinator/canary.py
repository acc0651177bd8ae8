"""Step 2, the canary gate: ``(Cells, Config) -> CanaryResult``, pure. Every metric's verdict, joined into one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from coordinator import wording as fmt
from coordinator.canary_data import Sides, read_sides
from coordinator.canary_faults import Fault
from coordinator.canary_looks import always_valid
from coordinator.canary_metric import judge_metric, missing
from coordinator.canary_spec import Spec, spec_of
from coordinator.canary_window import DEFAULT_MINUTES, SLACK, planned_minutes, window_reason
from coordinator.config import Config
from coordinator.model import (
    CanaryMetric,
    CanaryMetricVerdict,
    CanaryResult,
    CanaryVerdict,
    Cells,
    MetricClass,
    Reason,
    Window,
)
from coordinator.stats.multiplicity import adjust

_FEW, _MANY = 5, 10
_USES = ((120, "as before a major release"), (60, "as for sparse KPIs"), (30, "the default"), (15, "for low traffic"))


def judge_canary(cells: Cells, config: Config, *, looks: int | None = 1) -> CanaryResult:
    """The canary's verdict.

    Args:
        cells: the canary's metrics, intervals and window.
        config: thresholds and the canary's settings.
        looks: how often the data is looked at: 1 for fixed-horizon tests, a number divides alpha by it
            (Bonferroni over looks), None for anytime-valid tests (``canary_looks``).

    Returns:
        ROLLBACK where a reliability, business or critical metric is breached; PAUSE where anything else is not OK, or
        the window is too short or unknown; PROMOTE only where every metric is OK.
    """
    window = cells.windows.get("canary")
    planned = planned_minutes(config)
    metrics = _metrics(cells, config, window, planned, looks)
    reasons, verdict = _join(metrics, config)
    if verdict is not CanaryVerdict.ROLLBACK:
        short = window_reason(window, planned)
        if short:
            verdict = CanaryVerdict.PAUSE
            reasons = [*(reason for reason in reasons if reason.code != "within_limits"), short]
    enough = all(item.verdict not in _TOO_LITTLE for item in metrics) and window_reason(window, planned) is None
    return CanaryResult(
        verdict=verdict,
        window=window,
        metrics=metrics,
        reasons=tuple(reasons),
        window_enough=enough,
        warnings=tuple(_advice(metrics)),
        notes=tuple(_notes(cells, config, window, looks)),
    )


_TOO_LITTLE = {CanaryMetricVerdict.THIN, CanaryMetricVerdict.NO_DATA, CanaryMetricVerdict.DATA_ERROR}


def _metrics(
    cells: Cells, config: Config, window: Window | None, planned: float, looks: int | None
) -> tuple[CanaryMetric, ...]:
    divisor = looks or 1
    specs = [spec_of(name, threshold, config.canary) for name, threshold in config.thresholds.items()]
    if divisor > 1:
        specs = [Spec(s.name, s.threshold, s.class_, s.direction, s.alpha / divisor) for s in specs]
    stages = _stages(cells, config)
    read = [read_sides(spec.name, spec.threshold, cells, stages, level=1 - spec.alpha) for spec in specs]
    if looks is None:
        information = (window.minutes if window else DEFAULT_MINUTES) / planned
        read = [
            item if isinstance(item, Fault) else always_valid(item, information, spec.alpha)
            for item, spec in zip(read, specs, strict=True)
        ]
    p_values = [item.result.p_value if isinstance(item, Sides) else math.nan for item in read]
    adjusted = adjust(p_values, "holm")
    metrics = []
    for spec, item, p_adjusted in zip(specs, read, adjusted, strict=True):
        if isinstance(item, Fault):
            verdict = CanaryMetricVerdict.NO_DATA if item.no_data else CanaryMetricVerdict.DATA_ERROR
            metrics.append(missing(spec, verdict, item.reason))
        else:
            metrics.append(judge_metric(spec, item, p_adjusted, config.canary, window, sequential=looks is None))
    return tuple(metrics)


def _stages(cells: Cells, config: Config) -> tuple[int, ...]:
    """For each interval the step of the ramp that it lies in: means are compared within a step, never over a ramp."""
    starts = [step.at for step in config.canary.steps[1:]]
    return tuple(sum(start <= interval.start for start in starts) for interval in cells.intervals)


# ------------------------------------------------------------ the join


def _join(metrics: Sequence[CanaryMetric], config: Config) -> tuple[list[Reason], CanaryVerdict]:
    if not metrics:
        return [Reason("no_metrics", "The thresholds name no metric, so nothing was checked.")], CanaryVerdict.PAUSE
    breached = [item for item in metrics if item.verdict is CanaryMetricVerdict.BREACH]
    grave = [item for item in breached if item.class_ is not MetricClass.PERFORMANCE or item.critical]
    if grave:
        return [_reason(item) for item in grave], CanaryVerdict.ROLLBACK
    pausing = [item for item in metrics if _pauses(item, config)]
    if pausing:
        return [_reason(item) for item in pausing], CanaryVerdict.PAUSE
    noted = [item for item in metrics if item.verdict is not CanaryMetricVerdict.OK]
    if len(noted) == len(metrics):
        text = "Every metric has too little data; `on_thin: note` does not make that a promote."
        return [Reason("all_thin", text)], CanaryVerdict.PAUSE
    thin = f"; {fmt.plural(len(noted), 'metric')} with too little data noted" if noted else ""
    text = f"{len(metrics) - len(noted)} of {fmt.plural(len(metrics), 'metric')} within the limits{thin}."
    return [Reason("within_limits", text)], CanaryVerdict.PROMOTE


def _pauses(item: CanaryMetric, config: Config) -> bool:
    if item.verdict is CanaryMetricVerdict.OK:
        return False
    if item.verdict is not CanaryMetricVerdict.THIN:
        return True
    threshold = config.thresholds[item.name]
    noted = threshold.on_thin == "note" or config.canary.on_thin == "note"
    proof = (threshold.promote or config.canary.promote) == "proven"
    return not noted or proof or item.critical or item.class_ is MetricClass.RELIABILITY


def _reason(item: CanaryMetric) -> Reason:
    return Reason(str(item.verdict).lower(), f"`{item.name}`: {item.reason}")


# ------------------------------------------------------------ advice


def _advice(metrics: Sequence[CanaryMetric]) -> list[str]:
    advice = []
    if 0 < len(metrics) < _FEW or len(metrics) > _MANY:
        advice.append(f"{fmt.plural(len(metrics), 'metric')}: {_FEW} to {_MANY} are advised.")
    if metrics and all(item.class_ is not MetricClass.BUSINESS for item in metrics):
        advice.append("No business KPI among the metrics: at least one is advised.")
    return advice


def _notes(cells: Cells, config: Config, window: Window | None, looks: int | None) -> list[str]:
    notes = []
    if looks is None:
        notes.append("This is one look of several: anytime-valid tests decide.")
    elif looks > 1:
        notes.append(f"This is one look of {looks}: every test's alpha is divided by {looks}.")
    unjudged = sorted({cell.metric for cell in cells.metrics} - set(config.thresholds))
    if unjudged:
        names = ", ".join(f"`{name}`" for name in unjudged[:10])
        notes.append(f"In the data, but without a limit, so not judged: {names}.")
    if window is not None:
        notes.append(_window_note(window.minutes))
    share = config.canary.share or (config.canary.steps[-1].share if config.canary.steps else None)
    if share:
        factor = 1 / (4 * share * (1 - share))
        notes.append(
            f"At a share of {fmt.share(share)} the power of a 50/50 split takes {factor:.1f} times its window."
        )
    return notes


def _window_note(minutes: float) -> str:
    for least, use in _USES:
        if minutes >= least * SLACK:
            return f"Window: {fmt.minutes(minutes)}, {use}."
    return f"Window: {fmt.minutes(minutes)}, a smoke check."
