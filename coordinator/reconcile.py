"""Verdicts joined into one decision: the table of the mission, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coordinator.actions import AUDIT_ONLY, GATHER, HOLD, PROMOTED, ROLLBACK, STOP
from coordinator.model import (
    Audit,
    AuditVerdict,
    CanaryResult,
    CanaryVerdict,
    Decision,
    DecisionKind,
    ExperimentResult,
    Reason,
)


def reconcile(
    audit: Audit, canary: CanaryResult | None, experiments: Sequence[ExperimentResult] | None
) -> tuple[Decision, tuple[ExperimentResult, ...] | None]:
    """The decision, and the experiments with their row of the table as ``action``.

    Args:
        audit: step 1. CONTAMINATED and REFUSED end the release before any validator.
        canary: step 2; None where it did not run.
        experiments: step 3; None where it did not run (contaminated, or the canary rolls back).

    Returns:
        The decision with the reasons that made it, and the experiments. One experiment: the action is its row.
        Several: ``id: row``, joined by ``; ``.
    """
    if audit.verdict in {AuditVerdict.CONTAMINATED, AuditVerdict.REFUSED}:
        return Decision(DecisionKind.REFUSED, STOP, audit.reasons), None
    if canary is None:
        return Decision(DecisionKind.HOLD, AUDIT_ONLY, audit.reasons), None
    if canary.verdict is CanaryVerdict.ROLLBACK:
        return Decision(DecisionKind.ROLLBACK, ROLLBACK, canary.reasons), None
    if audit.verdict is AuditVerdict.INCONCLUSIVE:
        return _held(GATHER, audit.reasons, experiments)
    if canary.verdict is CanaryVerdict.PAUSE:
        return _held(HOLD, canary.reasons, experiments)
    if not experiments:
        missing = Reason("no_experiment", "No experiment was judged, so there is nothing to reconcile the canary with.")
        return _held(HOLD, (missing,), experiments)
    judged = tuple(replace(result, action=PROMOTED[result.verdict]) for result in experiments)
    actions = {result.id: result.action for result in judged}
    text = judged[0].action if len(judged) == 1 else "; ".join(f"{key}: {row}" for key, row in actions.items())
    reasons = canary.reasons + tuple(reason for result in judged for reason in result.reasons)
    return Decision(DecisionKind.PROMOTE, text, reasons, actions), judged


def _held(
    action: str, reasons: tuple[Reason, ...], experiments: Sequence[ExperimentResult] | None
) -> tuple[Decision, tuple[ExperimentResult, ...] | None]:
    judged = None if experiments is None else tuple(replace(result, action=action) for result in experiments)
    actions = {result.id: action for result in judged or ()}
    return Decision(DecisionKind.HOLD, action, reasons, actions), judged
