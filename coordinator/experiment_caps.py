"""What limits an experiment's verdict besides its metrics: canary users in it, its sample ratio, the audit. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from coordinator import wording as fmt
from coordinator.config import Config, ExperimentConfig
from coordinator.model import Audit, AuditVerdict, Cells, Cohort, Reason, SampleRatioCheck
from coordinator.sample_ratios import ARM_CAUSES, ratio_check


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Whether canary users are left out, how many, and why."""

    done: bool
    units: int
    text: str
    needed_but_impossible: bool = False


def exclusion_of(cells: Cells, config: Config, experiment: ExperimentConfig, audit: Audit) -> Exclusion:
    """Whether canary users are left out: where the largest arm's overlap is above the threshold.

    Args:
        cells: the arms' units.
        config: the threshold, and the data documents.
        experiment: the experiment.
        audit: its overlap.
    """
    overlap = max((arm.observed_overlap for arm in audit.arms if arm.experiment == experiment.id), default=0.0)
    limit = config.audit.exclusion_threshold
    above = overlap > limit
    document = config.experiment_documents.get(experiment.id)
    if document is not None:
        if document.canary_users_excluded:
            return Exclusion(done=True, units=0, text="yes (the data file says so)")
        if above:
            text = "no (aggregated data has no user ids)"
            return Exclusion(done=False, units=0, text=text, needed_but_impossible=True)
    word = "above" if above else "not above"
    text = f"{'yes' if above else 'no'} (overlap {fmt.rate(overlap)} is {word} {fmt.share(limit)})"
    own = [cell for cell in cells.arms if cell.experiment == experiment.id]
    units = sum(cell.units for cell in own if cell.cohort is Cohort.CANARY) if above else 0
    return Exclusion(done=above, units=units, text=text)


def caps_of(
    experiment: ExperimentConfig, exclusion: Exclusion, audit: Audit, ratio: SampleRatioCheck | None
) -> list[Reason]:
    """What makes the experiment MIXED at best.

    Args:
        experiment: the experiment.
        exclusion: whether canary users are left out.
        audit: its verdict and the pairs of experiments.
        ratio: the sample-ratio check.
    """
    caps = []
    if ratio is not None and ratio.mismatch:
        seen = ", ".join(f"`{arm}` {fmt.count(units)}" for arm, units in ratio.observed.items())
        wanted = ", ".join(fmt.count(round(units)) for units in ratio.expected.values())
        text = (
            f"Sample ratio mismatch: {seen} where {wanted} were expected ({fmt.p_phrase(ratio.p_value)}). Likely "
            f"causes: {ARM_CAUSES}."
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


def sample_ratio(
    cells: Cells, experiment: ExperimentConfig, exclusion: Exclusion, *, sequential: bool = False
) -> SampleRatioCheck | None:
    """The analysed units of the arms against the split, by the experiment's own strata.

    Args:
        cells: the arms' units.
        experiment: its split, or its steps.
        exclusion: whether canary users are left out.
        sequential: whether it is looked at more than once; over a ramp the fixed test is kept.

    Returns:
        None where there are no units, or a ramp's totals do not say which step they belong to.
    """
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
    return ratio_check(experiment.id, observed, expected, sequential=sequential and len(sizes) == 1)


def _stratified(cells: Cells) -> set[str]:
    """Experiments whose cells come from units, and so know the ramp's strata."""
    return {cell.experiment for cell in cells.metrics if cell.cohort is not None}
