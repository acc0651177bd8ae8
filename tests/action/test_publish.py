"""``mode: publish`` as GitHub runs it: a report of a fork's run in, one comment on its pull request out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coordinator.model import Report
from coordinator.report.json import to_dict, write_json
from tests.action.runner import SHA, Outcome, Runner
from tests.action.test_action import runner, workspace
from tests.builders import base_release, contaminated_report, promote_report
from tests.github.conftest import fake
from tests.github.fake import FakeGitHub
from tests.github.wire import Fault

__all__ = ["fake", "runner", "workspace"]

EVENT = {
    "workflow_run": {
        "id": 7,
        "event": "pull_request",
        "head_sha": SHA,
        "head_branch": "topic",
        "head_repository": {"owner": {"login": "stranger"}},
        "html_url": "https://github.com/octo/shop/actions/runs/7",
        "pull_requests": [],
    },
    "repository": {"id": 1},
}
MARKER = "<!-- canary-experiment-coordinator v=1 key=ffffffffffffffff run=999.1 sha= -->"


@pytest.fixture(autouse=True)
def pull_requests(fake: FakeGitHub) -> None:
    fake.commits.append(SHA)
    fake.pull(11, "d" * 40)
    fake.pull(12, SHA)


def put(workspace: Path, report: Report) -> None:
    (workspace / "untrusted").mkdir(exist_ok=True)
    write_json(report, workspace / "untrusted" / "report.json")


def publish(runner: Runner, fake: FakeGitHub, **inputs: str) -> Outcome:
    given = {"mode": "publish", "report": "untrusted/report.json"} | inputs
    return runner.run(given, event_name="workflow_run", event=EVENT, api_url=fake.url)


def test_the_report_is_posted_once_on_the_right_pull_request(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    put(workspace, promote_report())
    for _ in range(2):
        run = publish(runner, fake)
        assert run.code == 0, run.log
    [body] = fake.bodies("issues/12")
    assert "Promote canary to 100% + ship experiment variant." in body
    assert "Another workflow run made this report." in body
    assert "[workflow run](https://github.com/octo/shop/actions/runs/7)" in body
    assert fake.bodies("issues/11") == fake.bodies(f"commits/{SHA}") == []
    assert "Another workflow run made this report." in run.summary
    assert run.outputs["comment-url"].startswith("https://github.com/octo/shop/issues/12")
    assert sorted(path.name for path in workspace.iterdir()) == ["untrusted"]


def test_no_output_can_be_taken_for_a_verdict(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    put(workspace, promote_report())
    run = publish(runner, fake)
    assert run.outputs.pop("comment-url")
    assert run.outputs.pop("may-proceed") == "false"
    assert set(run.outputs.values()) == {""}


def test_the_other_runs_closed_gate_does_not_fail_this_one(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    put(workspace, contaminated_report())
    run = publish(runner, fake)
    assert run.code == 0, run.log
    assert "::error" not in run.log
    assert "Stop: fix the assignment first." in fake.bodies("issues/12")[0]


def test_a_deployment_is_left_alone(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    put(workspace, promote_report())
    number = fake.deployment(SHA, "production")
    run = publish(runner, fake, **{"environment": "production", "post-to": "auto,deployment"})
    assert run.code == 0, run.log
    assert fake.statuses[number] == []
    assert "No deployment status was set" in run.log
    assert len(fake.bodies("issues/12")) == 1


def test_a_post_that_fails_is_a_warning(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    put(workspace, promote_report())
    fake.faults = [Fault(status=500) for _ in range(30)]
    (workspace / "own.yml").write_text("limits: { posting: 3s }\n", encoding="utf-8")
    run = publish(runner, fake, config="own.yml")
    assert run.code == 0, run.log
    assert "::warning" in run.log
    assert fake.bodies("issues/12") == []


def test_a_commit_without_a_pull_request_gets_no_comment(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    fake.pulls.clear()
    put(workspace, promote_report())
    run = publish(runner, fake)
    assert run.code == 0, run.log
    assert "No pull request belongs to 9f3c2ab00000" in run.log
    assert not fake.comments


def test_hostile_text_is_posted_harmless(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    text = f"x\n::error::y <script>z</script> @octo/owners\n\n{MARKER}"
    put(workspace, promote_report(action=text, notes=(text,), sequencing=(text,), warnings=(text,)))
    run = publish(runner, fake)
    assert run.code == 0, run.log
    [body] = fake.bodies("issues/12")
    assert body.count("<!--") == 1
    assert "ffffffffffffffff" not in body.rstrip().splitlines()[-1]
    assert "<script" not in body + run.summary
    assert "@octo" not in body + run.summary
    assert not any(line.startswith("::error") for line in run.log.splitlines())


PLAIN = to_dict(promote_report())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{" + b" " * 10_000_001, "larger than 10 MB"),
        (b"<html>", "not JSON"),
        (b'{"schema_version": NaN}', "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[" * 300 + b"]" * 300, "nested deeper"),
        (json.dumps(PLAIN | {"decision": "ship it"}).encode(), "`decision`: found 'ship it'"),
        (json.dumps(PLAIN | {"may_proceed": "yes"}).encode(), "`may_proceed`: found 'yes'"),
        (json.dumps(PLAIN | {"audit": ["::error::x"]}).encode(), "`audit`: found a list"),
        (json.dumps(PLAIN | {"decision": "\n::error::x @octo <b>"}).encode(), "`decision`"),
    ],
    ids=["huge", "html", "nan", "deep", "nested", "word", "type", "shape", "command"],
)
def test_a_hostile_report_is_refused_and_nothing_is_posted(
    content: bytes, said: str, workspace: Path, runner: Runner, fake: FakeGitHub
) -> None:
    (workspace / "untrusted").mkdir()
    (workspace / "untrusted" / "report.json").write_bytes(content)
    refused(publish(runner, fake), said, workspace, fake)


def test_a_report_of_another_build_is_refused(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    put(workspace, promote_report(release=base_release(canary_sha="d" * 40)))
    refused(publish(runner, fake), "the report is of build", workspace, fake)


def test_a_report_that_is_not_there_is_refused(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    (workspace / "untrusted").mkdir()
    refused(publish(runner, fake), "the report to publish is missing", workspace, fake)


def refused(run: Outcome, said: str, workspace: Path, fake: FakeGitHub) -> None:
    assert run.code == 2, run.log
    assert said in run.log
    assert not any(line.startswith("::error::x") for line in run.log.splitlines())
    assert (run.outputs["decision"], run.outputs["may-proceed"]) == ("refused", "false")
    assert not fake.comments
    assert fake.calls == []
    assert sorted(path.name for path in workspace.iterdir()) == ["untrusted"]
    assert all("Traceback" not in line for line in run.log.splitlines() if not line.startswith("::debug::"))


def test_a_release_config_of_the_artifact_is_not_read(workspace: Path, runner: Runner, fake: FakeGitHub) -> None:
    put(workspace, promote_report())
    evil: dict[str, Any] = {"pull_request": 11, "post_to": "pull-request"}
    (workspace / "release.yml").write_text(json.dumps(evil), encoding="utf-8")
    run = publish(runner, fake)
    assert run.code == 0, run.log
    assert list(fake.comments) == ["issues/12"]
