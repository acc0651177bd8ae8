"""The audit's checks besides the overlap: joins, coverage, null ids, sample ratios, pairs of experiments. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from coordinator import wording as fmt
from coordinator.config import AuditConfig, Config
from coordinator.model import (
    AuditVerdict,
    Cells,
    Counts,
    LabelCount,
    LogFacts,
    PairCell,
    PairOverlap,
    Reason,
)
from coordinator.sample_ratios import RATIO_ALPHA
from coordinator.stats.overlap import OverlapStratum, independence
from coordinator.stats.proportions import chi_square

_SHARE_GAP = 0.01  # a difference of shares below one point is no reason to refuse, however many rows there are


@dataclass(slots=True)
class FactFindings:
    """What the facts of a join say: why it cannot be judged, and what people should look at."""

    refused: list[Reason] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def crossover_share(facts: LogFacts, units: int) -> float:
    """Units with several labels, as a share of the audit's units; 0 without units."""
    return facts.crossover_units / units if units else 0.0


def judge_facts(facts: LogFacts, rule: AuditConfig, units: int, canary_units: int, *, disjoint: bool) -> FactFindings:
    """Whether the two logs can be joined and judged at all, and how well they cover each other.

    Args:
        facts: what the join showed.
        rule: the limits.
        units: units in both logs.
        canary_units: of them, units in the canary.
        disjoint: whether one layer keeps the two apart, so that nothing may join.
    """
    found = FactFindings()
    shapes = facts.id_shapes
    own, other = shapes.get("canary", ""), shapes.get("experiment", "")
    shape_text = f"ids look like `{own}` in the canary's log and `{other}` in the experiment's"
    coverage, smaller = _coverage(facts)
    # a log of canary units alone makes everyone else baseline, so units without any canary among them joined nothing
    joined = canary_units if not facts.canary_log_complete else units
    if joined == 0 and disjoint and own != other:
        text = f"No unit is in both logs. One layer would explain that, but {shape_text}. Give both logs the same ids."
        found.refused.append(Reason("id_shapes", text))
    elif joined == 0 and not disjoint:
        times = ""
        if facts.left_out_early:
            times = (
                f" {fmt.count(facts.left_out_early)} units of the experiment were seen only before the canary started."
            )
        found.refused.append(
            Reason("no_join", f"No unit is in both logs: {shape_text}.{times} Give both logs the same ids.")
        )
    elif coverage < rule.min_coverage and own != other and not disjoint:
        text = f"Only {fmt.rate(coverage)} of {smaller} is in the other: {shape_text}. Give both logs the same ids."
        found.refused.append(Reason("id_shapes", text))
    elif coverage < rule.min_coverage and not disjoint:
        found.warnings.append(f"Only {fmt.rate(coverage)} of {smaller} is in the other.{_uneven(facts.coverage)}")
    found.refused += _null_ids(facts.null_ids, found.warnings)
    if facts.left_out_early and units:
        found.notes.append(
            f"{fmt.count(facts.left_out_early)} units of the experiment were seen only before the canary started, or "
            "before a side's first step, and were left out."
        )
    if facts.mixed_exposure_units:
        found.notes.append(f"{fmt.count(facts.mixed_exposure_units)} units saw both the canary and the baseline.")
    if not facts.has_timestamps and not facts.canary_log_complete:
        found.notes.append("The log lists canary units alone and has no times: only independence could be judged.")
    return found


def _coverage(facts: LogFacts) -> tuple[float, str]:
    """The smaller log's share of units that the other log has too, and that log's name."""
    totals = {}
    for log in ("canary", "experiment"):
        own = [item for item in facts.coverage if item.log == log]
        total = sum(item.total for item in own)
        if total:
            totals[log] = (total, sum(item.part for item in own) / total)
    if not totals:
        return 1.0, "the smaller log"
    log = min(totals, key=lambda name: totals[name][0])
    return totals[log][1], "the canary's log" if log == "canary" else "the experiment's log"


def _uneven(counts: Sequence[LabelCount]) -> str:
    """A sentence where the coverage differs between cohorts or between arms; "" without."""
    for log, word in (("canary", "cohorts"), ("experiment", "arms")):
        own = [item for item in counts if item.log == log and item.total]
        if _differs(own):
            shares = ", ".join(f"`{item.label}` {fmt.rate(item.part / item.total)}" for item in own)
            return f" The {word} are not covered alike ({shares}), so what joins may not stand for all."
    return ""


def _null_ids(counts: Sequence[LabelCount], warnings: list[str]) -> list[Reason]:
    reasons = []
    for log, name, word in (("canary", "the canary's log", "cohort"), ("experiment", "the experiment's log", "arm")):
        own = [item for item in counts if item.log == log and item.total]
        null, total = sum(item.part for item in own), sum(item.total for item in own)
        if not null:
            continue
        text = f"{fmt.rate(null / total)} of the rows of {name} have no id (anonymous traffic)"
        shares = [item.part / item.total for item in own]
        if _differs(own) and max(shares) - min(shares) > _SHARE_GAP:
            each = ", ".join(f"`{item.label}` {fmt.rate(item.part / item.total)}" for item in own)
            reasons.append(
                Reason("null_ids", f"{text}, and not alike by {word} ({each}): what is left is a biased part.")
            )
        else:
            warnings.append(f"{text}; they were left out.")
    return reasons


def _differs(counts: Sequence[LabelCount]) -> bool:
    """Whether some label's share differs from that of the rest, at 0.001 over the labels."""
    total, part = sum(item.total for item in counts), sum(item.part for item in counts)
    if len(counts) < 2:
        return False
    return any(
        chi_square(Counts(item.part, item.total), Counts(part - item.part, total - item.total))
        < RATIO_ALPHA / len(counts)
        for item in counts
    )


def pair_overlaps(cells: Cells, config: Config) -> tuple[PairOverlap, ...]:
    """Whether two experiments of the release are assigned independently of each other.

    Args:
        cells: pair cells.
        config: tolerance and alpha of the audit.
    """
    pairs = []
    for ids in dict.fromkeys(cell.experiments for cell in cells.pairs):
        own = [cell for cell in cells.pairs if cell.experiments == ids]
        n = sum(cell.units for cell in own)
        firsts = list(dict.fromkeys(cell.arms[0] for cell in own))
        seconds = list(dict.fromkeys(cell.arms[1] for cell in own))
        alpha = config.audit.alpha / (len(firsts) * len(seconds))
        worst, smallest, verdict = 0.0, 1.0, AuditVerdict.CLEAN
        for first in firsts:
            for second in seconds:
                deviation, p = _pair(own, first, second)
                worst = deviation if abs(deviation) > abs(worst) else worst
                smallest = min(p, smallest)
                if abs(deviation) > config.audit.tolerance and verdict is not AuditVerdict.CONTAMINATED:
                    verdict = AuditVerdict.CONTAMINATED if p < alpha else AuditVerdict.INCONCLUSIVE
        pairs.append(PairOverlap(ids, n, worst, smallest, verdict))
    return tuple(pairs)


def _pair(cells: Sequence[PairCell], first: str, second: str) -> tuple[float, float]:
    """Deviation from independence and p-value of two arms, stratum by stratum: never pooled over a ramp."""
    strata = []
    for index in sorted({cell.stratum for cell in cells}):
        here = [cell for cell in cells if cell.stratum == index]
        n = sum(cell.units for cell in here)
        m = sum(cell.units for cell in here if cell.arms[0] == first)
        r = sum(cell.units for cell in here if cell.arms[1] == second)
        both = sum(cell.units for cell in here if cell.arms == (first, second))
        if n:
            strata.append(OverlapStratum(n, m, r, both, m / n, r / n))
    expected = math.fsum(item.canary * item.arm / item.units for item in strata)
    if not expected:
        return 0.0, 1.0
    return sum(item.both for item in strata) / expected - 1, independence(strata)[1]
