"""Which pull request or commit gets the comment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coordinator.config import CanaryConfig
from tests.github.fake import FakeGitHub
from tests.github.wire import Fault
from tests.publishers.runs import COMMIT, OTHER, PR, SHA, TIP, post, run_of


def test_a_commit_without_a_pull_request_gets_the_comment(fake: FakeGitHub) -> None:
    (receipt,) = post(run_of(fake, "push"))
    assert (receipt.publisher, receipt.message) == ("commit", "Commented on commit cccccccccccc.")
    post(run_of(fake, "push", run=21), OTHER)
    (body,) = fake.bodies(COMMIT)
    assert "other text" in body


def test_a_token_that_may_not_edit_a_commit_comment_writes_another(fake: FakeGitHub) -> None:
    fake.permissions["contents"] = "read"
    post(run_of(fake, "push"))
    (receipt,) = post(run_of(fake, "push", run=21), OTHER)
    assert len(fake.bodies(COMMIT)) == 2
    assert receipt.ok
    assert "contents: write" in receipt.message


def test_a_push_reports_to_the_pull_request_of_its_commit(fake: FakeGitHub) -> None:
    fake.pull(9, SHA, state="closed", updated_at="2026-05-09T00:00:00Z")
    fake.pull(11, SHA, updated_at="2026-05-01T00:00:00Z")
    fake.pull(12, SHA, updated_at="2026-05-02T00:00:00Z")
    fake.pull(13, SHA, base_repository="fork/shop", updated_at="2026-05-03T00:00:00Z")
    fake.pull(14, TIP, updated_at="2026-05-04T00:00:00Z")
    post(run_of(fake, "push"))
    assert list(fake.comments) == [PR]


def test_a_merge_commit_reports_to_the_pull_request_that_was_merged(fake: FakeGitHub) -> None:
    fake.pull(12, TIP, state="closed", merge_commit_sha=SHA)
    post(run_of(fake, "push"))
    assert list(fake.comments) == [PR]


def test_a_workflow_run_of_a_fork_reports_to_the_pull_request_of_its_branch(fake: FakeGitHub) -> None:
    fake.pull(11, TIP)
    fake.pull(12, SHA)["merge_commit_sha"] = TIP
    fake.faults = [Fault(404, path=f"{SHA}/pulls", message="Not Found")]
    run = {"head_sha": SHA, "head_branch": "topic", "head_repository": {"owner": {"login": "octo"}}}
    post(run_of(fake, "workflow_run", {"workflow_run": run}))
    assert list(fake.comments) == [PR]


def test_a_short_commit_of_the_release_is_made_full(fake: FakeGitHub) -> None:
    fake.commits = [SHA]
    context = replace(run_of(fake, "workflow_dispatch"), sha=TIP)
    post(context, canary=CanaryConfig(sha="ccccccc"))
    assert list(fake.comments) == [COMMIT]
    (receipt,) = post(context, canary=CanaryConfig(sha="ddddddd"))
    assert not receipt.ok
    assert receipt.message.startswith("octo/shop shows no commit ddddddd.")


@pytest.mark.parametrize("event", ["merge_group", "schedule"])
def test_a_commit_that_is_not_the_releases_own_gets_no_comment(fake: FakeGitHub, event: str) -> None:
    (receipt,) = post(run_of(fake, event))
    assert (receipt.publisher, receipt.ok, fake.calls) == ("none", True, [])
