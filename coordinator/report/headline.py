"""The verdict in few words: one sentence, one row a stage, what to do now. Every output opens with these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from coordinator import wording as fmt
from coordinator.model import (
    AuditVerdict,
    CanaryMetricVerdict,
    CanaryVerdict,
    DecisionKind,
    ExperimentMetricVerdict,
    ExperimentVerdict,
    Report,
)
from coordinator.report.escape import cut
from coordinator.report.why import canary_why, experiment_why, first_reason, short_name

Tone = Literal["good", "wait", "bad", "none"]

# A word always stands beside the symbol; all of them are in the Basic Multilingual Plane.
SYMBOLS: dict[Tone, str] = {"good": "✅", "wait": "⚠️", "bad": "⛔", "none": "➖"}
NOT_RUN = "NOT RUN"
_TONES: dict[str, Tone] = {
    AuditVerdict.CLEAN: "good",
    AuditVerdict.INCONCLUSIVE: "wait",
    AuditVerdict.CONTAMINATED: "bad",
    AuditVerdict.REFUSED: "bad",
    CanaryVerdict.PROMOTE: "good",
    CanaryVerdict.PAUSE: "wait",
    CanaryVerdict.ROLLBACK: "bad",
    CanaryMetricVerdict.OK: "good",
    CanaryMetricVerdict.BREACH: "bad",
    CanaryMetricVerdict.TREND: "wait",
    CanaryMetricVerdict.THIN: "wait",
    CanaryMetricVerdict.NO_DATA: "wait",
    CanaryMetricVerdict.DATA_ERROR: "wait",
    ExperimentVerdict.SHIP: "good",
    ExperimentVerdict.MIXED: "wait",
    ExperimentVerdict.DONT_SHIP: "bad",
    ExperimentMetricVerdict.WIN: "good",
    ExperimentMetricVerdict.HOLDS: "good",
    ExperimentMetricVerdict.NO_EFFECT: "none",
    ExperimentMetricVerdict.LOSS: "bad",
    ExperimentMetricVerdict.HURT: "bad",
    DecisionKind.PROMOTE: "good",
    DecisionKind.HOLD: "wait",
    DecisionKind.ROLLBACK: "bad",
    DecisionKind.REFUSED: "bad",
    DecisionKind.ERROR: "bad",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of the overview."""

    name: str
    verdict: str
    why: str

    @property
    def word(self) -> str:
        """The verdict with its symbol."""
        return word(self.verdict)


def tone(verdict: str) -> Tone:
    """How a verdict feels: good, wait, bad, or none (not run, no effect)."""
    return _TONES.get(verdict, "none")


def word(verdict: str) -> str:
    """A verdict as people read it, its symbol first.

    >>> word("NO_DATA"), word("rollback")
    ('⚠️ NO DATA', '⛔ ROLLBACK')
    """
    return f"{SYMBOLS[tone(verdict)]} {str(verdict).upper().replace('_', ' ')}"


def sentence(report: Report) -> str:
    """The verdict as one sentence, without a full stop; it stands in the report's heading."""
    audit = report.audit
    match report.decision:
        case DecisionKind.ERROR:
            text = "Could not finish, so nothing may be promoted"
        case DecisionKind.REFUSED if audit is not None and audit.verdict is AuditVerdict.CONTAMINATED:
            text = "Stop, the canary and the experiment are not independent"
        case DecisionKind.REFUSED:
            text = "Refused, nothing was validated"
        case DecisionKind.ROLLBACK:
            text = "Roll back the canary now and suspend the experiment"
        case DecisionKind.PROMOTE:
            text = _promoted(report)
        case DecisionKind.HOLD:
            text = _held(report)
    return text


def _held(report: Report) -> str:
    audit, canary = report.audit, report.canary
    if canary is None:
        return f"Audit only, the assignment is {audit.verdict}" if audit else "Hold everything"
    if audit is not None and audit.verdict is AuditVerdict.INCONCLUSIVE:
        return "Hold everything, the audit needs more units"
    if canary.verdict is CanaryVerdict.PAUSE:
        return "Hold everything, the canary is paused"
    return cut(report.action.rstrip("."), 160)


def _promoted(report: Report) -> str:
    first = "The canary is at 100%" if report.step == "experiment" else "Promote the canary to 100%"
    results = report.experiments or ()
    if len(results) > 1:
        return first + "; then " + ", ".join(f"{_MOVES[item.verdict]} {cut(item.id, 60)}" for item in results[:5])
    verdict = results[0].verdict if results else None
    if verdict is ExperimentVerdict.SHIP:
        return f"{first}; the variant ships one observation window later"
    if verdict is ExperimentVerdict.DONT_SHIP:
        return f"{first}; do not ship the experiment"
    return f"{first}; let the experiment run on"


_MOVES = {
    ExperimentVerdict.SHIP: "ship",
    ExperimentVerdict.DONT_SHIP: "hold",
    ExperimentVerdict.MIXED: "extend",
}


def stages(report: Report, *, most: int = 5) -> tuple[Stage, ...]:
    """The rows stage, verdict, why: audit, canary, each experiment, and the decision.

    Args:
        report: what was found.
        most: experiments with a row of their own; the others share one.
    """
    return (_audit(report), _canary(report), *_experiments(report, most), _decision(report))


def _audit(report: Report) -> Stage:
    name = "1. Contamination audit"
    audit = report.audit
    if audit is None:
        return Stage(name, NOT_RUN, not_run(report))
    if audit.verdict is AuditVerdict.CLEAN and audit.arms:
        worst = max(audit.arms, key=lambda arm: abs(arm.relative_deviation or 0))
        observed, expected = fmt.rate(worst.observed_overlap), fmt.rate(worst.expected_overlap)
        largest = f"overlap {observed} where {expected} was expected ({fmt.change(worst.relative_deviation)})"
        return Stage(name, audit.verdict, f"{largest}, {fmt.p_phrase(worst.p_value)}")
    return Stage(name, audit.verdict, first_reason(audit.reasons))


def _canary(report: Report) -> Stage:
    name = "2. Canary"
    canary = report.canary
    if canary is None:
        return Stage(name, NOT_RUN, not_run(report))
    return Stage(name, canary.verdict, canary_why(canary))


def _experiments(report: Report, most: int) -> Iterator[Stage]:
    results = report.experiments
    if results is None:
        yield Stage("3. Experiment", NOT_RUN, not_run(report))
        return
    for item in results[:most]:
        name = "3. Experiment" if len(results) == 1 else f"3. Experiment `{short_name(item.id)}`"
        yield Stage(name, item.verdict, experiment_why(item))
    if len(results) > most:
        tally = [
            f"{sum(item.verdict is verdict for item in results[most:])} {verdict}" for verdict in ExperimentVerdict
        ]
        yield Stage(f"3. {len(results) - most} more experiments", "SEE BELOW", ", ".join(tally))


def _decision(report: Report) -> Stage:
    return Stage("Reconciled action", report.decision, report.action)


def not_run(report: Report) -> str:
    """Why a stage was not run."""
    audit, canary = report.audit, report.canary
    if report.decision is DecisionKind.ERROR:
        return "The run could not finish."
    if audit is not None and audit.verdict is AuditVerdict.CONTAMINATED:
        return "The audit is CONTAMINATED: neither validator runs."
    if report.decision is DecisionKind.REFUSED:
        return "The release was refused before this step."
    if canary is not None and canary.verdict is CanaryVerdict.ROLLBACK:
        return "The canary rolls back: the experiment is not judged."
    if canary is None and audit is not None:
        return "Only the audit was asked for."
    return "No experiment was given."


def do_now(report: Report) -> str:
    """The one thing to do first."""
    if report.decision in {DecisionKind.REFUSED, DecisionKind.ERROR} and report.errors:
        first = report.errors[0]
        fix = first.fix or "Correct what is named under the errors, then run the gate again."
        more = len(report.errors) - 1
        return fix if not more else f"{fix} Then the {fmt.plural(more, 'other error')} below."
    steps = [step_text(text) for text in report.sequencing]
    return steps[0] if steps else report.action


def step_text(step: str) -> str:
    """A step without its number.

    >>> step_text("2. Experiment: wait.")
    'Experiment: wait.'
    """
    number, _, text = step.partition(" ")
    return text if number.rstrip(".").isdigit() else step


def gate_line(report: Report) -> str:
    """What the job does with this: open or closed, and the exit code."""
    closing = {
        0: "The gate is open (exit 0).",
        1: "The gate is closed: this job fails on purpose (exit 1).",
        2: "The gate is closed: this job fails because the release was refused (exit 2).",
        3: "The gate is closed: this job fails because it could not finish (exit 3).",
    }
    text = closing.get(report.exit_code, f"The gate is closed: the run was cancelled (exit {report.exit_code}).")
    if report.step:
        text += f" `step: {report.step}` {'may' if report.may_proceed else 'may not'} proceed."
    elif report.exit_code == 0 and not report.may_proceed:
        text += " Nothing may be promoted by this result."
    return text


def main_reason(report: Report) -> str:
    """The reason that made the decision: from the stage that decided."""
    audit, canary = report.audit, report.canary
    if report.errors:
        return report.errors[0].message
    rolled_back = canary is not None and canary.verdict is CanaryVerdict.ROLLBACK
    if audit is not None and audit.verdict is not AuditVerdict.CLEAN and not rolled_back:
        return first_reason(audit.reasons)
    if canary is not None and canary.verdict is not CanaryVerdict.PROMOTE:
        deciding = [item for item in canary.metrics if item.verdict is not CanaryMetricVerdict.OK]
        deciding.sort(key=lambda item: item.verdict is not CanaryMetricVerdict.BREACH)
        return f"`{short_name(deciding[0].name)}`: {deciding[0].reason}" if deciding else first_reason(canary.reasons)
    judged = [item for item in report.experiments or () if item.reasons]
    return (
        judged[0].reasons[0].message
        if judged and report.decision is DecisionKind.PROMOTE
        else first_reason(report.reasons)
    )


def stop(text: str) -> str:
    """The text as a sentence that ends.

    >>> stop("a"), stop("b.")
    ('a.', 'b.')
    """
    return text if text.endswith((".", "!", "?")) else f"{text}."
