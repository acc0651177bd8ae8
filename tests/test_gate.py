"""The whole gate on real files: every row of the decision table, every path of the contract's section 3."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator.errors import InputError
from coordinator.gate import execute, run_gate
from coordinator.loader import load_config
from coordinator.model import DecisionKind, Report
from coordinator.world import World
from tests import releases

ROLLBACK = {"error_rate": releases.rate(1.2, 50_000)}
PAUSE = {"p95_latency": {"n": 50_000, "mean": 300.0, "std": 60.0}}
DONT_SHIP = releases.experiment_document(treatment=66.0)
MIXED = releases.experiment_document(treatment=68.2, n=2_000)


def run(folder: Path, overrides: dict[str, str] | None = None, **parts: Any) -> Report:
    path = releases.make(folder, **parts)
    config = load_config(path, overrides or {}, workspace=folder)
    return run_gate(config, World(folder, releases.NOW))


@pytest.mark.parametrize(
    ("canary", "experiment", "decision", "action", "code"),
    [
        ({}, None, "promote", "Promote canary to 100% + ship experiment variant.", 0),
        ({}, DONT_SHIP, "promote", "Promote canary; hold experiment for investigation.", 0),
        ({}, MIXED, "promote", "Promote canary; extend experiment window.", 0),
        (PAUSE, None, "hold", "Hold everything; resolve canary pause first.", 0),
        (ROLLBACK, None, "rollback", "Rollback canary immediately; suspend experiment.", 1),
    ],
    ids=["promote-ship", "promote-dont-ship", "promote-mixed", "pause", "rollback"],
)
def test_each_row_of_the_decision_table_on_real_files(
    tmp_path: Path, canary: dict[str, Any], experiment: dict[str, Any] | None, decision: str, action: str, code: int
) -> None:
    report = run(tmp_path, canary=releases.canary_document(**canary), experiment=experiment)
    assert (report.decision, report.action, report.exit_code) == (decision, action, code), report.errors
    assert report.may_proceed is (decision == "promote")
    assert len(report.sequencing) >= 2
    assert all(source.rows and source.sha256 and source.window for source in report.sources)


def test_contamination_stops_before_any_validator(tmp_path: Path) -> None:
    report = run(tmp_path, assignments=releases.shared_salt())
    assert report.decision is DecisionKind.REFUSED
    assert report.action == "Stop: fix the assignment first."
    assert report.exit_code == 1
    assert report.audit is not None
    assert report.audit.verdict == "CONTAMINATED"
    assert report.canary is None
    assert report.experiments is None


def test_a_rollback_skips_the_experiment(tmp_path: Path) -> None:
    report = run(tmp_path, canary=releases.canary_document(**ROLLBACK))
    assert report.experiments is None


def test_too_few_units_hold_everything(tmp_path: Path) -> None:
    few = [row for number, row in enumerate(releases.shared_salt(60)) if number % 4]
    report = run(tmp_path, assignments=few[:18])
    assert report.audit is not None
    assert report.audit.verdict == "INCONCLUSIVE", report.audit
    assert (report.decision, report.action) == ("hold", "Hold everything; gather more units.")
    assert not report.may_proceed


def test_a_rollback_counts_although_the_audit_is_inconclusive(tmp_path: Path) -> None:
    few = [row for number, row in enumerate(releases.shared_salt(60)) if number % 4]
    report = run(tmp_path, assignments=few[:18], canary=releases.canary_document(**ROLLBACK))
    assert report.decision is DecisionKind.ROLLBACK


def test_routing_units_that_differ_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    release = releases.release_document(canary={"routing_unit": "session_id"})
    path = releases.make(tmp_path, release=release)
    config = load_config(path, workspace=tmp_path)
    for log in ("canary.csv", "experiment.csv"):
        (tmp_path / log).unlink()
    report = run_gate(config, World(tmp_path, releases.NOW))
    assert report.exit_code == 2
    assert report.decision is DecisionKind.REFUSED
    assert report.sources == ()
    assert "session_id" in report.errors[0].message
    assert "user_id" in report.errors[0].message


def test_promoting_and_shipping_in_one_step_is_refused(tmp_path: Path) -> None:
    report = run(tmp_path, {"step": "both"})
    assert (report.decision, report.exit_code, report.may_proceed) == ("refused", 2, False)
    assert "one step" in report.errors[0].message


@pytest.mark.parametrize(
    ("part", "key"), [("thresholds", "thresholds"), ("metrics", "metrics"), ("assignments", "assignments")]
)
def test_a_missing_canary_part_is_refused_and_named(tmp_path: Path, part: str, key: str) -> None:
    path = releases.make(tmp_path, release=releases.release_document(canary={part: None}))
    with pytest.raises(InputError, match=key):
        load_config(path, workspace=tmp_path)


def test_missing_experiment_data_is_refused_and_named(tmp_path: Path) -> None:
    path = releases.make(tmp_path, release=releases.release_document(experiment={"data": None}))
    with pytest.raises(InputError, match="data"):
        load_config(path, workspace=tmp_path)


# ------------------------------------------------------------------------------------------- steps and fail-on


@pytest.mark.parametrize(
    ("experiment", "step", "code"),
    [(None, "canary", 0), (MIXED, "canary", 0), (DONT_SHIP, "canary", 0)],
)
def test_the_canarys_step_opens_whenever_the_canary_may_be_promoted(
    tmp_path: Path, experiment: dict[str, Any] | None, step: str, code: int
) -> None:
    report = run(tmp_path, {"step": step}, experiment=experiment)
    assert (report.may_proceed, report.exit_code) == (True, code)


def test_the_canarys_step_is_closed_by_a_pause(tmp_path: Path) -> None:
    report = run(tmp_path, {"step": "canary"}, canary=releases.canary_document(**PAUSE))
    assert (report.may_proceed, report.exit_code) == (False, 1)


def promoted(folder: Path, minutes: float, **parts: Any) -> Report:
    """The experiment's step, ``minutes`` after the promotion that an earlier run of the gate allowed."""
    from coordinator.report.json import write_json

    earlier = run(folder, {"step": "canary"})
    write_json(earlier, folder / "promoted.json")
    at = (releases.NOW - timedelta(minutes=minutes)).isoformat()
    overrides = {"step": "experiment", "canary-promoted-at": at, "canary-report": "promoted.json"}
    return run(folder, overrides, **parts)


def test_the_experiments_step_opens_one_window_after_the_promotion(tmp_path: Path) -> None:
    report = promoted(tmp_path, 31)
    assert (report.decision, report.may_proceed, report.exit_code) == ("promote", True, 0), report.errors
    assert report.canary is not None
    assert report.canary.reasons[0].code == "promoted_earlier"
    assert "at 100% already" in report.sequencing[0]


def test_the_experiments_step_is_closed_before_the_window_has_passed(tmp_path: Path) -> None:
    report = promoted(tmp_path, 29)
    assert (report.decision, report.may_proceed, report.exit_code) == ("hold", False, 1)


@pytest.mark.parametrize("experiment", [MIXED, DONT_SHIP])
def test_the_experiments_step_is_closed_unless_the_variant_ships(tmp_path: Path, experiment: dict[str, Any]) -> None:
    report = promoted(tmp_path, 31, experiment=experiment)
    assert (report.may_proceed, report.exit_code) == (False, 1)


@pytest.mark.parametrize(
    ("named", "parts", "code"),
    [
        ("pause", {"canary": releases.canary_document(**PAUSE)}, 1),
        ("hold", {"canary": releases.canary_document(**PAUSE)}, 1),
        ("mixed", {"canary": releases.canary_document(**PAUSE)}, 0),
        ("mixed", {"experiment": MIXED}, 1),
        ("dont-ship", {"experiment": DONT_SHIP}, 1),
        ("pause,dont-ship", {"experiment": DONT_SHIP}, 1),
        ("pause", {}, 0),
    ],
)
def test_fail_on_adds_what_closes_the_gate(tmp_path: Path, named: str, parts: dict[str, Any], code: int) -> None:
    assert run(tmp_path, {"fail-on": named}, **parts).exit_code == code


# ------------------------------------------------------------------------------------------- faults


def test_a_fault_of_the_gate_ends_in_exit_3_without_a_promote(tmp_path: Path) -> None:
    def broken() -> Any:
        raise RuntimeError("a bug")

    outcome = execute(broken, World(tmp_path, releases.NOW))
    assert outcome.report.exit_code == 3
    assert outcome.report.decision is DecisionKind.ERROR
    assert "a bug" not in json.dumps([problem.message for problem in outcome.report.errors])


def test_a_log_that_is_gone_after_the_config_was_read_is_refused(tmp_path: Path) -> None:
    path = releases.make(tmp_path)
    config = load_config(path, workspace=tmp_path)
    (tmp_path / "experiment.csv").unlink()
    report = run_gate(config, World(tmp_path, releases.NOW))
    assert report.exit_code == 2
    assert not report.may_proceed
    assert "experiment.csv" in str(report.errors[0])


def test_an_earlier_report_from_other_data_makes_this_another_look(tmp_path: Path) -> None:
    from coordinator.report.json import write_json

    first = run(tmp_path)
    (tmp_path / "release-gate").mkdir(exist_ok=True)
    write_json(first, tmp_path / "release-gate" / "report.json")
    again = run(tmp_path, canary=releases.canary_document(error_rate=releases.rate(0.41, 50_000)))
    assert again.canary is not None
    text = " ".join([*again.canary.notes, *(reason.message for reason in again.canary.reasons)])
    assert "look" in text


def test_logs_without_times_are_judged_and_their_figures_belong_to_the_declared_window(tmp_path: Path) -> None:
    window = {"start": "2026-05-05T14:00:00Z", "end": "2026-05-05T14:30:00Z"}
    path = releases.make(tmp_path, release=releases.release_document(canary={"window": window}))
    for log in ("canary.csv", "experiment.csv"):
        lines = (tmp_path / log).read_text(encoding="utf-8").splitlines()
        (tmp_path / log).write_text("\n".join(line.rsplit(",", 1)[0] for line in lines), encoding="utf-8")
    report = run_gate(load_config(path, workspace=tmp_path), World(tmp_path, releases.NOW), audit_only=True)
    assert report.errors == ()
    assert report.audit is not None
    assert report.audit.units == 4_000
    assert all(source.window is not None for source in report.sources)


def test_the_kayenta_judge_scores_points_and_never_promotes_on_totals(tmp_path: Path) -> None:
    report = run(tmp_path, release=releases.release_document(canary={"judge": "kayenta"}))
    assert report.errors == ()
    assert report.canary is not None
    assert report.canary.verdict == "PAUSE"
    assert any("score" in reason.message.lower() for reason in report.canary.reasons)
    assert report.exit_code == 0
    assert not report.may_proceed
