"""Every row of the decision table, and every path that never reaches it."""

from __future__ import annotations

import pytest

from coordinator.model import (
    Audit,
    AuditVerdict,
    CanaryResult,
    CanaryVerdict,
    DecisionKind,
    ExperimentResult,
    ExperimentVerdict,
    Reason,
)
from coordinator.reconcile import reconcile

AUDIT_REASON = Reason("why", "the audit's reason")
CANARY_REASON = Reason("why", "the canary's reason")


def audit(verdict: AuditVerdict = AuditVerdict.CLEAN) -> Audit:
    return Audit(verdict, "evidence", (AUDIT_REASON,), True, "unconfirmed", 1000, 50, 0, 0, 0, 0.025, ())


def canary(verdict: CanaryVerdict = CanaryVerdict.PROMOTE) -> CanaryResult:
    return CanaryResult(verdict, None, (), (CANARY_REASON,))


def experiment(verdict: ExperimentVerdict, name: str = "banner") -> ExperimentResult:
    return ExperimentResult(name, verdict, "", False, 0, "fdr_bh", ())


@pytest.mark.parametrize(
    ("canary_verdict", "experiment_verdict", "kind", "action"),
    [
        ("PROMOTE", "SHIP", "promote", "Promote canary to 100% + ship experiment variant."),
        ("PROMOTE", "DON'T-SHIP", "promote", "Promote canary; hold experiment for investigation."),
        ("PROMOTE", "MIXED", "promote", "Promote canary; extend experiment window."),
        ("PAUSE", "SHIP", "hold", "Hold everything; resolve canary pause first."),
        ("PAUSE", "DON'T-SHIP", "hold", "Hold everything; resolve canary pause first."),
        ("PAUSE", "MIXED", "hold", "Hold everything; resolve canary pause first."),
        ("ROLLBACK", "SHIP", "rollback", "Rollback canary immediately; suspend experiment."),
        ("ROLLBACK", None, "rollback", "Rollback canary immediately; suspend experiment."),
    ],
)
def test_each_row_of_the_decision_table(
    canary_verdict: str, experiment_verdict: str | None, kind: str, action: str
) -> None:
    results = [experiment(ExperimentVerdict(experiment_verdict))] if experiment_verdict else None
    decision, _ = reconcile(audit(), canary(CanaryVerdict(canary_verdict)), results)
    assert (decision.decision, decision.action) == (kind, action)
    assert decision.reasons, "a decision never comes without its reason"


@pytest.mark.parametrize("verdict", [AuditVerdict.CONTAMINATED, AuditVerdict.REFUSED])
def test_a_contaminated_audit_stops_everything(verdict: AuditVerdict) -> None:
    decision, experiments = reconcile(audit(verdict), None, None)
    assert decision.decision is DecisionKind.REFUSED
    assert decision.action == "Stop: fix the assignment first."
    assert decision.reasons == (AUDIT_REASON,)
    assert experiments is None


@pytest.mark.parametrize("verdict", [CanaryVerdict.PROMOTE, CanaryVerdict.PAUSE])
def test_an_inconclusive_audit_holds_everything(verdict: CanaryVerdict) -> None:
    inconclusive = audit(AuditVerdict.INCONCLUSIVE)
    decision, _ = reconcile(inconclusive, canary(verdict), [experiment(ExperimentVerdict.MIXED)])
    assert decision.decision is DecisionKind.HOLD
    assert decision.action == "Hold everything; gather more units."


def test_a_rollback_counts_even_where_the_audit_is_inconclusive() -> None:
    decision, _ = reconcile(audit(AuditVerdict.INCONCLUSIVE), canary(CanaryVerdict.ROLLBACK), None)
    assert decision.decision is DecisionKind.ROLLBACK


def test_several_experiments_each_get_their_row_and_the_action_names_them() -> None:
    results = [experiment(ExperimentVerdict.SHIP, "a"), experiment(ExperimentVerdict.MIXED, "b")]
    decision, judged = reconcile(audit(), canary(), results)
    ship, extend = "Promote canary to 100% + ship experiment variant.", "Promote canary; extend experiment window."
    assert decision.action == f"a: {ship}; b: {extend}"
    assert judged is not None
    assert [result.action for result in judged] == [ship, extend]


@pytest.mark.parametrize("results", [None, []])
def test_nothing_is_promoted_without_an_experiment_verdict(results: list[ExperimentResult] | None) -> None:
    decision, _ = reconcile(audit(), canary(), results)
    assert decision.decision is DecisionKind.HOLD


def test_an_audit_alone_promotes_nothing() -> None:
    decision, _ = reconcile(audit(), None, None)
    assert decision.decision is DecisionKind.HOLD
