"""The audit's rule: one arm's figures against both expectations, and the verdict that they give. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coordinator import wording as fmt
from coordinator.config import AuditConfig
from coordinator.model import ArmOverlap, AuditVerdict, LogFacts, Reason
from coordinator.stats.distributions import normal_quantile, normal_z
from coordinator.stats.overlap import (
    OverlapStratum,
    declared,
    independence,
    ratio_interval,
    subset_chance,
)
from coordinator.stats.sequential import mixture_p_value

_NEAR_SUBSET = 0.95
_LEVEL = 0.95
_ROUNDING = 1e-9  # 550 units where 500 are expected are 10 % more, not above it

Strata = Mapping[str, Sequence[OverlapStratum]]


@dataclass(frozen=True, slots=True)
class Luck:
    """How often luck alone breaks the line with this many units, and how many make that 5 %."""

    chance: float | None
    units_needed: int | None


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm with everything that is judged.

    Attributes:
        overlap: its figures.
        declared_p, independent_p: of the two expectations; NaN where one cannot be judged.
        share: the arm's share of the units, in the canary's mix of strata.
        inside: the share of the canary's units that lie in it.
        subset: the chance that independent assignment puts so many of them there.
    """

    overlap: ArmOverlap
    declared_p: float
    independent_p: float
    share: float
    inside: float
    subset: float

    def deviates(self, tolerance: float) -> tuple[bool, bool]:
        """Whether the declared and the independent expectation are missed by more than the tolerance."""
        found = self.overlap
        return _beyond(found.relative_deviation, tolerance), _beyond(found.independent_deviation, tolerance)

    @property
    def largest_deviation(self) -> float:
        """The larger of the two deviations, in absolute value."""
        return max(abs(self.overlap.relative_deviation or 0), abs(self.overlap.independent_deviation or 0))

    @property
    def smallest_p(self) -> float:
        """The smaller p-value of those that are known; 1 without any."""
        return min(p for p in (self.declared_p, self.independent_p, 1.0) if not math.isnan(p))


def judge_arm(
    experiment: str,
    arm: str,
    strata: Sequence[OverlapStratum],
    facts: LogFacts,
    rule: AuditConfig,
    luck: Luck,
    *,
    sequential: bool,
) -> Arm:
    """One arm's overlap against both expectations.

    Args:
        experiment: its id.
        arm: the arm.
        strata: its strata, those with units.
        facts: whether the declared expectation can be judged.
        rule: alpha.
        luck: of all arms.
        sequential: whether the p-values must be always-valid.
    """
    n = sum(item.units for item in strata)
    observed = sum(item.both for item in strata)
    expected = math.fsum(item.units * item.canary_share * item.arm_share for item in strata)
    independent = math.fsum(item.canary * item.arm / item.units for item in strata)
    # of a canary-only log without times nobody knows which of the other units the canary could have had
    declared_known = facts.canary_log_complete or facts.has_timestamps
    canary = sum(item.canary for item in strata)
    share = independent / canary if canary else math.nan
    inside = observed / canary if canary else 0.0
    subset = subset_chance(share, canary, observed) if canary else 1.0
    p_independent = independence(strata)[1]
    p_declared = declared(strata) if declared_known else math.nan
    if sequential:
        information = n / luck.units_needed if luck.units_needed else math.nan
        p_independent = _always_valid(p_independent, information, rule.alpha)
        p_declared = _always_valid(p_declared, information, rule.alpha)
        if inside < 1:  # e^k is a martingale as long as all are inside; a near-subset is looked at anew each time
            subset = max(subset, 1.0 if math.isnan(p_independent) else p_independent)
    deviation = observed / expected - 1 if declared_known and expected else None
    from_independence = observed / independent - 1 if independent else None
    larger_is_declared = abs(deviation or 0) > abs(from_independence or 0)
    interval = ratio_interval(strata, level=_LEVEL)
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
    return Arm(overlap, p_declared, p_independent, share, inside, subset)


def _always_valid(p: float, information: float, alpha: float) -> float:
    """By way of the p-value, so that an exact test of few units stays exact."""
    return math.nan if math.isnan(p) else mixture_p_value(normal_z(p), information, alpha=alpha)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _beyond(deviation: float | None, tolerance: float) -> bool:
    return deviation is not None and abs(deviation) > tolerance + _ROUNDING


# ------------------------------------------------------------ the verdict


def judge_arms(arms: Sequence[Arm], strata: Strata, rule: AuditConfig) -> tuple[AuditVerdict, list[Reason]]:
    """CONTAMINATED, INCONCLUSIVE or CLEAN, and why.

    Args:
        arms: of one experiment.
        strata: by arm.
        rule: ``evidence`` or ``threshold``, and its limits.
    """
    evidence = rule.rule == "evidence"
    alpha = _level(arms, rule)
    proven: list[Reason] = []
    open_: list[Reason] = []
    for arm in arms:
        declared_off, independent_off = arm.deviates(rule.tolerance)
        if declared_off or independent_off:
            dependent = independent_off and (not evidence or arm.independent_p < alpha)
            mismatched = declared_off and (not evidence or arm.declared_p < alpha)
            share_alone = declared_off and (not independent_off or (mismatched and not dependent))
            reason = _mismatch(arm, strata[arm.overlap.arm], rule) if share_alone else _dependence(arm)
            (proven if dependent or mismatched else open_).append(reason)
        wholly = arm.inside == 1 and len(strata) > 1
        # where an arm has 95 % of the units anyway, 95 % of the canary in it says nothing
        nearly = evidence and arm.share < _NEAR_SUBSET <= arm.inside
        if wholly or nearly:
            unproven = evidence and not arm.subset < rule.alpha
            (open_ if unproven else proven).append(_subset(arm, wholly=wholly))
    if proven:
        return AuditVerdict.CONTAMINATED, _subsets_first(proven)
    if open_ and evidence:
        return AuditVerdict.INCONCLUSIVE, [*_subsets_first(open_), _too_few(arms, strata, rule)]
    return _clean(arms, strata, rule)


def _level(arms: Sequence[Arm], rule: AuditConfig) -> float:
    """The level of one test: alpha over the arms and the expectations that were judged (decision 0009)."""
    expectations = 1 if all(math.isnan(arm.declared_p) for arm in arms) else 2
    return rule.alpha / (len(arms) * expectations)


def _too_few(arms: Sequence[Arm], strata: Strata, rule: AuditConfig) -> Reason:
    """How many units decide it: so many that luck seldom breaks the line, and that what was seen would be proven."""
    have = sum(item.units for item in next(iter(strata.values())))
    needed = max((arm.overlap.units_needed or 0 for arm in arms), default=0)
    wanted = normal_quantile(1 - _level(arms, rule)) if 0 < rule.alpha < 1 else math.nan
    for arm in arms:
        seen = normal_z(arm.smallest_p)
        if any(arm.deviates(rule.tolerance)) and 0 < seen < wanted:
            needed = max(needed, min(math.ceil(have * (wanted / seen) ** 2), 100 * max(needed, have)))
    luck = arms[0].overlap.chance_of_false_alarm
    text = (
        f"{fmt.count(have)} units cannot tell this from luck: so few break the {fmt.share(rule.tolerance)} line in "
        f"{fmt.chance(luck)} of independent releases. About {fmt.count(needed)} units decide it."
    )
    return Reason("too_few_units", text)


def _clean(arms: Sequence[Arm], strata: Strata, rule: AuditConfig) -> tuple[AuditVerdict, list[Reason]]:
    worst = max(arms, key=lambda arm: arm.largest_deviation)
    found = worst.overlap
    ends = [end for arm in arms for end in (arm.overlap.ci_low, arm.overlap.ci_high)]
    resolution = max((math.inf if end is None else abs(end) for end in ends), default=math.inf)
    seen = Reason(
        "independent",
        f"No arm's overlap is off by more than {fmt.share(rule.tolerance)}: the largest deviation is "
        f"{fmt.change(found.relative_deviation)} from the declared and {fmt.change(found.independent_deviation)} from "
        f"the independent overlap (`{found.arm}`, {fmt.p_phrase(found.p_value)}).",
    )
    if resolution <= rule.tolerance:
        return AuditVerdict.CLEAN, [seen]
    text = f"These units could not have seen less than {fmt.share(round(resolution, 2))}."
    if resolution == math.inf:
        text = "These units could not have seen any deviation: all of them, or none, are in the canary or in an arm."
        if math.isnan(worst.declared_p):  # then no expectation was judged at all
            return AuditVerdict.INCONCLUSIVE, [Reason("not_comparable", text)]
    if rule.require_proof and rule.rule == "evidence":
        inside = fmt.share(rule.tolerance)
        needed = _proving_units(arms, strata, rule)
        more = f"; about {fmt.count(needed)} units give it" if needed else ""
        message = f"{text} `audit.require_proof` asks for an interval inside {inside}{more}."
        return AuditVerdict.INCONCLUSIVE, [Reason("not_proven", message)]
    return AuditVerdict.CLEAN, [seen, Reason("resolution", text)]


def _proving_units(arms: Sequence[Arm], strata: Strata, rule: AuditConfig) -> int | None:
    """Units whose interval lies inside the tolerance, if the deviation stays what it is."""
    have = sum(item.units for item in next(iter(strata.values())))
    factors = []
    for arm in arms:
        centre, ends = arm.overlap.independent_deviation, (arm.overlap.ci_low, arm.overlap.ci_high)
        for end in ends:
            if centre is not None and end is not None and abs(centre) < rule.tolerance:
                room = rule.tolerance - centre if end > centre else rule.tolerance + centre
                factors.append(abs(end - centre) / room)
    return math.ceil(have * max(factors) ** 2) if factors else None


def _subsets_first(reasons: list[Reason]) -> list[Reason]:
    return sorted(reasons, key=lambda reason: reason.code != "subset")


# ------------------------------------------------------------ reasons


def _dependence(arm: Arm) -> Reason:
    found = arm.overlap
    return Reason(
        "dependence",
        f"The canary and the arm `{found.arm}` are not assigned independently: {fmt.rate(found.observed_overlap)} of "
        f"the units are in both, {fmt.rate(found.independent_overlap)} if they were independent "
        f"({fmt.change(found.independent_deviation)}, {fmt.p_phrase(_known(arm.independent_p))}).",
    )


def _mismatch(arm: Arm, strata: Sequence[OverlapStratum], rule: AuditConfig) -> Reason:
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
        f"though canary and arm look independent: {words} ({fmt.p_phrase(_known(arm.declared_p))}).",
    )


def _subset(arm: Arm, *, wholly: bool) -> Reason:
    how_many = "All canary units are" if wholly else f"{fmt.rate(arm.inside)} of the canary's units are"
    return Reason(
        "subset",
        f"{how_many} in the arm `{arm.overlap.arm}`, which has {fmt.rate(arm.share)} of all units "
        f"({fmt.p_phrase(arm.subset)} if they were independent). The two splits probably share a salt (seed).",
    )
