"""The fake itself: it refuses and notices what GitHub would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.github.client import Client, connect
from coordinator.github.failure import GitHubError
from coordinator.inputs import GitHubContext
from tests.github import contract
from tests.github.fake import REPOSITORY, FakeGitHub
from tests.github.trim_openapi import USED, trim

SHA = "c" * 40


@pytest.fixture
def client(fake: FakeGitHub) -> Iterator[Client]:
    context = GitHubContext(repository=REPOSITORY, api_url=fake.url, token=fake.token)
    with connect(context, deadline_seconds=60, clock=lambda: 0.0, sleep=lambda _seconds: None) as client:
        yield client


def test_a_status_that_github_does_not_know_breaks_its_description(fake: FakeGitHub, client: Client) -> None:
    path = client.path("deployments", fake.deployment(SHA, "production"), "statuses")
    with pytest.raises(GitHubError, match="GitHub answered 422"):
        client.post(path, {"state": "great"}, adopt=lambda: None)
    assert len(fake.violations) == 1
    fake.violations.clear()


def test_an_answer_that_github_would_not_give_breaks_its_description(fake: FakeGitHub, client: Client) -> None:
    fake.comment("issues/12", "hello")["id"] = "one"
    list(client.pages(client.path("issues", 12, "comments")))
    assert "'one' is not of type 'integer'" in fake.violations.pop()


def test_a_path_outside_the_description_is_noticed(fake: FakeGitHub, client: Client) -> None:
    with pytest.raises(GitHubError, match="422"):
        client.get(client.path("hooks"))
    assert "Path not found" in fake.violations.pop()


@pytest.mark.parametrize(
    ("place", "body", "words"),
    [
        ("statuses", {"state": "success", "description": "x" * 141}, "maximum is 140"),
        ("comments", {"body": "x" * 65_537}, "maximum is 65536"),
    ],
)
def test_limits_that_the_description_lacks_are_the_fakes(
    fake: FakeGitHub, client: Client, place: str, body: dict[str, Any], words: str
) -> None:
    number = fake.deployment(SHA, "production")
    path = client.path("deployments", number, place) if place == "statuses" else client.path("issues", 12, place)
    with pytest.raises(GitHubError, match=words):
        client.post(path, body, adopt=lambda: None)


def test_the_description_has_the_used_paths_and_no_more() -> None:
    text = Path(contract.__file__).with_name("openapi.json").read_text(encoding="utf-8")
    spec = json.loads(text)
    assert {path: tuple(item) for path, item in spec["paths"].items()} == USED
    assert trim(spec) == spec
    assert len(text) < 600_000
