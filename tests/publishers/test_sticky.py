"""The sticky comment: created, edited in place, left alone, and never twice."""

from __future__ import annotations

import pytest

from coordinator.publishers.marker import read
from tests.builders import rollback_report
from tests.github.fake import BOT, FakeGitHub
from tests.github.wire import Call, Fault
from tests.publishers.runs import BODY, LATER, OTHER, PR, SHA, by_run, on_pull_request, post


def test_the_first_run_comments_on_the_pull_request(fake: FakeGitHub) -> None:
    (receipt,) = post(on_pull_request(fake))
    (body,) = fake.bodies(PR)
    assert body.startswith("## Promote")
    marker = read(body)
    assert marker is not None
    assert (marker.run, marker.sha) == ((20, 1), SHA)
    assert (receipt.publisher, receipt.ok, receipt.url) == ("pull-request", True, fake.comments[PR][0]["html_url"])
    assert receipt.message == "Commented on pull request #12."


def test_the_next_run_edits_the_comment_in_place(fake: FakeGitHub) -> None:
    post(on_pull_request(fake, run=20))
    (receipt,) = post(on_pull_request(fake, run=21), OTHER)
    (body,) = fake.bodies(PR)
    assert "other text" in body
    assert read(body).run == (21, 1)  # type: ignore[union-attr]
    assert receipt.message == "Edited the comment on pull request #12."


def test_a_comment_that_says_the_same_is_not_edited(fake: FakeGitHub) -> None:
    post(on_pull_request(fake))
    (receipt,) = post(on_pull_request(fake, run=21), LATER)
    assert fake.count("PATCH") == 0
    assert receipt.ok
    assert receipt.url
    assert receipt.message.startswith("Nothing changed")


def test_comment_always_edits_for_a_new_time_too(fake: FakeGitHub) -> None:
    post(on_pull_request(fake))
    post(on_pull_request(fake, run=21), LATER, comment="always")
    assert "15:40" in fake.bodies(PR)[0]


def test_comment_on_problem_is_silent_until_there_is_one(fake: FakeGitHub) -> None:
    (receipt,) = post(on_pull_request(fake), comment="on-problem")
    assert (fake.bodies(PR), receipt.ok) == ([], True)
    post(on_pull_request(fake), OTHER, rollback_report(), comment="on-problem")
    assert "other text" in fake.bodies(PR)[0]
    post(on_pull_request(fake), BODY, comment="on-problem")  # the problem is over: the comment must say so
    assert "other text" not in fake.bodies(PR)[0]


def test_comment_never_writes_none_and_asks_nothing(fake: FakeGitHub) -> None:
    (receipt,) = post(on_pull_request(fake), comment="never")
    assert (receipt.ok, fake.calls) == (True, [])


def test_the_marker_is_found_on_the_second_page(fake: FakeGitHub) -> None:
    for number in range(120):
        fake.comment(PR, f"chat {number}", ("dev", "User"))
    fake.comment(PR, by_run(19))
    post(on_pull_request(fake), OTHER)
    assert len(fake.comments[PR]) == 121
    assert "other text" in fake.bodies(PR)[-1]


def test_a_marker_that_somebody_else_wrote_is_not_ours(fake: FakeGitHub) -> None:
    fake.comment(PR, by_run(99), ("mallory", "User"))
    post(on_pull_request(fake))
    assert len(fake.comments[PR]) == 2
    assert fake.bodies(PR)[0] == by_run(99)


def test_a_comment_whose_author_is_gone_is_not_ours(fake: FakeGitHub) -> None:
    fake.comment(PR, by_run(19))["user"] = None
    post(on_pull_request(fake))
    assert len(fake.comments[PR]) == 2


def test_a_marker_above_the_last_line_does_not_count(fake: FakeGitHub) -> None:
    fake.comment(PR, by_run(99) + "\nI quote this.")
    post(on_pull_request(fake))
    assert len(fake.comments[PR]) == 2


def test_a_users_token_finds_the_comments_of_that_user_only(fake: FakeGitHub) -> None:
    fake.token, fake.identity = "ghp_user", ("release-user", "User")
    fake.comment(PR, by_run(19), ("release-user", "User"))
    fake.comment(PR, by_run(19), BOT)
    post(on_pull_request(fake), OTHER)
    assert ["other text" in body for body in fake.bodies(PR)] == [True, False]


def test_a_token_that_has_no_user_is_an_apps(fake: FakeGitHub) -> None:
    fake.token = "v1.old-app-token"
    fake.comment(PR, by_run(19))
    post(on_pull_request(fake), OTHER)
    assert len(fake.comments[PR]) == 1


def test_releases_with_other_experiments_or_environments_have_their_own_comments(fake: FakeGitHub) -> None:
    post(on_pull_request(fake))
    post(on_pull_request(fake), experiments=({"id": "banner"},))
    post(on_pull_request(fake), environment="staging")
    assert len(fake.comments[PR]) == 3


@pytest.mark.parametrize(("run", "attempt"), [(21, 1), (20, 3)], ids=["run", "attempt"])
def test_a_newer_runs_comment_is_left_alone(fake: FakeGitHub, run: int, attempt: int) -> None:
    newer = by_run(run, attempt)
    fake.comment(PR, newer)
    (receipt,) = post(on_pull_request(fake, run=20, attempt=2), OTHER)
    assert fake.bodies(PR) == [newer]
    assert receipt.ok
    assert f"a newer run ({run}, attempt {attempt})" in receipt.message


def test_duplicates_of_ours_are_removed_and_the_newest_stays(fake: FakeGitHub) -> None:
    for run in (17, 19, 18):
        fake.comment(PR, by_run(run))
    fake.comment(PR, "chat", ("dev", "User"))
    kept = fake.comments[PR][1]["id"]
    post(on_pull_request(fake), OTHER)
    assert [item["id"] for item in fake.comments[PR] if read(item["body"])] == [kept]
    assert len(fake.comments[PR]) == 2


def test_duplicates_that_may_not_be_removed_are_no_failure(fake: FakeGitHub) -> None:
    fake.comment(PR, by_run(18))
    fake.comment(PR, by_run(19))
    fake.faults = [Fault(403, "DELETE", message="Resource not accessible by integration")]
    (receipt,) = post(on_pull_request(fake), OTHER)
    assert receipt.ok


@pytest.mark.parametrize(("other", "left"), [(19, 20), (21, 21), (20, 20)], ids=["older", "newer", "same run"])
def test_two_runs_that_comment_at_once_leave_one_comment_of_the_newer(fake: FakeGitHub, other: int, left: int) -> None:
    def race(call: Call) -> None:
        if call.verb == "POST":
            fake.before = lambda _call: None
            fake.comment(PR, by_run(other))

    fake.before = race
    (receipt,) = post(on_pull_request(fake), OTHER)
    (body,) = fake.bodies(PR)
    assert read(body).run == (left, 1)  # type: ignore[union-attr]
    assert receipt.ok


@pytest.mark.parametrize("cut", [False, True], ids=["502", "cut connection"])
def test_a_comment_that_was_made_before_the_answer_failed_is_adopted(fake: FakeGitHub, cut: bool) -> None:
    fake.faults = [Fault(502, "POST", effect=True, cut=cut)]
    (receipt,) = post(on_pull_request(fake))
    assert len(fake.comments[PR]) == 1
    assert fake.count("POST") == 1
    assert receipt.ok


def test_a_body_of_any_length_fits_and_keeps_its_marker(fake: FakeGitHub) -> None:
    (receipt,) = post(on_pull_request(fake), "é" * 70_000)
    (body,) = fake.bodies(PR)
    assert receipt.ok
    assert len(body) <= 65_536
    assert read(body) is not None
