"""The action as GitHub runs it: entrypoint, inputs, outputs, job summary, comment, status, exit code, cancel."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests import releases
from tests.action.runner import SHA, Runner
from tests.github.conftest import fake
from tests.github.fake import FakeGitHub
from tests.github.wire import Fault

__all__ = ["fake"]

PULL_REQUEST = {"pull_request": {"number": 12, "head": {"sha": SHA, "repo": {"full_name": "octo/shop"}}}}
FILES = {"report": "report.md", "report-json": "report.json", "report-html": "report.html"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def runner(tmp_path: Path, workspace: Path) -> Runner:
    return Runner(workspace, tmp_path / "runner")


def read_report(workspace: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((workspace / "release-gate" / "report.json").read_text(encoding="utf-8"))
    return data


def test_a_release_that_may_go_on_leaves_outputs_files_summary_and_one_comment(
    workspace: Path, runner: Runner, fake: FakeGitHub
) -> None:
    releases.make(workspace)
    fake.commits.append(SHA)
    fake.pull(12, SHA)
    run = runner.run(event_name="pull_request", event=PULL_REQUEST, api_url=fake.url)
    assert run.code == 0, run.log
    wanted = {
        "decision": "promote",
        "may-proceed": "true",
        "action": "Promote canary to 100% + ship experiment variant.",
        "audit-verdict": "CLEAN",
        "canary-verdict": "PROMOTE",
        "experiment-verdict": "SHIP",
        "excluded-users": "0",
        "exclusions": "",
    }
    assert {name: run.outputs[name] for name in wanted} == wanted
    assert 0.09 < float(run.outputs["observed-overlap"]) < 0.11
    assert float(run.outputs["expected-overlap"]) == pytest.approx(0.1)
    for name, file in FILES.items():
        assert run.outputs[name] == f"release-gate/{file}"
        assert (workspace / run.outputs[name]).is_file()
    assert "Canary + experiment coordination report" in run.summary
    [body] = fake.bodies("issues/12")
    assert "Promote canary to 100% + ship experiment variant." in body
    assert run.outputs["comment-url"].startswith("https://github.com/octo/shop/")
    assert "Traceback" not in run.log


def test_a_second_run_edits_the_same_comment(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    fake.commits.append(SHA)
    fake.pull(12, SHA)
    releases.make(workspace)
    runner.run(event_name="pull_request", event=PULL_REQUEST, api_url=fake.url)
    releases.make(workspace, assignments=releases.shared_salt())
    run = runner.run(event_name="pull_request", event=PULL_REQUEST, api_url=fake.url)
    assert run.code == 1
    [body] = fake.bodies("issues/12")
    assert "Stop: fix the assignment first." in body


def test_contamination_fails_the_job_and_the_deployments_status(
    workspace: Path, runner: Runner, fake: FakeGitHub
) -> None:
    releases.make(workspace, assignments=releases.shared_salt())
    fake.commits.append(SHA)
    number = fake.deployment(SHA, "production")
    run = runner.run({"environment": "production", "post-to": "deployment"}, api_url=fake.url)
    assert run.code == 1
    assert (run.outputs["decision"], run.outputs["may-proceed"]) == ("refused", "false")
    assert run.outputs["audit-verdict"] == "CONTAMINATED"
    assert run.outputs["canary-verdict"] == ""
    assert [status["state"] for status in fake.statuses[number]] == ["failure"]


def test_inputs_alone_say_all(workspace: Path, runner: Runner) -> None:
    releases.make(workspace)
    (workspace / "release.yml").unlink()
    run = runner.run(
        {
            "canary-sha": releases.SHA,
            "canary-share": "20%",
            "canary-routing-unit": "user_id",
            "canary-assignments": "canary.csv",
            "canary-metrics": "canary-metrics.yml",
            "canary-thresholds": "canary-thresholds.yml",
            "experiment-id": "banner",
            "experiment-split": "control=50,treatment=50",
            "experiment-unit": "user_id",
            "experiment-assignments": "experiment.csv",
            "experiment-data": "experiment-data.yml",
            "mde": "mde.yml",
            "post-to": "none",
        }
    )
    assert (run.code, run.outputs["decision"]) == (0, "promote"), run.log


def test_a_refusal_names_every_problem_and_still_writes_everything(workspace: Path, runner: Runner) -> None:
    path = releases.make(workspace, release=releases.release_document(canary={"shar": "5%", "thresholds": None}))
    run = runner.run({"post-to": "none"})
    assert run.code == 2
    assert (run.outputs["decision"], run.outputs["may-proceed"]) == ("refused", "false")
    report = read_report(workspace)
    codes = {problem["code"] for problem in report["errors"]}
    assert {"extra_forbidden", "missing_thresholds"} <= codes
    assert "Did you mean `share`?" in run.log
    assert f"::error file={path.name},line=" in run.log
    assert "Refused" in run.summary
    assert all("Traceback" not in line for line in run.log.splitlines() if not line.startswith("::debug::"))


def test_a_damaged_file_ends_in_exit_3(workspace: Path, runner: Runner) -> None:
    releases.make(workspace, release=releases.release_document(canary={"assignments": "canary.parquet"}))
    (workspace / "canary.parquet").write_bytes(b"PAR1" + b"\0" * 100)
    run = runner.run({"post-to": "none"})
    assert (run.code, run.outputs["decision"], run.outputs["may-proceed"]) == (3, "error", "false")
    assert "cut off" in run.log


@pytest.mark.parametrize("permission", ["pull-requests", "everything"])
def test_posting_never_decides_the_gate(workspace: Path, runner: Runner, fake: FakeGitHub, permission: str) -> None:
    releases.make(workspace, release=releases.release_document(limits={"posting": "3s"}))
    fake.commits.append(SHA)
    fake.pull(12, SHA)
    if permission == "everything":
        fake.faults = [Fault(status=500) for _ in range(30)]
    else:
        fake.permissions[permission] = "read"
    run = runner.run({"post-to": "pull-request"}, event_name="pull_request", event=PULL_REQUEST, api_url=fake.url)
    assert (run.code, run.outputs["decision"]) == (0, "promote"), run.log
    assert fake.bodies("issues/12") == []
    assert "::warning" in run.log
    if permission != "everything":
        assert "pull-requests: write" in run.log


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_cancel_while_posting_leaves_at_once_and_promotes_nothing(
    workspace: Path, runner: Runner, fake: FakeGitHub, number: signal.Signals, code: int
) -> None:
    releases.make(workspace)
    fake.commits.append(SHA)
    fake.pull(12, SHA)
    fake.faults = [Fault(status=200, delay=5.0)]
    process = runner.start(event_name="pull_request", event=PULL_REQUEST, api_url=fake.url)
    deadline = time.monotonic() + 30
    while not fake.calls and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    run = runner.finish(process)
    assert run.code == code, run.log
    assert (run.outputs["decision"], run.outputs["may-proceed"]) == ("error", "false")
    assert read_report(workspace)["decision"] == "error"


def test_no_id_of_a_unit_is_in_any_output_but_the_exclusion_list(workspace: Path, runner: Runner) -> None:
    releases.make(workspace, release=releases.release_document(report={"exclusions": True}))
    run = runner.run({"post-to": "none"})
    assert run.code == 0
    everything = run.log + run.summary + str(run.outputs)
    everything += "".join((workspace / run.outputs[name]).read_text(encoding="utf-8") for name in FILES)
    assert "user-0" not in everything
    exclusions = workspace / run.outputs["exclusions"]
    assert exclusions.stat().st_mode & 0o777 == 0o600
    assert len(exclusions.read_text(encoding="utf-8").splitlines()) == 800
