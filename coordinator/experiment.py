"""Step 3, the experiment gate: ``(Cells, Config, Audit) -> ExperimentResult``, pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from coordinator import wording as fmt
from coordinator.audit_checks import ratio_check
from coordinator.config import Config, ExperimentConfig, MetricConfig
from coordinator.experiment_data import Comparison, as_sequence, compare_arm
from coordinator.experiment_metric import MetricSpec, judge_metric
from coordinator.model import (
    Audit,
    AuditVerdict,
    Cells,
    Cohort,
    Direction,
    ExperimentMetric,
    ExperimentMetricVerdict,
    ExperimentResult,
    ExperimentVerdict,
    Reason,
    Role,
    SampleRatioCheck,
)
from coordinator.names import direction_by_name, guardrail_by_name
from coordinator.stats.distributions import normal_z
from coordinator.stats.multiplicity import adjust
from coordinator.stats.sequential import mixture_p_value

_BAD = {ExperimentMetricVerdict.LOSS, ExperimentMetricVerdict.HURT}
_NO_GOOD = {ExperimentMetricVerdict.LOSS, ExperimentMetricVerdict.NO_EFFECT}
_LEAST_INFORMATION = 1e-6


@dataclass(frozen=True, slots=True)
class _Exclusion:
    """Whether canary users are left out, how many, and why."""

    done: bool
    units: int
    text: str
    needed_but_impossible: bool = False


def judge_experiment(
    cells: Cells, config: Config, experiment_id: str, audit: Audit, *, now: datetime
) -> ExperimentResult:
    """One experiment's verdict.

    Args:
        cells: its metrics by arm, and its arms' units.
        config: the release.
        experiment_id: the experiment.
        audit: step 1: its overlap decides whether canary users are left out, its verdict what is the best possible.
        now: before ``running_until`` the tests are always-valid.

    Returns:
        SHIP, DON'T-SHIP or MIXED; ``action`` is set by ``reconcile``.
    """
    experiment = config.experiment(experiment_id)
    exclusion = _exclusion(cells, config, experiment, audit)
    information = _information(config, experiment, now)
    specs = _specs(cells, config, experiment)
    metrics = _metrics(cells, experiment, specs, exclusion, information)
    ratio = _sample_ratio(cells, experiment, exclusion)
    verdict, reasons, winner = _join(metrics, experiment)
    caps = _caps(experiment, exclusion, audit, ratio)
    if caps and (verdict is ExperimentVerdict.SHIP or any(cap.code == "sample_ratio_mismatch" for cap in caps)):
        verdict, winner = ExperimentVerdict.MIXED, None
    reasons = [*caps, *reasons]
    return ExperimentResult(
        id=experiment_id,
        verdict=verdict,
        action="",
        canary_users_excluded=exclusion.done,
        excluded_units=exclusion.units,
        correction=experiment.correction,
        metrics=metrics,
        exclusion=exclusion.text,
        winning_arm=winner,
        sequential=information is not None,
        reasons=tuple(reasons),
        sample_ratio=ratio,
        window=cells.windows.get(experiment_id),
        warnings=tuple(_warnings(specs)),
        notes=tuple(_notes(config, experiment, information)),
    )


# ------------------------------------------------------------ who is left out, how often it is looked at


def _exclusion(cells: Cells, config: Config, experiment: ExperimentConfig, audit: Audit) -> _Exclusion:
    overlap = max((arm.observed_overlap for arm in audit.arms if arm.experiment == experiment.id), default=0.0)
    limit = config.audit.exclusion_threshold
    above = overlap > limit
    document = config.experiment_documents.get(experiment.id)
    if document is not None:
        if document.canary_users_excluded:
            return _Exclusion(done=True, units=0, text="yes (the data file says so)")
        if above:
            text = "no (aggregated data has no user ids)"
            return _Exclusion(done=False, units=0, text=text, needed_but_impossible=True)
    word = "above" if above else "not above"
    text = f"{'yes' if above else 'no'} (overlap {fmt.rate(overlap)} is {word} {fmt.share(limit)})"
    own = [cell for cell in cells.arms if cell.experiment == experiment.id]
    units = sum(cell.units for cell in own if cell.cohort is Cohort.CANARY) if above else 0
    return _Exclusion(done=above, units=units, text=text)


def _information(config: Config, experiment: ExperimentConfig, now: datetime) -> float | None:
    """The fraction of the planned run time, where always-valid tests decide; None where fixed-horizon ones do."""
    document = config.experiment_documents.get(experiment.id)
    running = config.still_running(experiment.id, now)
    if isinstance(experiment.looks, int) or not (experiment.looks == "many" or running):
        return None
    if document is None or document.running_since is None or document.running_until is None:
        return 1.0
    planned = (document.running_until - document.running_since).total_seconds()
    if planned <= 0:
        return 1.0
    return max((now - document.running_since).total_seconds() / planned, _LEAST_INFORMATION)


# ------------------------------------------------------------ metrics


def _specs(cells: Cells, config: Config, experiment: ExperimentConfig) -> list[MetricSpec]:
    """The metrics of the data, the primary first."""
    names = list(dict.fromkeys(cell.metric for cell in cells.metrics if cell.experiment == experiment.id))
    roles = {name: experiment.metrics.get(name, MetricConfig()).role for name in names}
    primary = experiment.primary or next((name for name, role in roles.items() if role is Role.PRIMARY), None)
    primary = primary or next((name for name in names if not guardrail_by_name(name)), names[0] if names else None)
    # a metric that the config names and the data lacks is judged as missing, never forgotten
    names += [
        name for name in dict.fromkeys([*([primary] if primary else []), *experiment.metrics]) if name not in names
    ]
    names.sort(key=lambda name: name != primary)
    mdes = config.mdes.get(experiment.id, {})
    divisor = experiment.looks if isinstance(experiment.looks, int) else 1
    specs = []
    for name in names:
        settings = experiment.metrics.get(name, MetricConfig())
        role = Role.PRIMARY if name == primary else _other_role(name, settings)
        known = settings.direction or direction_by_name(name) or Direction.EITHER
        notes: tuple[str, ...] = ()
        direction = known
        if known is Direction.EITHER and role is Role.GUARDRAIL:
            notes = ("Nothing says which way is good, so a change to either side counts as worse.",)
        elif known is Direction.EITHER:
            notes = ("Its name does not say which way is good: an increase was taken as good.",)
            direction = Direction.INCREASE
        specs.append(MetricSpec(name, role, direction, settings, mdes.get(name), experiment.alpha / divisor, notes))
    return specs


def _other_role(name: str, settings: MetricConfig) -> Role:
    if settings.role is not None and settings.role is not Role.PRIMARY:
        return settings.role
    return Role.GUARDRAIL if guardrail_by_name(name) else Role.SECONDARY


def _metrics(
    cells: Cells,
    experiment: ExperimentConfig,
    specs: Sequence[MetricSpec],
    exclusion: _Exclusion,
    information: float | None,
) -> tuple[ExperimentMetric, ...]:
    """Every metric in every arm against control; p-values corrected over arms x metrics."""
    left_out = exclusion.done and exclusion.units > 0
    found: list[tuple[MetricSpec, str, Comparison]] = []
    for spec in specs:
        for arm in experiment.treatment_arms:
            comparison = compare_arm(
                cells,
                experiment.id,
                spec.name,
                experiment.control_arm,
                arm,
                spec.settings,
                without_canary=left_out,
                level=1 - spec.alpha,
            )
            found.append((spec, arm, _looked_at(comparison, information, spec.alpha)))
    adjusted = adjust([comparison.result.p_value for _, _, comparison in found], experiment.correction)
    return tuple(
        judge_metric(spec, arm, comparison, p) for (spec, arm, comparison), p in zip(found, adjusted, strict=True)
    )


def _looked_at(found: Comparison, information: float | None, alpha: float) -> Comparison:
    """Before the end: the always-valid p-value and intervals."""
    result = found.result
    if information is None or math.isnan(result.p_value):
        return found
    p = mixture_p_value(normal_z(result.p_value), information, alpha=alpha)
    return replace(found, result=replace(as_sequence(result, information, alpha), p_value=p))


# ------------------------------------------------------------ the join


def _join(
    metrics: Sequence[ExperimentMetric], experiment: ExperimentConfig
) -> tuple[ExperimentVerdict, list[Reason], str | None]:
    """SHIP, DON'T-SHIP or MIXED, why, and the arm to ship."""
    primary = {item.arm: item for item in metrics if item.role is Role.PRIMARY}
    if not primary:
        return ExperimentVerdict.MIXED, [Reason("no_metrics", "The data has no metric to judge.")], None
    wins = [item for item in primary.values() if item.verdict is ExperimentMetricVerdict.WIN]
    clean = [item for item in wins if not _against(metrics, item.arm)]
    if clean:
        best = max(clean, key=lambda item: abs(item.difference or 0))
        text = f"The primary metric `{best.name}` wins in `{best.arm}`, and no other metric is significantly worse."
        return ExperimentVerdict.SHIP, [Reason("primary_wins", text)], best.arm
    if wins:
        reasons = [
            Reason(
                str(other.verdict).lower(),
                f"The primary metric wins in `{item.arm}`, but `{other.name}`: {other.reason}",
            )
            for item in wins
            for other in _against(metrics, item.arm)
        ]
        return ExperimentVerdict.MIXED, reasons, None
    reasons = [
        Reason(str(item.verdict).lower(), f"Primary metric `{item.name}`{_in_arm(item, experiment)}: {item.reason}")
        for item in primary.values()
    ]
    if all(item.verdict in _NO_GOOD for item in primary.values()):
        return ExperimentVerdict.DONT_SHIP, reasons, None
    return ExperimentVerdict.MIXED, reasons, None


def _against(metrics: Sequence[ExperimentMetric], arm: str) -> list[ExperimentMetric]:
    """What speaks against shipping an arm: a worse metric, or a guardrail that could not be read."""
    return [
        item
        for item in metrics
        if item.arm == arm
        and item.role is not Role.PRIMARY
        and (
            item.verdict in _BAD
            or (item.role is Role.GUARDRAIL and item.verdict is ExperimentMetricVerdict.INCONCLUSIVE)
        )
    ]


def _in_arm(item: ExperimentMetric, experiment: ExperimentConfig) -> str:
    return f" in `{item.arm}`" if len(experiment.treatment_arms) > 1 else ""


def _caps(
    experiment: ExperimentConfig, exclusion: _Exclusion, audit: Audit, ratio: SampleRatioCheck | None
) -> list[Reason]:
    """What makes the experiment MIXED at best."""
    caps = []
    if ratio is not None and ratio.mismatch:
        seen = ", ".join(f"`{arm}` {fmt.count(units)}" for arm, units in ratio.observed.items())
        wanted = ", ".join(fmt.count(round(units)) for units in ratio.expected.values())
        text = (
            f"Sample ratio mismatch: {seen} where {wanted} were expected ({fmt.p_phrase(ratio.p_value)}). Likely "
            "causes: redirects or crashes in one arm, exposures logged late, bots filtered unevenly, a changed share."
        )
        caps.append(Reason("sample_ratio_mismatch", text))
    if exclusion.needed_but_impossible:
        text = (
            "The overlap with the canary is above the exclusion threshold, but aggregated data has no user ids: MIXED "
            "at best. Set `report: {exclusions: true}`, leave the listed users out of the data, and say "
            "`canary_users_excluded: true` in it; or give a per-unit table."
        )
        caps.append(Reason("canary_users_not_excluded", text))
    if audit.verdict is not AuditVerdict.CLEAN:
        text = f"The audit is {audit.verdict}, so the experiment is MIXED at best."
        caps.append(Reason("audit_inconclusive", text))
    for pair in audit.pairs:
        if pair.verdict is AuditVerdict.CONTAMINATED and experiment.id in pair.experiments:
            other = next(name for name in pair.experiments if name != experiment.id)
            text = (
                f"Its assignment is not independent of `{other}`'s, so each carries the other's effect: MIXED at best."
            )
            caps.append(Reason("experiments_overlap", text))
    return caps


def _sample_ratio(cells: Cells, experiment: ExperimentConfig, exclusion: _Exclusion) -> SampleRatioCheck | None:
    """The analysed units of the arms against the split, by the experiment's own strata."""
    own = [
        cell
        for cell in cells.arms
        if cell.experiment == experiment.id
        and cell.arm in experiment.split
        and not (exclusion.done and cell.cohort is Cohort.CANARY)
    ]
    splits = [step.split for step in experiment.steps] or [experiment.split]
    if not own or (len(splits) > 1 and experiment.id not in _stratified(cells)):
        return None
    sizes: dict[int, int] = {}
    for cell in own:
        sizes[cell.stratum] = sizes.get(cell.stratum, 0) + cell.units
    expected = {
        arm: math.fsum(size * splits[stratum][arm] for stratum, size in sizes.items()) for arm in experiment.split
    }
    observed = {arm: sum(cell.units for cell in own if cell.arm == arm) for arm in experiment.split}
    return ratio_check(experiment.id, observed, expected)


def _stratified(cells: Cells) -> set[str]:
    """Experiments whose cells come from units, and so know the ramp's strata."""
    return {cell.experiment for cell in cells.metrics if cell.cohort is not None}


# ------------------------------------------------------------ what people should know


def _warnings(specs: Sequence[MetricSpec]) -> list[str]:
    bare = [spec.name for spec in specs if spec.role is Role.PRIMARY and spec.mde is None]
    return [f"`{name}` has no minimum effect (MDE): significance alone makes it a win." for name in bare]


def _notes(config: Config, experiment: ExperimentConfig, information: float | None) -> list[str]:
    notes = []
    if information is not None:
        shown = fmt.share(round(min(information, 1.0), 3))
        text = f"It still runs ({shown} of its planned time): p-values and intervals are always-valid (normal mixture)."
        notes.append(text)
    elif isinstance(experiment.looks, int) and experiment.looks > 1:
        notes.append(f"This is one look of {experiment.looks}: every test's alpha is divided by {experiment.looks}.")
    elif not _ends(config, experiment):
        notes.append(
            "The data does not say until when the experiment runs: fixed-horizon tests, for one look at its end."
        )
    return notes


def _ends(config: Config, experiment: ExperimentConfig) -> bool:
    document = config.experiment_documents.get(experiment.id)
    return document is not None and document.running_until is not None
