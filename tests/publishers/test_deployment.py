"""The status of the deployment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import contaminated_report, inconclusive_report, promote_report, rollback_report
from tests.github.fake import FakeGitHub
from tests.github.wire import Fault
from tests.publishers.runs import SHA, TIP, on_pull_request, post, run_of


@pytest.mark.parametrize(
    ("report", "state"),
    [
        (promote_report(), "success"),
        (inconclusive_report(), "in_progress"),
        (rollback_report(), "failure"),
        (contaminated_report(), "failure"),
    ],
    ids=["may proceed", "open but on hold", "rollback", "contaminated"],
)
def test_the_deployment_of_the_event_gets_the_state_of_the_gate(fake: FakeGitHub, report: Any, state: str) -> None:
    number = fake.deployment(SHA, "production")
    event = {"deployment": {"id": number, "sha": SHA, "environment": "production"}}
    context = run_of(fake, "deployment", event)
    receipts = post(context, report=report)
    (status,) = fake.statuses[number]
    assert status["state"] == state
    assert len(status["description"]) <= 140
    assert status["target_url"] == context.run_url
    assert [receipt.publisher for receipt in receipts] == ["commit", "deployment"]
    assert all(receipt.ok for receipt in receipts)


def test_an_environment_means_its_newest_deployment_of_the_commit(fake: FakeGitHub) -> None:
    wanted = fake.deployment(SHA, "production", "2026-05-05T12:00:00Z")
    fake.deployment(SHA, "production", "2026-05-04T12:00:00Z")
    fake.deployment(TIP, "production")
    fake.deployment(SHA, "staging")
    post(on_pull_request(fake), environment="production")
    assert [number for number, statuses in fake.statuses.items() if statuses] == [wanted]


def test_without_a_deployment_none_is_made(fake: FakeGitHub) -> None:
    receipts = post(on_pull_request(fake), environment="production")
    assert fake.deployments == []
    assert receipts[1].ok
    (receipt,) = post(on_pull_request(fake), environment="production", post_to=("deployment",))
    assert (receipt.ok, receipt.message) == (False, "No deployment of cccccccccccc to production: no status set.")


def test_the_input_deployment_id_needs_no_look_up(fake: FakeGitHub) -> None:
    number = fake.deployment(SHA, "production")
    post(on_pull_request(fake), deployment_id=number, post_to=("deployment",))
    assert len(fake.statuses[number]) == 1
    assert all("statuses" in call.path for call in fake.calls)


def test_the_same_status_is_not_set_twice(fake: FakeGitHub) -> None:
    number = fake.deployment(SHA, "production")
    for _ in range(2):
        post(on_pull_request(fake), deployment_id=number)
    assert len(fake.statuses[number]) == 1


def test_the_status_of_a_newer_run_is_left(fake: FakeGitHub) -> None:
    number = fake.deployment(SHA, "production")
    post(on_pull_request(fake, run=21), report=rollback_report(), deployment_id=number, post_to=("deployment",))
    (receipt,) = post(on_pull_request(fake, run=20), deployment_id=number, post_to=("deployment",))
    assert [status["state"] for status in fake.statuses[number]] == ["failure"]
    assert "a newer run (21)" in receipt.message


def test_a_status_that_was_set_before_the_answer_failed_is_adopted(fake: FakeGitHub) -> None:
    number = fake.deployment(SHA, "production")
    fake.faults = [Fault(502, "POST", effect=True)]
    (receipt,) = post(on_pull_request(fake), deployment_id=number, post_to=("deployment",))
    assert receipt.ok
    assert len(fake.statuses[number]) == 1
