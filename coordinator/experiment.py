"""Step 3, the experiment gate: ``(Cells, Config, Audit) -> ExperimentResult``, pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from coordinator import wording as fmt
from coordinator.config import Config, ExperimentConfig
from coordinator.experiment_canary import canary_notes
from coordinator.experiment_caps import Exclusion, caps_of, exclusion_of, sample_ratio
from coordinator.experiment_data import Comparison, compare_arm
from coordinator.experiment_metric import MetricSpec, judge_metric
from coordinator.experiment_spec import metric_specs
from coordinator.model import (
    Audit,
    Cells,
    ExperimentMetric,
    ExperimentMetricVerdict,
    ExperimentResult,
    ExperimentVerdict,
    Reason,
    Role,
)
from coordinator.stats.confidence_sequence import as_sequence
from coordinator.stats.distributions import normal_z
from coordinator.stats.multiplicity import adjust
from coordinator.stats.sequential import mixture_p_value

_BAD = {ExperimentMetricVerdict.LOSS, ExperimentMetricVerdict.HURT}
_NO_GOOD = {ExperimentMetricVerdict.LOSS, ExperimentMetricVerdict.NO_EFFECT}
_LEAST_INFORMATION = 1e-6


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
    exclusion = exclusion_of(cells, config, experiment, audit)
    information = _information(config, experiment, now)
    specs = metric_specs(cells, config, experiment)
    metrics = _metrics(cells, experiment, specs, exclusion, information)
    ratio = sample_ratio(cells, experiment, exclusion, sequential=information is not None)
    verdict, reasons, winner = _join(metrics, experiment)
    caps = caps_of(experiment, exclusion, audit, ratio)
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
        warnings=tuple(_warnings(specs, config, experiment)),
        notes=(*_notes(config, experiment, information), *canary_notes(cells, experiment, specs)),
    )


# ------------------------------------------------------------ who is left out, how often it is looked at


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


def _metrics(
    cells: Cells,
    experiment: ExperimentConfig,
    specs: Sequence[MetricSpec],
    exclusion: Exclusion,
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


# ------------------------------------------------------------ what people should know


def _warnings(specs: Sequence[MetricSpec], config: Config, experiment: ExperimentConfig) -> list[str]:
    bare = [spec.name for spec in specs if spec.role is Role.PRIMARY and spec.mde is None]
    warnings = [f"`{name}` has no minimum effect (MDE): significance alone makes it a win." for name in bare]
    used = [spec.mde for spec in specs if spec.mde is not None]
    idle = [name for name, mde in config.mdes.get(experiment.id, {}).items() if not any(mde is item for item in used)]
    return warnings + [f"A minimum effect is given for `{name}`, which the data does not have." for name in idle]


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
