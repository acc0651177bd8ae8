"""Failures are receipts, and `post-to` is a choice of publishers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from coordinator.config import Config
from coordinator.publishers import PUBLISHERS
from tests.github.fake import FakeGitHub
from tests.github.wire import Fault
from tests.publishers.runs import SHA, on_pull_request, post, run_of


@pytest.mark.parametrize(
    ("publisher", "permission"),
    [("pull-request", "pull-requests: write"), ("commit", "contents: write"), ("deployment", "deployments: write")],
)
def test_a_refusal_names_the_permission(fake: FakeGitHub, publisher: str, permission: str) -> None:
    fake.permissions = {}
    (receipt,) = post(on_pull_request(fake), post_to=(publisher,), deployment_id=5)
    assert (receipt.publisher, receipt.ok, receipt.permission) == (publisher, False, permission)
    assert f"Give the job the permission `{permission}`" in receipt.message


def test_a_token_that_can_only_read_is_refused_at_the_first_write(fake: FakeGitHub) -> None:
    fake.permissions = dict.fromkeys(fake.permissions, "read")
    (receipt,) = post(on_pull_request(fake))
    assert receipt.permission == "pull-requests: write"


def test_a_fork_is_told_of_the_second_workflow(fake: FakeGitHub) -> None:
    fake.permissions = {}
    (receipt,) = post(on_pull_request(fake, fork=True))
    assert "post from a second workflow (docs/permissions.md)" in receipt.message


def test_a_locked_conversation_is_no_missing_permission(fake: FakeGitHub) -> None:
    fake.faults = [Fault(403, "POST", message="Unable to create comment because issue is locked.")]
    (receipt,) = post(on_pull_request(fake))
    assert (receipt.ok, receipt.permission) == (False, None)
    assert "issue is locked" in receipt.message


def test_a_bad_token_is_named(fake: FakeGitHub) -> None:
    (receipt,) = post(replace(on_pull_request(fake), token="ghs_old"))
    assert (receipt.ok, receipt.permission) == (False, None)
    assert "`github-token` is not valid" in receipt.message


def test_one_publisher_that_fails_does_not_stop_another(fake: FakeGitHub) -> None:
    del fake.permissions["pull-requests"]
    number = fake.deployment(SHA, "production")
    receipts = post(on_pull_request(fake), deployment_id=number)
    assert [receipt.ok for receipt in receipts] == [False, True]


def test_posting_ends_at_its_deadline(fake: FakeGitHub) -> None:
    fake.faults = [Fault(502)] * 50
    receipts = post(on_pull_request(fake), deployment_id=5, limits={"posting": "5s"})
    assert [receipt.ok for receipt in receipts] == [False, False]
    assert "of 5 s are left to post" in receipts[0].message


def test_an_explicit_list_posts_exactly_there_and_says_why_not(fake: FakeGitHub) -> None:
    receipts = post(run_of(fake, "push"), post_to=("pull-request", "commit", "deployment"))
    assert [(receipt.publisher, receipt.ok) for receipt in receipts] == [
        ("pull-request", False),
        ("commit", True),
        ("deployment", False),
    ]
    assert receipts[0].message == "No pull request belongs to cccccccccccc: give the input `pull-request`."
    assert receipts[2].message == "This run tells no deployment: give the input `environment` or `deployment-id`."


def test_auto_and_a_name_post_what_auto_picks_and_the_named_one(fake: FakeGitHub) -> None:
    receipts = post(on_pull_request(fake), post_to=("auto", "commit", "pull-request"))
    assert [receipt.publisher for receipt in receipts] == ["pull-request", "commit"]


def test_a_push_that_may_not_look_for_a_pull_request_still_gets_a_commit_comment(fake: FakeGitHub) -> None:
    fake.permissions = {"contents": "read"}
    receipts = post(run_of(fake, "push"))
    assert [(receipt.publisher, receipt.ok) for receipt in receipts] == [("pull-request", False), ("commit", True)]
    assert receipts[0].permission == "pull-requests: write"


def test_a_pull_request_that_may_not_be_written_to_gets_no_commit_comment(fake: FakeGitHub) -> None:
    fake.permissions = {"contents": "write"}
    (receipt,) = post(on_pull_request(fake))
    assert receipt.publisher == "pull-request"


def test_every_place_that_can_be_named_has_a_publisher() -> None:
    named = Config.model_fields["post_to"].annotation.__args__[0].__args__  # type: ignore[union-attr]
    assert set(PUBLISHERS) == set(named) - {"auto", "none"}


@pytest.mark.parametrize(
    ("config", "ok", "word"),
    [({"dry_run": True}, True, "dry-run"), ({"post_to": ("none",)}, True, "post-to: none")],
    ids=["dry run", "none"],
)
def test_a_silent_run_makes_no_call(fake: FakeGitHub, config: dict[str, Any], ok: bool, word: str) -> None:
    (receipt,) = post(on_pull_request(fake), **config)
    assert (receipt.ok, fake.calls) == (ok, [])
    assert word in receipt.message


def test_without_a_token_or_a_repository_one_receipt_says_so(fake: FakeGitHub) -> None:
    (receipt,) = post(replace(on_pull_request(fake), token=""))
    assert (receipt.ok, receipt.message) == (False, "Nothing was posted: there is no `github-token`.")
    (receipt,) = post(replace(on_pull_request(fake), repository=""))
    assert (receipt.ok, receipt.message) == (False, "Nothing was posted: this run tells no repository.")
    assert fake.calls == []


def test_an_enterprise_server_gets_the_same_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeGitHub(prefix="/api/v3") as fake:
        number = fake.deployment(SHA, "production")
        receipts = post(on_pull_request(fake), deployment_id=number)
        assert [receipt.ok for receipt in receipts] == [True, True]
        assert fake.violations == []
