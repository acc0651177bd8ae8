"""The sticky comment on a commit: for a release without a pull request."""

from __future__ import annotations

from coordinator.github.failure import GitHubError
from coordinator.github.lookup import full_sha
from coordinator.publishers.receipt import Posting, Receipt, failed
from coordinator.publishers.sticky import Page, publish_comment

NAME = "commit"
PERMISSION = "contents: write"


def publish(posting: Posting) -> Receipt | None:
    """Comment on the release's commit. Creating needs ``contents: read``, editing needs ``contents: write``.

    Args:
        posting: the report, and how to post.

    Returns:
        The receipt; None where the run tells no commit of the release and ``post-to`` does not ask for one.
    """
    if posting.config.comment == "never":
        return Receipt(NAME, True, None, "No comment: `comment: never`.")
    client, target = posting.client, posting.target
    if not target.sha or not (target.own_commit or posting.explicit):
        if not posting.explicit:
            return None
        return Receipt(NAME, False, None, "This run tells no commit: give the input `canary-sha`.")
    try:
        sha = full_sha(client, target.sha)
    except GitHubError as error:
        return failed(NAME, error, PERMISSION, posting.context)
    listing, single = client.path("commits", sha, "comments"), client.path("comments")
    return publish_comment(posting, Page(NAME, f"commit {sha[:12]}", listing, single, PERMISSION, repost=True))
