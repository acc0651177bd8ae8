"""Posts a report on GitHub: comment on the pull request or the commit, status of the deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from coordinator.config import Config
from coordinator.github.client import connect
from coordinator.github.event import find_target
from coordinator.inputs import GitHubContext
from coordinator.model import Report
from coordinator.publishers import comment, commit, deployment
from coordinator.publishers.receipt import Posting, Receipt

__all__ = ["PUBLISHERS", "Receipt", "publish"]

Publisher = Callable[[Posting], Receipt | None]

# By the name in `post-to`. `auto` is not here: it is a choice among these.
PUBLISHERS: Mapping[str, Publisher] = {
    comment.NAME: comment.publish,
    commit.NAME: commit.publish,
    deployment.NAME: deployment.publish,
}


def publish(
    report: Report,
    body: str,
    context: GitHubContext,
    config: Config,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> tuple[Receipt, ...]:
    """Post the report where ``post-to`` says.

    Args:
        report: what was found.
        body: the report as Markdown for a comment, below 65,000 characters, without a marker.
        context: the run, its event and its token.
        config: ``post_to``, ``comment``, ``dry_run``, ``limits.posting`` and where to report.
        clock: seconds from any start; one deadline holds for all posts together.
        sleep: waits for that many seconds.

    Returns:
        One receipt a post, in the order of posting; a post that failed has one too, and nothing is raised for it.
    """
    if reason := _silent(context, config):
        return (reason,)
    target = find_target(context, config)
    seconds = config.limits.posting.total_seconds()
    with connect(context, deadline_seconds=seconds, clock=clock, sleep=sleep) as client:
        named = [name for name in dict.fromkeys(config.post_to) if name in PUBLISHERS]
        posting = Posting(report, body, context, config, client, target, explicit=True)
        receipts = _auto(replace(posting, explicit=False)) if "auto" in config.post_to or not named else ()
        done = {receipt.publisher for receipt in receipts}
        receipts += _given(PUBLISHERS[name](posting) for name in named if name not in done)
    if not receipts:
        text = f"Nothing to post to for the event `{context.event_name}`: the job summary has the report."
        return (Receipt("none", True, None, text),)
    return receipts


def _silent(context: GitHubContext, config: Config) -> Receipt | None:
    """The receipt of a run that makes no call at all."""
    if config.dry_run:
        return Receipt("none", True, None, "Nothing was posted: `dry-run`.")
    if "none" in config.post_to:
        return Receipt("none", True, None, "Nothing was posted: `post-to: none`.")
    if not context.token:
        return Receipt("none", False, None, "Nothing was posted: there is no `github-token`.")
    if context.repository.count("/") != 1:
        return Receipt("none", False, None, "Nothing was posted: this run tells no repository.")
    return None


def _auto(posting: Posting) -> tuple[Receipt, ...]:
    """The pull request's comment, else the commit's; and the deployment's status where one is told of.

    Where the event names no pull request and the token may not look for one, the commit gets the comment too.
    """
    first = comment.publish(posting)
    unknown = first is None or (first.permission is not None and posting.target.pull_request is None)
    return _given([first, commit.publish(posting) if unknown else None, deployment.publish(posting)])


def _given(receipts: Iterable[Receipt | None]) -> tuple[Receipt, ...]:
    return tuple(receipt for receipt in receipts if receipt is not None)
