"""The event table: which commit, pull request, deployment and environment each event tells."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.config import CanaryConfig, Config
from coordinator.github.event import Target, find_target, is_untrusted
from coordinator.inputs import GitHubContext

TIP = "a" * 40
HEAD = "c" * 40
REPOSITORY = {"id": 7, "full_name": "octo/shop"}


def context(name: str, event: dict[str, Any] | None = None) -> GitHubContext:
    return GitHubContext(repository="octo/shop", event_name=name, event=event or {}, sha=TIP)


def pull_request(repository: str = "octo/shop", author: str = "dev") -> dict[str, Any]:
    head = {"sha": HEAD, "repo": {"full_name": repository}}
    return {"pull_request": {"number": 12, "head": head, "user": {"login": author}}}


def workflow_run(**fields: Any) -> dict[str, Any]:
    run = {
        "head_sha": HEAD,
        "head_branch": "topic",
        "event": "pull_request",
        "head_repository": {"owner": {"login": "fork"}},
        "pull_requests": [],
    }
    return {"workflow_run": run | fields, "repository": REPOSITORY}


DEPLOYMENT = {"deployment": {"id": 5, "sha": HEAD, "environment": "production"}}

CASES: dict[str, tuple[str, dict[str, Any], Target]] = {
    "push": ("push", {}, Target(TIP)),
    "pull_request": ("pull_request", pull_request(), Target(HEAD, pull_request=12)),
    "pull_request_target": ("pull_request_target", pull_request("fork/shop"), Target(HEAD, pull_request=12)),
    "pull_request_review": ("pull_request_review", pull_request(), Target(HEAD, pull_request=12)),
    "deployment": ("deployment", DEPLOYMENT, Target(HEAD, deployment_id=5, environment="production")),
    "deployment_status": ("deployment_status", DEPLOYMENT, Target(HEAD, deployment_id=5, environment="production")),
    "workflow_dispatch": ("workflow_dispatch", {}, Target(TIP)),
    "repository_dispatch": ("repository_dispatch", {}, Target(TIP)),
    "schedule": ("schedule", {}, Target(TIP, own_commit=False)),
    "release": ("release", {"release": {"tag_name": "v1"}}, Target(TIP)),
    "merge_group": ("merge_group", {"merge_group": {"head_sha": HEAD}}, Target(HEAD, own_commit=False)),
    "comment on a pull request": (
        "issue_comment",
        {"issue": {"number": 12, "pull_request": {"url": "x"}}},
        Target(TIP, pull_request=12, own_commit=False),
    ),
    "comment on an issue": ("issue_comment", {"issue": {"number": 12}}, Target(TIP, own_commit=False)),
    "event without content": ("pull_request", {}, Target(TIP)),
    "event of odd content": ("deployment", {"deployment": {"id": "5", "sha": None}}, Target(TIP)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_target_is_what_the_event_tells(case: str) -> None:
    name, event, target = CASES[case]
    assert find_target(context(name, event), Config()) == target


def test_a_workflow_run_is_of_its_own_commit_and_not_of_the_default_branch() -> None:
    own = {"number": 12, "head": {"sha": HEAD}, "base": {"repo": {"id": 7}}}
    target = find_target(context("workflow_run", workflow_run(pull_requests=[own])), Config())
    assert (target.sha, target.pull_request) == (HEAD, 12)


@pytest.mark.parametrize(
    "listed",
    [
        {"number": 12, "head": {"sha": TIP}, "base": {"repo": {"id": 7}}},
        {"number": 12, "head": {"sha": HEAD}, "base": {"repo": {"id": 8}}},
        "12",
    ],
    ids=["older head", "other repository", "no object"],
)
def test_a_workflow_run_takes_no_pull_request_of_another_commit_or_repository(listed: object) -> None:
    assert find_target(context("workflow_run", workflow_run(pull_requests=[listed])), Config()).pull_request is None


def test_a_workflow_run_of_a_fork_tells_the_branch_to_look_for() -> None:
    assert find_target(context("workflow_run", workflow_run()), Config()).head == "fork:topic"
    assert find_target(context("workflow_run", workflow_run(head_repository=None)), Config()).head is None


def test_the_commit_of_a_run_that_was_scheduled_tells_no_pull_request() -> None:
    assert not find_target(context("workflow_run", workflow_run(event="schedule")), Config()).own_commit


def test_the_inputs_win_over_the_event() -> None:
    config = Config(environment="staging", deployment_id=9, pull_request=34)
    target = find_target(context("deployment", DEPLOYMENT), config)
    assert (target.environment, target.deployment_id, target.pull_request) == ("staging", 9, 34)


def test_another_environment_than_the_events_drops_the_events_deployment() -> None:
    target = find_target(context("deployment", DEPLOYMENT), Config(environment="staging"))
    assert (target.environment, target.deployment_id) == ("staging", None)
    target = find_target(context("deployment", DEPLOYMENT), Config(environment="production"))
    assert target.deployment_id == 5


@pytest.mark.parametrize("event", ["workflow_dispatch", "schedule"])
@pytest.mark.parametrize(
    ("named", "sha"),
    [(HEAD, HEAD), ("9F3C2AB", "9f3c2ab"), ("aaaaaaa", TIP), ("build-117", TIP), ("12", TIP)],
)
def test_the_release_names_the_commit_where_the_event_does_not(event: str, named: str, sha: str) -> None:
    assert find_target(context(event), Config(canary=CanaryConfig(sha=named))).sha == sha


def test_the_release_does_not_replace_the_commit_of_an_event_that_has_one() -> None:
    config = Config(canary=CanaryConfig(sha="9f3c2ab"))
    assert find_target(context("pull_request", pull_request()), config).sha == HEAD


def test_runs_of_forks_and_of_dependabot_are_known_by_their_event() -> None:
    assert is_untrusted(context("pull_request", pull_request("fork/shop")))
    assert is_untrusted(context("pull_request", pull_request(author="dependabot[bot]")))
    assert is_untrusted(context("push", {"sender": {"login": "dependabot[bot]"}}))
    assert not is_untrusted(context("pull_request", pull_request()))
    assert not is_untrusted(context("pull_request_target", pull_request("fork/shop")))
    assert not is_untrusted(context("push"))
