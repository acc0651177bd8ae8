"""The actions of the decision table, word for word (contract, section 3; mission, step 4)."""

from __future__ import annotations

from coordinator.model import ExperimentVerdict

STOP = "Stop: fix the assignment first."
GATHER = "Hold everything; gather more units."
HOLD = "Hold everything; resolve canary pause first."
ROLLBACK = "Rollback canary immediately; suspend experiment."
AUDIT_ONLY = "Audit only: neither validator was asked for."
SHIP = "Promote canary to 100% + ship experiment variant."

PROMOTED: dict[ExperimentVerdict, str] = {
    ExperimentVerdict.SHIP: SHIP,
    ExperimentVerdict.DONT_SHIP: "Promote canary; hold experiment for investigation.",
    ExperimentVerdict.MIXED: "Promote canary; extend experiment window.",
}
