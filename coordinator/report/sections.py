"""The report as blocks, in the mission's order: what is said, whatever draws it."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator import wording as fmt
from coordinator.model import AuditVerdict, CanaryVerdict, DecisionKind, ExperimentVerdict, Problem, Release, Report
from coordinator.report import headline
from coordinator.report.blocks import (
    Alert,
    Block,
    Details,
    Heading,
    Items,
    Paragraph,
    Rich,
    Table,
    code,
    join,
    merged,
    paragraph,
    rich,
    strong,
)
from coordinator.report.sections_audit import audit_section
from coordinator.report.sections_canary import canary_section
from coordinator.report.sections_experiment import experiment_section
from coordinator.report.view import View

TITLE = "Canary + experiment coordination report"
_ALERTS = {"promote": "tip", "hold": "warning", "rollback": "caution", "refused": "caution", "error": "caution"}


def build(report: Report, view: View) -> tuple[Block, ...]:
    """The whole report as blocks.

    Args:
        report: what was found.
        view: how much of it to show.
    """
    return merged(_blocks(report, view))


def _blocks(report: Report, view: View) -> Iterator[Block]:
    yield from opening(report, view)
    yield Heading(3, rich("Contamination audit"))
    yield from audit_section(report, view)
    yield Heading(3, rich("Canary verdict"))
    yield from canary_section(report, view)
    yield Heading(3, rich("Experiment verdict"))
    yield from experiment_section(report, view)
    yield Heading(3, rich("Reconciled action"))
    yield from _action(report, view)
    yield Heading(3, rich("Sequencing instructions"))
    yield from _sequencing(report, view)
    yield from _background(report, view)


def opening(report: Report, view: View) -> Iterator[Block]:
    """The heading with the verdict, why, one row a stage, what to do now, and the release."""
    yield Heading(2, rich(f"{TITLE}: {headline.sentence(report)}"))
    kind = _ALERTS[report.decision]
    if report.decision is DecisionKind.PROMOTE and not _all_ship(report):
        kind = "note"
    why = headline.stop(headline.main_reason(report))
    contaminated = report.audit is not None and report.audit.verdict is AuditVerdict.CONTAMINATED
    verdict = headline.word(AuditVerdict.CONTAMINATED if contaminated else report.decision)
    yield Alert(kind, (rich(strong(verdict, "."), f" {why}"), rich(headline.gate_line(report))))
    rows = []
    for stage in headline.stages(report, most=view.rows or 5):
        last = stage.name == "Reconciled action"
        cells = (stage.name, stage.word, stage.why)
        rows.append(tuple(strong(cell) if last else rich(cell) for cell in cells))
    yield Table(("Stage", "Verdict", "Why, in one line"), tuple(rows), "lll")
    yield Paragraph((rich(strong("Do now:"), " ", headline.do_now(report)),))
    yield _release(report.release, report, view)
    if report.errors:
        yield from _errors(report.errors, view)
    if report.warnings:
        shown = tuple(rich(headline.SYMBOLS["wait"], " Warning: ", text) for text in view.some(report.warnings))
        more = view.more(report.warnings, "warnings")
        yield Items(shown + ((rich(more),) if more else ()))


def _all_ship(report: Report) -> bool:
    return all(item.verdict is ExperimentVerdict.SHIP for item in report.experiments or ())


def _release(release: Release | None, report: Report, view: View) -> Block:
    """The header lines: build, share, experiments, split, routing unit of each."""
    if release is None:
        return paragraph("The release is not known: its config could not be read.")
    lines = [
        rich(
            strong("Canary build:"), " ", _known(release.canary_sha), " · ",
            strong("Traffic share:"), f" {fmt.share(release.canary_share)}",
        )
    ]  # fmt: skip
    experiments = view.some(release.experiments)
    for item in experiments:
        parts = [rich(code(arm), f" {fmt.share(part)}") for arm, part in item.split.items()]
        split = join(" / ", parts) or rich("not known")
        lines.append(rich(strong("Experiment:"), " ", code(item.id), " · ", strong("Split:"), " ", split))
    lines.append(rich(strong("Routing unit (canary):"), " ", _known(release.canary_routing_unit)))
    units = list(dict.fromkeys(item.unit for item in experiments if item.unit))
    lines.append(
        rich(strong("Routing unit (experiment):"), " ", join(", ", [code(unit) for unit in units]) or "not known")
    )
    if report.window:
        lines.append(rich(strong("Observed:"), f" {fmt.window(report.window)}"))
    return Paragraph(tuple(lines))


def _known(name: str | None) -> Rich:
    return code(name) if name else rich("not known")


def _errors(errors: tuple[Problem, ...], view: View) -> Iterator[Block]:
    yield paragraph(strong(f"{headline.SYMBOLS['bad']} {fmt.plural(len(errors), 'error')}"))
    items = []
    for problem in view.some(errors):
        where = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
        place = rich(code(where), " ") if where else ()
        fix = rich(" ", strong("To do:"), f" {problem.fix}") if problem.fix else ()
        items.append(rich(place, headline.stop(problem.message), fix))
    more = view.more(errors, "errors")
    yield Items(tuple(items) + ((rich(more),) if more else ()), ordered=False)


# ---------------------------------------------------------------- the decision and what follows


_TABLE = (
    ("promote", "ship", "Promote canary to 100% + ship experiment variant."),
    ("promote", "don't-ship", "Promote canary; hold experiment for investigation."),
    ("promote", "mixed / inconclusive", "Promote canary; extend experiment window."),
    ("pause", "any", "Hold everything; resolve canary pause first."),
    ("rollback", "any", "Rollback canary immediately; suspend experiment."),
    ("not run", "audit CONTAMINATED", "Stop: fix the assignment first."),
    ("promote or pause", "audit INCONCLUSIVE", "Hold everything; gather more units."),
)


def _action(report: Report, view: View) -> Iterator[Block]:
    yield paragraph(rich(strong(headline.word(report.decision), "."), " ", report.action))
    results = report.experiments or ()
    if len(results) > 1:
        items = tuple(
            rich(code(item.id), ": ", strong(headline.word(item.verdict)), " ", item.action)
            for item in view.some(results)
        )
        more = view.more(results, "experiments")
        yield Items(items + ((rich(more),) if more else ()))
    joined = _joined(report)
    if joined:
        yield paragraph(joined)
    if view.background:
        taken = {row for row in _TABLE if row[2] == report.action or any(row[2] == item.action for item in results)}
        rows = tuple(tuple(strong(cell) if row in taken else rich(cell) for cell in row) for row in _TABLE)
        table = Table(("Canary", "Experiment", "Action"), rows, "lll")
        if taken:
            yield Details("The decision table, with this release's row in bold", (table,))


def _joined(report: Report) -> str:
    """The verdicts that were joined, as a sentence."""
    if report.canary is None or report.audit is None:
        return ""
    text = f"Audit {report.audit.verdict} and canary {report.canary.verdict}"
    if report.experiments is None:
        skipped = report.canary.verdict is CanaryVerdict.ROLLBACK
        return f"{text}; the experiment was not judged{', since the canary rolls back' if skipped else ''}."
    if len(report.experiments) == 1:
        return f"{text}, experiment {report.experiments[0].verdict}."
    return f"{text}; the experiments as above."


def _sequencing(report: Report, view: View) -> Iterator[Block]:
    steps = tuple(rich(headline.step_text(text)) for text in report.sequencing)
    if not steps:
        yield paragraph("No step follows from this run: correct what is named above, then run the gate again.")
        return
    yield Items(tuple(view.some(steps)), ordered=True)
    if more := view.more(steps, "steps are in `report.json`"):
        yield paragraph(more)
    if report.decision is DecisionKind.PROMOTE:
        yield paragraph(
            "One change at a time: promoting the canary and shipping the variant in one step would make a later "
            "regression unattributable."
        )


def _background(report: Report, view: View) -> Iterator[Block]:
    """Where the figures come from, and notes: for whoever asks."""
    if not view.background:
        return
    if report.sources:
        rows = tuple(
            (
                rich(source.role),
                code(source.uri),
                rich(fmt.count(source.rows)),
                code(source.sha256 if view.full else source.sha256[:12]) if source.sha256 else rich(fmt.NONE),
                rich(fmt.window(source.window)),
            )
            for source in view.some(report.sources)
        )
        more = view.more(report.sources, "sources")
        table = Table(("Role", "URI", "Rows", "SHA-256", "Window"), rows, "llrll", more)
        yield Details(f"Sources: every figure above comes from these ({len(report.sources)})", (table,))
    if report.notes:
        yield Details(f"Notes ({len(report.notes)})", (Items(tuple(rich(note) for note in view.some(report.notes))),))
