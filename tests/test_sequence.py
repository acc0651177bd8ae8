"""The steps: numbered, the canary first, and one change at a time, a window apart."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from coordinator.config import Config
from coordinator.model import (
    Audit,
    AuditVerdict,
    CanaryVerdict,
    ExperimentMetricVerdict,
    ExperimentResult,
    ExperimentVerdict,
    Reason,
)
from coordinator.reconcile import reconcile
from coordinator.sequence import plan_steps
from tests.builders import guardrail_metric
from tests.test_reconcile import audit, canary, experiment


def config(**canary_keys: Any) -> Config:
    experiments = [
        {"id": "banner", "unit": "user_id", "split": {"control": 0.5, "treatment": 0.5}},
        {"id": "button", "unit": "user_id", "split": {"off": 0.8, "on": 0.2}},
    ]
    keys = {"sha": "9f3c2ab", "share": "5%", "routing_unit": "user_id", "window": "30m", **canary_keys}
    return Config.model_validate({"canary": keys, "experiments": experiments})


def steps(
    first: Audit, verdict: CanaryVerdict | None, results: list[ExperimentResult] | None, **keys: Any
) -> tuple[str, ...]:
    judged = canary(verdict) if verdict else None
    decision, with_rows = reconcile(first, judged, results)
    return plan_steps(decision, config(**keys), first, judged, with_rows)


CASES = {
    "ship": steps(audit(), CanaryVerdict.PROMOTE, [experiment(ExperimentVerdict.SHIP)]),
    "dont-ship": steps(audit(), CanaryVerdict.PROMOTE, [experiment(ExperimentVerdict.DONT_SHIP)]),
    "mixed": steps(audit(), CanaryVerdict.PROMOTE, [experiment(ExperimentVerdict.MIXED)]),
    "pause": steps(audit(), CanaryVerdict.PAUSE, [experiment(ExperimentVerdict.SHIP)]),
    "rollback": steps(audit(), CanaryVerdict.ROLLBACK, None),
    "contaminated": steps(audit(AuditVerdict.CONTAMINATED), None, None),
    "inconclusive": steps(audit(AuditVerdict.INCONCLUSIVE), CanaryVerdict.PROMOTE, []),
}


@pytest.mark.parametrize("name", CASES)
def test_every_decision_gives_two_numbered_actions_one_observation_window_apart(name: str) -> None:
    found = CASES[name]
    assert [line.split(".")[0] for line in found] == [str(number) for number in range(1, len(found) + 1)]
    assert len(found) >= 2
    assert found[0].startswith("1. Canary: ")
    assert found[1].startswith("2. Experiment")
    assert "one observation window (30 minutes)" in found[1]


def test_a_ship_names_shares_from_and_to_and_the_flag() -> None:
    result = replace(experiment(ExperimentVerdict.SHIP), winning_arm="treatment")
    first, second = steps(audit(), CanaryVerdict.PROMOTE, [result])
    assert "build 9f3c2ab from 5% to 100%" in first
    assert "control 50% / treatment 50% to treatment 100%" in second
    assert "`step: experiment`" in second


def test_several_experiments_are_shipped_one_after_the_other() -> None:
    results = [experiment(ExperimentVerdict.SHIP), experiment(ExperimentVerdict.SHIP, "button")]
    found = steps(audit(), CanaryVerdict.PROMOTE, results)
    assert "after step 1" in found[1]
    assert "after step 2" in found[2]


@pytest.mark.parametrize("name", ["pause", "rollback", "contaminated", "inconclusive"])
def test_nothing_is_promoted_or_shipped_by_a_closed_gate(name: str) -> None:
    text = " ".join(CASES[name])
    assert not re.search(r"to 100%|set the flag", text)


def test_the_window_between_steps_is_never_shorter_than_fifteen_minutes() -> None:
    found = steps(audit(), CanaryVerdict.PROMOTE, [experiment(ExperimentVerdict.SHIP)], window="5m")
    assert "one observation window (15 minutes)" in found[1]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("dependence", "its own salt"),
        ("share_mismatch", "correct the share"),
        ("layer_overlap", "users of one layer"),
    ],
)
def test_a_contaminated_audit_says_what_to_fix_by_its_reason(code: str, words: str) -> None:
    first = replace(audit(AuditVerdict.CONTAMINATED), reasons=(Reason(code, "it is so"),))
    assert words in steps(first, None, None)[0]


def test_a_mixed_result_says_what_to_wait_for() -> None:
    plain = experiment(ExperimentVerdict.MIXED)
    assert "users still needed" in steps(audit(), CanaryVerdict.PROMOTE, [plain])[1]
    hurt = replace(plain, metrics=(guardrail_metric(name="refunds", verdict=ExperimentMetricVerdict.HURT),))
    assert "why refunds is worse" in steps(audit(), CanaryVerdict.PROMOTE, [hurt])[1]
    uneven = replace(plain, reasons=(Reason("sample_ratio_mismatch", "Sample ratio mismatch."),))
    assert "Mend what its verdict names" in steps(audit(), CanaryVerdict.PROMOTE, [uneven])[1]
