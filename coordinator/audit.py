"""Step 1, the contamination audit: are the canary's and the experiments' assignments independent?

``(Cells, Config) -> Audit``, pure. Two expectations are judged for every arm: the declared one (canary share x arm
share) and the independent one (the split sizes actually seen); see ``docs/statistics.md``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from coordinator import wording as fmt
from coordinator.audit_checks import (
    FactFindings,
    crossover_share,
    judge_facts,
    pair_overlaps,
)
from coordinator.audit_rule import Arm, Luck, judge_arm, judge_arms
from coordinator.config import AuditConfig, Config, ExperimentConfig
from coordinator.model import (
    ArmOverlap,
    Audit,
    AuditVerdict,
    Cells,
    Cohort,
    LayerFinding,
    Problem,
    Reason,
    UnitCell,
)
from coordinator.names import same_unit
from coordinator.sample_ratios import ratio_warnings, sample_ratios
from coordinator.stats.overlap import OverlapStratum, chance_of_false_alarm, units_needed

_NEAR_CROSSOVER = 0.005


def routing_units_match(config: Config) -> list[Problem]:
    """Refusal 1: the canary's routing unit must be each experiment's randomisation unit.

    Args:
        config: units, and ``audit.unit_aliases``.

    Returns:
        One problem for every experiment with another unit; empty if all match.
    """
    canary = config.canary.routing_unit or ""
    return [
        Problem(
            "routing_unit",
            f"the canary is routed by `{canary}`, but experiment `{item.id}` is randomised by `{item.unit}`: "
            "contamination cannot be detected",
            fix="Split both by the same unit; if one unit has two names, say so in `audit.unit_aliases`.",
        )
        for item in config.experiments
        if not same_unit(canary, item.unit or "", config.audit.unit_aliases)
    ]


@dataclass(slots=True)
class _Finding:
    """What one experiment's audit found."""

    experiment: str
    verdict: AuditVerdict
    arms: list[ArmOverlap] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    facts: FactFindings = field(default_factory=FactFindings)
    units: int = 0
    canary_units: int = 0


def audit(cells: Cells, config: Config, *, layers: Sequence[LayerFinding] = (), sequential: bool = False) -> Audit:
    """The verdict on the overlap of the canary with every experiment.

    Args:
        cells: strata, unit cells, pairs and facts.
        config: shares, the rule and its limits.
        layers: what the platforms' own configs show.
        sequential: whether the data is looked at more than once: p-values are then always-valid (normal mixture).

    Returns:
        CLEAN, CONTAMINATED or INCONCLUSIVE with reasons; REFUSED where the logs cannot be judged.
    """
    by_id = {layer.experiment: layer for layer in layers}
    findings = [_experiment(cells, config, item, by_id.get(item.id), sequential) for item in config.experiments]
    verdict = _worst([finding.verdict for finding in findings])
    several = len(findings) > 1
    reasons = [
        Reason(reason.code, f"`{finding.experiment}`: {reason.message}" if several else reason.message)
        for finding in sorted(findings, key=lambda item: -_RANK[item.verdict])
        for reason in finding.reasons
        if _RANK[finding.verdict] == _RANK[verdict] or finding.verdict is not AuditVerdict.CLEAN
    ]
    pairs = pair_overlaps(cells, config)
    warnings = [text for finding in findings for text in finding.facts.warnings]
    warnings += [
        f"The experiments `{pair.experiments[0]}` and `{pair.experiments[1]}` are not assigned independently of each "
        f"other (deviation {fmt.change(pair.largest_deviation)}, {fmt.p_phrase(pair.p_value)}): both are MIXED at best."
        for pair in pairs
        if pair.verdict is AuditVerdict.CONTAMINATED
    ]
    ratios = sample_ratios(cells, config, sequential=sequential)
    warnings += ratio_warnings(ratios)
    notes = [text for finding in findings for text in finding.facts.notes]
    if sequential:
        notes.append("More than one look: p-values are always-valid (normal mixture).")
    arms = tuple(arm for finding in findings for arm in finding.arms)
    largest = max(findings, key=lambda item: item.units)
    facts = [cells.facts[item.id] for item in config.experiments]
    return Audit(
        verdict=verdict,
        rule=config.audit.rule,
        reasons=tuple(reasons),
        same_routing_unit=not routing_units_match(config),
        layer_isolation=_isolation(config, by_id),
        units=largest.units,
        canary_units=largest.canary_units,
        crossover_units=max(fact.crossover_units for fact in facts),
        canary_only_units=max(fact.canary_only_units for fact in facts),
        experiment_only_units=max(fact.experiment_only_units for fact in facts),
        overlap=max((arm.observed_overlap for arm in arms), default=0.0),
        arms=arms,
        pairs=pairs,
        sample_ratios=ratios,
        mixed_exposure_units=max(fact.mixed_exposure_units for fact in facts),
        warnings=tuple(dict.fromkeys(warnings)),
        notes=tuple(dict.fromkeys(notes)),
        tolerance=config.audit.tolerance,
    )


_RANK = {
    AuditVerdict.CLEAN: 0,
    AuditVerdict.INCONCLUSIVE: 1,
    AuditVerdict.CONTAMINATED: 2,
    AuditVerdict.REFUSED: 3,
}


def _worst(verdicts: Sequence[AuditVerdict]) -> AuditVerdict:
    return max(verdicts, key=_RANK.__getitem__)


def _isolation(config: Config, layers: dict[str, LayerFinding]) -> str:
    proven = all(item.id in layers and layers[item.id].isolation == "confirmed" for item in config.experiments)
    return "confirmed" if proven else "unconfirmed"


# ------------------------------------------------------------ one experiment


def _experiment(
    cells: Cells, config: Config, experiment: ExperimentConfig, layer: LayerFinding | None, sequential: bool
) -> _Finding:
    facts = cells.facts[experiment.id]
    own = [cell for cell in cells.units if cell.experiment == experiment.id]
    units = sum(cell.units for cell in own)
    canary_units = sum(cell.units for cell in own if cell.cohort is Cohort.CANARY)
    disjoint = layer is not None and layer.disjoint and layer.isolation == "confirmed"
    findings = judge_facts(facts, config.audit, units, canary_units, disjoint=disjoint)
    if findings.refused:
        return _Finding(experiment.id, AuditVerdict.REFUSED, [], findings.refused, findings, units, canary_units)
    strata = _strata(cells, experiment, own)
    if disjoint and layer is not None:
        arms, verdict, reasons = _layer(layer, strata, experiment, config.audit, canary_units)
    else:
        luck = chance_of_false_alarm(list(strata.values()), tolerance=config.audit.tolerance)
        needed = units_needed(list(strata.values()), tolerance=config.audit.tolerance)
        odds = Luck(None if math.isnan(luck) else luck, needed)
        judged = [
            judge_arm(experiment.id, arm, own_strata, facts, config.audit, odds, sequential=sequential)
            for arm, own_strata in strata.items()
        ]
        arms = [item.overlap for item in judged]
        verdict, reasons = judge_arms(judged, strata, config.audit)
        findings.warnings += _significant_within(judged, config.audit, verdict)
    if config.audit.rule == "evidence" and verdict is AuditVerdict.CLEAN:
        share = crossover_share(facts, units)
        if share > config.audit.max_crossover:
            verdict = AuditVerdict.INCONCLUSIVE
            reasons = [
                Reason(
                    "crossovers",
                    f"{fmt.count(facts.crossover_units)} of {fmt.count(units)} units ({fmt.rate(share)}) were seen "
                    f"under several labels; {fmt.share(config.audit.max_crossover)} is allowed. The assignment does "
                    "not stick to the unit.",
                )
            ]
    if crossover_share(facts, units) > _NEAR_CROSSOVER:
        findings.warnings.append(
            f"{fmt.count(facts.crossover_units)} units ({fmt.rate(crossover_share(facts, units))}) were seen in two "
            "arms, or went from the canary back to the baseline; they are left out of every effect."
        )
    return _Finding(experiment.id, verdict, arms, reasons, findings, units, canary_units)


def _strata(
    cells: Cells, experiment: ExperimentConfig, own: Sequence[UnitCell]
) -> dict[str, tuple[OverlapStratum, ...]]:
    """For each arm its strata; those without units are left out."""
    result: dict[str, list[OverlapStratum]] = {arm: [] for arm in experiment.split}
    for stratum in cells.strata[experiment.id]:
        here = [cell for cell in own if cell.stratum == stratum.index]
        n = sum(cell.units for cell in here)
        if not n:
            continue
        m = sum(cell.units for cell in here if cell.cohort is Cohort.CANARY)
        for arm, strata in result.items():
            in_arm = [cell for cell in here if cell.arm == arm]
            both = sum(cell.units for cell in in_arm if cell.cohort is Cohort.CANARY)
            r = sum(cell.units for cell in in_arm)
            strata.append(OverlapStratum(n, m, r, both, stratum.canary_share, stratum.arm_shares[arm]))
    return {arm: tuple(strata) for arm, strata in result.items()}


def _layer(
    layer: LayerFinding,
    strata: dict[str, tuple[OverlapStratum, ...]],
    experiment: ExperimentConfig,
    rule: AuditConfig,
    canary_units: int,
) -> tuple[list[ArmOverlap], AuditVerdict, list[Reason]]:
    """The two share a layer with disjoint ranges: no unit may be in both."""
    n = sum(item.units for item in next(iter(strata.values()), ()))
    arms = []
    for arm, own in strata.items():
        both = sum(item.both for item in own)
        share = both / n if n else 0.0
        arms.append(ArmOverlap(experiment.id, arm, both, share, 0.0, None, 0.0, None, None, None, None, None, None))
    if canary_units > rule.layer_noise:
        text = (
            f"{fmt.count(canary_units)} units are in the canary and in the experiment, though one layer keeps them "
            f"apart ({layer.evidence}); {fmt.count(rule.layer_noise)} are allowed."
        )
        return arms, AuditVerdict.CONTAMINATED, [Reason("layer_overlap", text)]
    seen = "no unit was seen in both"
    if canary_units:
        seen = f"{fmt.count(canary_units)} units were seen in both, of {fmt.count(rule.layer_noise)} that are allowed"
    text = f"One layer keeps the canary and the experiment apart ({layer.evidence}), and {seen}."
    return arms, AuditVerdict.CLEAN, [Reason("layer_isolated", text)]


def _significant_within(arms: Sequence[Arm], rule: AuditConfig, verdict: AuditVerdict) -> list[str]:
    """Warnings of a CLEAN audit: a deviation within the tolerance that is no luck (huge numbers of units)."""
    if verdict is not AuditVerdict.CLEAN:
        return []
    return [
        f"The overlap with `{arm.overlap.arm}` is within the tolerance, but not luck "
        f"({fmt.change(arm.overlap.relative_deviation)} from the declared, "
        f"{fmt.change(arm.overlap.independent_deviation)} from the independent overlap, "
        f"{fmt.p_phrase(arm.smallest_p)})."
        for arm in arms
        if arm.smallest_p < rule.alpha
    ]
