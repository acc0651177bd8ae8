"""Section "Contamination audit": expected and observed overlap, deviation, routing unit, layer isolation, verdict."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator import wording as fmt
from coordinator.model import ArmOverlap, Audit, AuditVerdict, Report
from coordinator.report.blocks import Block, Details, Items, Rich, Table, code, paragraph, rich, strong
from coordinator.report.headline import NOT_RUN, not_run, word
from coordinator.report.view import View


def audit_section(report: Report, view: View) -> Iterator[Block]:
    """The audit's blocks, the verdict first.

    Args:
        report: what was found.
        view: how much of it to show.
    """
    audit = report.audit
    if audit is None:
        yield paragraph(rich(strong("Verdict:"), " ", strong(word(NOT_RUN) + "."), " ", not_run(report)))
        return
    yield paragraph(rich(strong("Verdict:"), " ", strong(word(audit.verdict) + "."), " ", _opening(audit)))
    others = audit.reasons[0 if audit.verdict is AuditVerdict.CLEAN else 1 :]
    if others:
        yield Items(tuple(rich(reason.message) for reason in view.some(others)))
    if audit.arms:
        yield _overlaps(audit, view)
    yield Items(tuple(_facts(audit)))
    if audit.warnings:
        yield Items(tuple(rich("⚠️ Warning: ", text) for text in view.some(audit.warnings)))
    if view.tests:
        yield from _checks(audit, view)


def _opening(audit: Audit) -> str:
    if audit.verdict is AuditVerdict.CLEAN:
        return "The canary and the experiment are assigned independently, as far as these units can show."
    return audit.reasons[0].message if audit.reasons else ""


def _facts(audit: Audit) -> Iterator[Rich]:
    yield rich(strong("Same routing unit:"), f" {'yes' if audit.same_routing_unit else 'no'}")
    yield rich(strong("Platform layer isolation:"), f" {audit.layer_isolation}")
    tolerance = f" (tolerance ±{fmt.share(audit.tolerance)})" if audit.tolerance is not None else ""
    yield rich(strong("Rule:"), f" {audit.rule}{tolerance}")
    share = audit.canary_units / audit.units if audit.units else None
    yield rich(
        strong("Units:"),
        f" {fmt.count(audit.units)} in both splits, {fmt.count(audit.canary_units)} of them in the canary "
        f"({fmt.rate(share)}); largest overlap of an arm {fmt.rate(audit.overlap)} of all units",
    )


def _label(arm: ArmOverlap, audit: Audit) -> Rich:
    several = len({item.experiment for item in audit.arms}) > 1
    return rich(code(arm.experiment), ": ", code(arm.arm)) if several else code(arm.arm)


def _worst_first(audit: Audit, view: View) -> list[ArmOverlap]:
    arms = list(audit.arms)
    if view.rows is not None and len(arms) > view.rows:
        arms.sort(key=lambda arm: -abs(arm.relative_deviation or 0))
    return arms


def _overlaps(audit: Audit, view: View) -> Table:
    """Observed against expected, one row an arm."""
    arms = _worst_first(audit, view)
    rows = []
    for arm in view.some(arms):
        observed, expected = fmt.rate(arm.observed_overlap), fmt.rate(arm.expected_overlap)
        points = fmt.points(arm.observed_overlap - arm.expected_overlap)
        interval = fmt.change_interval(arm.ci_low, arm.ci_high)
        cells = [
            _label(arm, audit),
            rich(expected),
            rich(observed),
            rich(f"{fmt.change(arm.relative_deviation)} ({points})"),
            rich(f"{fmt.change(arm.independent_deviation)} {interval}".strip()),
        ]
        rows.append(tuple(cells))
    columns = ("Canary and arm", "Expected overlap", "Observed overlap", "Deviation", "From independence (CI)")
    return Table(columns, tuple(rows), "lrrrr", view.more(arms, "arms"))


def _checks(audit: Audit, view: View) -> Iterator[Block]:
    """What else was looked at: evidence, units left out, sample ratios, pairs of experiments."""
    blocks: list[Block] = []
    if audit.arms:
        rows = tuple(
            (
                _label(arm, audit),
                rich(fmt.count(arm.overlap_units)),
                rich(fmt.rate(arm.independent_overlap)),
                rich(fmt.p_value(arm.p_value)),
                rich(fmt.chance(arm.chance_of_false_alarm)),
                rich(fmt.count(arm.units_needed)),
            )
            for arm in view.some(_worst_first(audit, view))
        )
        columns = (
            "Canary and arm", "Units in both", "Expected if independent", "p-value", "Chance of a false alarm",
            "Units needed",
        )  # fmt: skip
        blocks.append(Table(columns, rows, "lrrrrr"))
        blocks.append(
            paragraph(
                "Chance of a false alarm: how often this many independent units pass the tolerance by luck. "
                "Units needed: so many make that chance 5%."
            )
        )
    blocks.append(Items(tuple(_left_out(audit))))
    if audit.sample_ratios:
        blocks.append(_sample_ratios(audit, view))
    if audit.pairs:
        blocks.append(_pairs(audit, view))
    if audit.notes:
        blocks.append(Items(tuple(rich(note) for note in view.some(audit.notes))))
    yield Details("More checks of the assignment", tuple(blocks))


def _left_out(audit: Audit) -> Iterator[Rich]:
    yield rich(
        f"{fmt.count(audit.crossover_units)} crossover units (two arms, or canary and back), left out of every effect"
    )
    yield rich(f"{fmt.count(audit.canary_only_units)} units in the canary's log only")
    yield rich(f"{fmt.count(audit.experiment_only_units)} units in the experiment's log only")
    yield rich(f"{fmt.count(audit.mixed_exposure_units)} units saw both the canary and the baseline")


def _sample_ratios(audit: Audit, view: View) -> Table:
    rows = tuple(
        (
            rich(check.split),
            rich(" / ".join(f"{arm} {fmt.count(units)}" for arm, units in check.observed.items())),
            rich(" / ".join(f"{arm} {fmt.count(round(units))}" for arm, units in check.expected.items())),
            rich(fmt.p_value(check.p_value)),
            rich("⛔ mismatch" if check.mismatch else "✅ as declared"),
        )
        for check in view.some(audit.sample_ratios)
    )
    columns = ("Sample ratio", "Observed", "Expected", "p-value", "Result")
    return Table(columns, rows, "lllrl", view.more(audit.sample_ratios, "checks"))


def _pairs(audit: Audit, view: View) -> Table:
    rows = tuple(
        (
            rich(code(pair.experiments[0]), " and ", code(pair.experiments[1])),
            rich(fmt.count(pair.units)),
            rich(fmt.change(pair.largest_deviation)),
            rich(fmt.p_value(pair.p_value)),
            rich(word(pair.verdict)),
        )
        for pair in view.some(audit.pairs)
    )
    columns = ("Two experiments", "Units", "Largest deviation", "p-value", "Verdict")
    return Table(columns, rows, "lrrrl", view.more(audit.pairs, "pairs"))
