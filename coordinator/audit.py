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
    sample_ratios,
)
from coordinator.config import AuditConfig, Config, ExperimentConfig
from coordinator.model import (
    ArmOverlap,
    Audit,
    AuditVerdict,
    Cells,
    Cohort,
    LayerFinding,
    LogFacts,
    Problem,
    Reason,
    UnitCell,
)
from coordinator.names import same_unit
from coordinator.stats.overlap import (
    OverlapStratum,
    chance_of_false_alarm,
    declared,
    independence,
    ratio_interval,
    subset_chance,
    units_needed,
)
from coordinator.stats.sequential import mixture_p_value

_NEAR_SUBSET = 0.95
_LEVEL = 0.95
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


@dataclass(frozen=True, slots=True)
class _Luck:
    """How often luck alone breaks the line with this many units, and how many make that 5 %."""

    chance: float | None
    units_needed: int | None


@dataclass(frozen=True, slots=True)
class _Arm:
    """One arm with everything that is judged."""

    overlap: ArmOverlap
    declared_p: float
    independent_p: float
    inside: float
    subset: float

    def deviates(self, tolerance: float) -> tuple[bool, bool]:
        """Whether the declared and the independent expectation are missed by more than the tolerance."""
        return _beyond(self.overlap.relative_deviation, tolerance), _beyond(
            self.overlap.independent_deviation, tolerance
        )


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
        sample_ratios=sample_ratios(cells, config),
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
    disjoint = layer is not None and layer.disjoint
    findings = judge_facts(facts, config.audit, units, disjoint=disjoint)
    if findings.refused:
        return _Finding(experiment.id, AuditVerdict.REFUSED, [], findings.refused, findings, units, canary_units)
    strata = _strata(cells, experiment, own)
    if disjoint and layer is not None:
        arms, verdict, reasons = _layer(layer, strata, experiment, config.audit, canary_units)
    else:
        luck = chance_of_false_alarm(list(strata.values()), tolerance=config.audit.tolerance)
        needed = units_needed(list(strata.values()), tolerance=config.audit.tolerance)
        odds = _Luck(_known(luck), needed)
        judged = [_arm(experiment.id, arm, strata[arm], facts, config.audit, odds, sequential) for arm in strata]
        arms = [item.overlap for item in judged]
        verdict, reasons = _verdict(judged, strata, config.audit)
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


def _arm(
    experiment: str,
    arm: str,
    strata: Sequence[OverlapStratum],
    facts: LogFacts,
    rule: AuditConfig,
    luck: _Luck,
    sequential: bool,
) -> _Arm:
    n = sum(item.units for item in strata)
    observed = sum(item.both for item in strata)
    expected = math.fsum(item.units * item.canary_share * item.arm_share for item in strata)
    independent = math.fsum(item.canary * item.arm / item.units for item in strata)
    # of a canary-only log without times nobody knows which of the other units the canary could have had
    declared_known = facts.canary_log_complete or facts.has_timestamps
    z, p_independent = independence(strata)
    p_declared = declared(strata) if declared_known else math.nan
    if sequential:
        information = n / luck.units_needed if luck.units_needed else math.nan
        p_independent = mixture_p_value(z, information, alpha=rule.alpha)
        p_declared = mixture_p_value(_z_declared(strata, observed, expected), information, alpha=rule.alpha)
    deviation = observed / expected - 1 if declared_known and expected else None
    from_independence = observed / independent - 1 if independent else None
    larger_is_declared = abs(deviation or 0) > abs(from_independence or 0)
    interval = ratio_interval(strata, level=_LEVEL)
    canary = sum(item.canary for item in strata)
    share = math.fsum(item.canary * item.arm / item.units for item in strata) / canary if canary else math.nan
    overlap = ArmOverlap(
        experiment=experiment,
        arm=arm,
        overlap_units=observed,
        observed_overlap=observed / n,
        expected_overlap=expected / n,
        relative_deviation=deviation,
        independent_overlap=independent / n,
        independent_deviation=from_independence,
        ci_low=interval.low if interval else None,
        ci_high=interval.high if interval else None,
        p_value=_known(p_declared if larger_is_declared else p_independent),
        chance_of_false_alarm=luck.chance,
        units_needed=luck.units_needed,
    )
    subset = subset_chance(share, canary, observed) if canary else 1.0
    return _Arm(overlap, p_declared, p_independent, observed / canary if canary else 0.0, subset)


def _z_declared(strata: Sequence[OverlapStratum], observed: int, expected: float) -> float:
    shares = [(item.units, item.canary_share * item.arm_share) for item in strata]
    variance = math.fsum(units * share * (1 - share) for units, share in shares)
    return (observed - expected) / math.sqrt(variance) if variance else math.nan


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _beyond(deviation: float | None, tolerance: float) -> bool:
    return deviation is not None and abs(deviation) > tolerance


# ------------------------------------------------------------ the rule


def _verdict(
    arms: Sequence[_Arm],
    strata: dict[str, tuple[OverlapStratum, ...]],
    rule: AuditConfig,
) -> tuple[AuditVerdict, list[Reason]]:
    evidence = rule.rule == "evidence"
    alpha = rule.alpha / len(arms)
    proven: list[Reason] = []
    open_: list[Reason] = []
    for arm in arms:
        declared_off, independent_off = arm.deviates(rule.tolerance)
        if declared_off or independent_off:
            enough = not evidence or (independent_off and arm.independent_p < alpha)
            enough = enough or (declared_off and arm.declared_p < alpha)
            shares_alone = not independent_off or (evidence and not arm.independent_p < alpha)
            reason = (
                _mismatch(arm, strata[arm.overlap.arm], rule) if shares_alone and declared_off else _dependence(arm)
            )
            (proven if enough else open_).append(reason)
        wholly = arm.inside == 1 and len(strata) > 1
        if wholly or (evidence and arm.inside >= _NEAR_SUBSET):
            likely = evidence and not arm.subset < rule.alpha
            (open_ if likely else proven).append(_subset(arm, wholly=wholly))
    if proven:
        return AuditVerdict.CONTAMINATED, _subsets_first(proven)
    if open_ and evidence:
        needed = max((arm.overlap.units_needed or 0 for arm in arms), default=0)
        luck = arms[0].overlap.chance_of_false_alarm
        have = sum(item.units for item in next(iter(strata.values())))
        more = Reason(
            "too_few_units",
            f"{fmt.count(have)} units cannot tell this from luck: so few break the {fmt.share(rule.tolerance)} line in "
            f"{fmt.chance(luck)} of independent releases. About {fmt.count(needed)} units decide it.",
        )
        return AuditVerdict.INCONCLUSIVE, [*_subsets_first(open_), more]
    return _clean(arms, rule)


def _clean(arms: Sequence[_Arm], rule: AuditConfig) -> tuple[AuditVerdict, list[Reason]]:
    worst = max(arms, key=lambda arm: abs(arm.overlap.independent_deviation or 0)).overlap
    ends = [abs(end) for arm in arms for end in (arm.overlap.ci_low, arm.overlap.ci_high) if end is not None]
    resolution = max(ends, default=math.inf)
    seen = Reason(
        "independent",
        f"No arm's overlap is off by more than {fmt.share(rule.tolerance)}: the largest deviation from independence is "
        f"{fmt.change(worst.independent_deviation)} (`{worst.arm}`, {fmt.p_phrase(worst.p_value)}).",
    )
    if resolution <= rule.tolerance:
        return AuditVerdict.CLEAN, [seen]
    text = f"These units could not have seen a deviation below {fmt.share(round(resolution, 2))}."
    if resolution == math.inf:
        text = "These units could not have seen any deviation: too few of them are in the canary."
    if rule.require_proof and rule.rule == "evidence":
        needed = fmt.count(worst.units_needed)
        inside = fmt.share(rule.tolerance)
        message = f"{text} `audit.require_proof` asks for an interval inside {inside}; about {needed} units give it."
        return AuditVerdict.INCONCLUSIVE, [Reason("not_proven", message)]
    return AuditVerdict.CLEAN, [seen, Reason("resolution", text)]


def _subsets_first(reasons: list[Reason]) -> list[Reason]:
    return sorted(reasons, key=lambda reason: reason.code != "subset")


def _dependence(arm: _Arm) -> Reason:
    found = arm.overlap
    return Reason(
        "dependence",
        f"The canary and the arm `{found.arm}` are not assigned independently: {fmt.rate(found.observed_overlap)} of "
        f"the units are in both, {fmt.rate(found.independent_overlap)} if they were independent "
        f"({fmt.change(found.independent_deviation)}, {fmt.p_phrase(_known(arm.independent_p))}).",
    )


def _mismatch(arm: _Arm, strata: Sequence[OverlapStratum], rule: AuditConfig) -> Reason:
    """Which share is not what the config says, and by how much."""
    n = sum(item.units for item in strata)
    sides = {
        "the canary's share": (
            sum(item.canary for item in strata) / n,
            math.fsum(item.units * item.canary_share for item in strata) / n,
        ),
        f"the share of `{arm.overlap.arm}`": (
            sum(item.arm for item in strata) / n,
            math.fsum(item.units * item.arm_share for item in strata) / n,
        ),
    }
    off = {name: pair for name, pair in sides.items() if abs(pair[0] / pair[1] - 1) > rule.tolerance / 2} or sides
    words = " and ".join(
        f"{name} is {fmt.rate(seen)} where {fmt.share(said)} is declared ({fmt.change(seen / said - 1)})"
        for name, (seen, said) in off.items()
    )
    return Reason(
        "share_mismatch",
        f"The overlap with `{arm.overlap.arm}` is {fmt.change(arm.overlap.relative_deviation)} off the declared one, "
        f"though canary and arm are independent: {words} ({fmt.p_phrase(_known(arm.declared_p))}).",
    )


def _subset(arm: _Arm, *, wholly: bool) -> Reason:
    how_many = "All canary units are" if wholly else f"{fmt.rate(arm.inside)} of the canary's units are"
    return Reason(
        "subset",
        f"{how_many} in the arm `{arm.overlap.arm}`: the chance of that with independent assignment is "
        f"{fmt.chance(arm.subset)}. The two splits probably share a salt (seed).",
    )


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
    text = f"One layer keeps the canary and the experiment apart ({layer.evidence}), and no unit was seen in both."
    return arms, AuditVerdict.CLEAN, [Reason("layer_isolated", text)]


def _significant_within(arms: Sequence[_Arm], rule: AuditConfig, verdict: AuditVerdict) -> list[str]:
    if verdict is not AuditVerdict.CLEAN:
        return []
    return [
        f"The overlap with `{arm.overlap.arm}` is within the tolerance, but not luck "
        f"({fmt.change(arm.overlap.relative_deviation)} from the declared, "
        f"{fmt.change(arm.overlap.independent_deviation)} from the independent overlap)."
        for arm in arms
        if min(p for p in (arm.declared_p, arm.independent_p, 1.0) if not math.isnan(p)) < rule.alpha
    ]
