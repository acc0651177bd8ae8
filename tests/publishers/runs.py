"""Runs on the fake GitHub, for the tests of the publishers."""

from __future__ import annotations

from typing import Any

from coordinator.config import Config
from coordinator.github.event import Target
from coordinator.inputs import GitHubContext
from coordinator.publishers import Receipt, publish
from coordinator.publishers.marker import Marker, marker_of, sign
from tests.builders import promote_report
from tests.github.fake import REPOSITORY, FakeGitHub

SHA = "c" * 40
TIP = "a" * 40
PR = "issues/12"
COMMIT = f"commits/{SHA}"
BODY = "## Promote\n\ntext\n\n_Report of 2026-05-05 14:40 UTC_\n"
LATER = BODY.replace("14:40", "15:40")
OTHER = BODY.replace("text", "other text")


def on_pull_request(fake: FakeGitHub, run: int = 20, attempt: int = 1, fork: bool = False) -> GitHubContext:
    head = {"sha": SHA, "repo": {"full_name": "fork/shop" if fork else REPOSITORY}}
    return run_of(fake, "pull_request", {"pull_request": {"number": 12, "head": head}}, run, attempt)


def run_of(
    fake: FakeGitHub, name: str, event: dict[str, Any] | None = None, run: int = 20, attempt: int = 1
) -> GitHubContext:
    return GitHubContext(
        repository=REPOSITORY,
        event_name=name,
        event=event or {},
        sha=SHA,
        run_id=run,
        run_attempt=attempt,
        api_url=fake.url,
        token=fake.token,
    )


def post(context: GitHubContext, body: str = BODY, report: Any = None, **config: Any) -> tuple[Receipt, ...]:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    given = Config(**config)
    return publish(report or promote_report(), body, context, given, clock=lambda: now[0], sleep=sleep)


def by_run(run: int, attempt: int = 1, body: str = BODY, config: Config | None = None) -> str:
    """A comment of another run of the same release."""
    key = marker_of(GitHubContext(), config or Config(), Target("")).key
    return sign(body, Marker(key, (run, attempt), SHA))
