"""Step 2 as Spinnaker's Kayenta judges it, without its holes: ``(Cells, Config) -> CanaryResult``, pure.

The rules and constants are those of NetflixACAJudge-v1.0 (spinnaker/kayenta, kayenta-judge) and of Spinnaker's page
"How canary judgment works". ``docs/kayenta.md`` says what differs, and when to prefer the default judge.
"""

from __future__ import annotations

from collections.abc import Sequence

from coordinator import wording as fmt
from coordinator.canary_faults import Fault
from coordinator.canary_metric import missing
from coordinator.canary_spec import Spec, limits_of, spec_of
from coordinator.canary_window import planned_minutes, window_reason
from coordinator.config import Config
from coordinator.kayenta_metric import (
    ENOUGH,
    FAIR,
    LEVEL,
    Comparison,
    Label,
    Points,
    adverse,
    allowed_ratios,
    classify,
    read_points,
    worth,
)
from coordinator.model import (
    CanaryMetric,
    CanaryMetricVerdict,
    CanaryResult,
    CanaryVerdict,
    Cells,
    Direction,
    MetricClass,
    Reason,
)
from coordinator.stats.distributions import normal_p

PASS, MARGINAL = 95.0, 75.0
"""Spinnaker's usual thresholds of the score."""
_NO_DATA_SHARE = 0.5  # of the metrics, from which Kayenta fails the canary
_TEST = "Mann-Whitney (Kayenta)"
_NOTHING = {CanaryMetricVerdict.NO_DATA, CanaryMetricVerdict.DATA_ERROR}
_OPEN = _NOTHING | {CanaryMetricVerdict.THIN}
_NOTES = (
    (
        "Judged as Spinnaker's Kayenta does (NetflixACAJudge: Mann-Whitney, 98% interval of the shift, score by "
        "group), with its holes closed: a metric without data, with impossible numbers, or with fewer than 50 points "
        "a side never promotes; a group without data counts for nothing, not for 100; missing points are dropped in "
        "pairs and never read as 0; errors in the canary against a baseline of zeros alone are High; no noise is "
        "added to ties."
    ),
    (
        "Points of a series are not samples, and this test may be looked at once: where points are autocorrelated or "
        "the gate runs again and again, prefer the default judge."
    ),
)


def judge_kayenta(cells: Cells, config: Config) -> CanaryResult:
    """The canary's verdict by Kayenta's score.

    Args:
        cells: the canary's metrics, intervals and window.
        config: thresholds (class, critical, direction, relative limits) and the canary's settings.

    Returns:
        PROMOTE from a score of 95 on, PAUSE from 75 on, else ROLLBACK. The score is 0 where a critical metric is
        breached or has no data, or half of the metrics have none. PAUSE instead of PROMOTE where a metric has no
        data or too few points, or the window is too short or unknown.
    """
    specs = [spec_of(name, threshold, config.canary) for name, threshold in config.thresholds.items()]
    metrics = tuple(judge_metric(spec, cells) for spec in specs)
    window = cells.windows.get("canary")
    short = window_reason(window, planned_minutes(config))
    reasons, verdict = _join(metrics, short)
    return CanaryResult(
        verdict=verdict,
        window=window,
        metrics=metrics,
        reasons=tuple(reasons),
        window_enough=short is None and not any(item.verdict in _OPEN for item in metrics),
        warnings=tuple(_warnings(metrics, verdict)),
        notes=(*_NOTES, *_unjudged(cells, config)),
    )


# ------------------------------------------------------------ one metric


def judge_metric(spec: Spec, cells: Cells) -> CanaryMetric:
    """One metric's verdict: NO_DATA, DATA_ERROR, BREACH (High or Low for the worse), THIN or OK.

    Args:
        spec: the metric.
        cells: the canary's cells and intervals.
    """
    points = read_points(spec.name, spec.threshold, cells)
    if isinstance(points, Fault):
        return missing(spec, _NO_WORD[points.no_data], points.reason)
    found = classify(points.canary, points.baseline, allowed=allowed_ratios(spec.threshold))
    verdict, text = _decide(spec, points, found)
    return CanaryMetric(
        name=spec.name,
        class_=spec.class_,
        type=points.type,
        test=_TEST,
        canary=found.mean_canary,
        baseline=found.mean_baseline,
        relative_change=None if found.ratio is None else found.ratio - 1,
        p_value=normal_p(found.z),
        ci_low=None,
        ci_high=None,
        ci_level=None,
        limits=limits_of(spec.threshold, points.type),
        verdict=verdict,
        reason=f"{_figures(spec, points, found)}: {text} ({_evidence(points, found)}).",
        direction=spec.direction,
        critical=spec.threshold.critical,
        unit=spec.unit,
        n_canary=len(points.canary),
        n_baseline=len(points.baseline),
        notes=tuple(_metric_notes(spec, points, found)),
    )


_NO_WORD = {True: CanaryMetricVerdict.NO_DATA, False: CanaryMetricVerdict.DATA_ERROR}


def _decide(spec: Spec, points: Points, found: Comparison) -> tuple[CanaryMetricVerdict, str]:
    few = f"{fmt.plural(points.least, 'point')} a side"
    shift = _shift(spec, points, found)
    if points.least < FAIR:
        text = f"{few} are too few for the test ({FAIR} at least, {ENOUGH} to promote)"
        return CanaryMetricVerdict.THIN, text
    if adverse(found.label, spec.direction) and not found.proven:
        return CanaryMetricVerdict.THIN, f"{found.label}, {shift}, but so few may be luck"
    if adverse(found.label, spec.direction):
        return CanaryMetricVerdict.BREACH, f"{found.label}, {shift}"
    if points.least < ENOUGH:
        return CanaryMetricVerdict.THIN, f"{found.label}, {shift}, but {few} never promote ({ENOUGH} are asked for)"
    return CanaryMetricVerdict.OK, f"{found.label}, {shift}"


def _figures(spec: Spec, points: Points, found: Comparison) -> str:
    before, after = fmt.pair(found.mean_baseline, found.mean_canary, points.type, spec.unit)
    return f"{after} in the canary against {before} in the baseline"


def _shift(spec: Spec, points: Points, found: Comparison) -> str:
    """What decided, with its figures."""
    estimate, low, high, band = (
        fmt.difference(value, points.type, spec.unit)
        for value in (found.estimate, found.interval.low, found.interval.high, found.band)
    )
    text = f"a shift of {estimate} with a {fmt.share(LEVEL)} interval from {low} to {high}"
    if found.small:
        limit = allowed_ratios(spec.threshold)[found.z > 0]
        return f"{text}, but a ratio of the means of {found.ratio:.3g} where {limit:g} is allowed"
    if found.rule == "zero baseline":
        return f"{text}; the baseline is 0 in every point and the canary is not"
    if found.rule == "ties":
        word = "tells" if found.proven else "does not tell"
        return f"{text}; many points are equal, so the test decides without it, and {word} the sides apart"
    where = "beyond" if found.proven else "not wholly beyond"
    return f"{text}, {where} the tolerance of {band.lstrip('+')} around 0"


def _evidence(points: Points, found: Comparison) -> str:
    sizes = f"n = {fmt.count(len(points.canary))} and {fmt.count(len(points.baseline))}"
    return sizes if points.least < FAIR else f"Mann-Whitney, {fmt.p_phrase(normal_p(found.z))}, {sizes}"


def _metric_notes(spec: Spec, points: Points, found: Comparison) -> list[str]:
    notes = []
    if spec.direction is Direction.EITHER:
        notes.append("Its name does not say which way is good, so a change to either side counts as adverse.")
    elif found.label is not Label.PASS and not adverse(found.label, spec.direction):
        notes.append(f"{found.label}, which is a change for the better: Kayenta would call it Pass.")
    if points.one_sided:
        notes.append(f"{fmt.plural(points.one_sided, 'point')} of one side only left out.")
    correlated = worth(points)
    if correlated:
        sizes = " and ".join(fmt.count(round(value, 1)) for value in correlated)
        notes.append(
            f"Autocorrelated: {fmt.plural(points.least, 'point')} a side are worth about {sizes} independent ones "
            "(canary, baseline), and the test takes them all for independent."
        )
    if not points.ordered:
        notes.append("Raw samples are compared by rank: a change of the tail alone is not seen.")
    if spec.threshold.absolute is not None:
        notes.append("Its absolute limit is not checked: Kayenta has none.")
    return notes


# ------------------------------------------------------------ the score


def group_scores(metrics: Sequence[CanaryMetric]) -> dict[MetricClass, tuple[int, int]]:
    """For each class with a metric that has data: how many pass, and of how many.

    Args:
        metrics: all metrics; those without data are left out.
    """
    judged = [item for item in metrics if item.verdict not in _NOTHING]
    groups: dict[MetricClass, tuple[int, int]] = {}
    for item in judged:
        passed, total = groups.get(item.class_, (0, 0))
        groups[item.class_] = (passed + (item.verdict is not CanaryMetricVerdict.BREACH), total + 1)
    return groups


def score(metrics: Sequence[CanaryMetric]) -> tuple[float, str]:
    """The summary score, 0 to 100, and how it came about. Groups with data have equal weights.

    Args:
        metrics: all metrics.
    """
    failed = [item for item in metrics if item.critical and item.verdict in _NOTHING | {CanaryMetricVerdict.BREACH}]
    if failed:
        names = ", ".join(f"`{item.name}`" for item in failed)
        return 0.0, f"critical and not passed: {names}"
    empty = sum(item.verdict in _NOTHING for item in metrics)
    if empty >= _NO_DATA_SHARE * len(metrics):
        return (
            0.0,
            f"{empty} of {fmt.plural(len(metrics), 'metric')} without usable data, {fmt.share(_NO_DATA_SHARE)} or more",
        )
    groups = group_scores(metrics)
    total = sum(100 * passed / of for passed, of in groups.values()) / len(groups)
    parts = ", ".join(f"{name} {passed} of {of}" for name, (passed, of) in groups.items())
    return round(total, 2), f"passed by group: {parts}"


def _join(metrics: Sequence[CanaryMetric], short: Reason | None) -> tuple[list[Reason], CanaryVerdict]:
    if not metrics:
        return [Reason("no_metrics", "The thresholds name no metric, so nothing was checked.")], CanaryVerdict.PAUSE
    figure, why = score(metrics)
    held = figure >= PASS and (short is not None or any(item.verdict in _OPEN for item in metrics))
    text = f"Score {figure:g} of 100 ({why}); {PASS:g} promotes, {MARGINAL:g} pauses."
    reasons = [Reason("score", text + (" Held at a pause by what follows." if held else ""))]
    reasons += [
        Reason(str(item.verdict).lower(), f"`{item.name}`: {item.reason}")
        for item in metrics
        if item.verdict is not CanaryMetricVerdict.OK
    ]
    if figure < MARGINAL:
        return reasons, CanaryVerdict.ROLLBACK
    verdict = CanaryVerdict.PAUSE if held or figure < PASS else CanaryVerdict.PROMOTE
    return [*reasons, short] if short else reasons, verdict


# ------------------------------------------------------------ the window, warnings, notes


def _warnings(metrics: Sequence[CanaryMetric], verdict: CanaryVerdict) -> list[str]:
    warnings = []
    breached = [item.name for item in metrics if item.verdict is CanaryMetricVerdict.BREACH]
    if breached and verdict is CanaryVerdict.PROMOTE:
        names = ", ".join(f"`{name}`" for name in breached)
        warnings.append(f"The score promotes although {names} failed: mark as `critical` what must not be averaged.")
    absolute = [item.name for item in metrics if "absolute" in item.limits]
    if absolute:
        names = ", ".join(f"`{name}`" for name in absolute)
        warnings.append(f"`judge: kayenta` checks no absolute limit, and {names} has one: only the default judge does.")
    return warnings


def _unjudged(cells: Cells, config: Config) -> list[str]:
    names = sorted({cell.metric for cell in cells.metrics} - set(config.thresholds))
    listed = ", ".join(f"`{name}`" for name in names[:10])
    return [f"In the data, but without a limit, so not judged: {listed}."] if names else []
