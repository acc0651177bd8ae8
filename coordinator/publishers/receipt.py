"""What a publisher is given and what it gives back: a receipt, never an exception."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.config import Config
from coordinator.github.client import Client
from coordinator.github.event import Target, is_untrusted
from coordinator.github.failure import GitHubError
from coordinator.inputs import GitHubContext
from coordinator.model import Report

HELP = "docs/permissions.md"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one post.

    Attributes:
        publisher: ``pull-request``, ``commit``, ``deployment``; or ``none`` where nothing was to be posted.
        ok: False where the post was wanted and is not there.
        url: the web page of the post, where it has one.
        message: one sentence for the log.
        permission: what the token lacks, such as ``pull-requests: write``.
    """

    publisher: str
    ok: bool
    url: str | None
    message: str
    permission: str | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """What every publisher needs.

    Attributes:
        report: what was found.
        body: the report as Markdown, without the marker.
        context: the run.
        config: how and where to post.
        client: GitHub, with the deadline of all publishers.
        target: what the event tells.
        explicit: whether ``post-to`` names the publisher, rather than ``auto``.
    """

    report: Report
    body: str
    context: GitHubContext
    config: Config
    client: Client
    target: Target
    explicit: bool


def failed(publisher: str, error: GitHubError, permission: str, context: GitHubContext) -> Receipt:
    """The receipt of a post that failed.

    Args:
        publisher: its name.
        error: what GitHub answered.
        permission: what the call needs.
        context: tells a fork's or Dependabot's run, whose token can only read.
    """
    if error.status == 401:
        return Receipt(publisher, False, None, f"{error.message}. The `github-token` is not valid here.")
    if not error.refused:
        return Receipt(publisher, False, None, f"{error.message}.")
    if is_untrusted(context):
        hint = (
            f"A run of a fork or of Dependabot gets a token that can only read: post from a second workflow ({HELP})."
        )
    elif error.status == 404:
        hint = f"It does not exist, or the job lacks the permission `{permission}` ({HELP})."
    else:
        hint = f"Give the job the permission `{permission}` ({HELP})."
    return Receipt(publisher, False, None, f"{error.message}. {hint}", permission)
