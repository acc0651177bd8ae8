"""The sticky comment on a pull request."""

from __future__ import annotations

from coordinator.github.failure import GitHubError
from coordinator.github.lookup import find_pull_request
from coordinator.publishers.receipt import Posting, Receipt, failed
from coordinator.publishers.sticky import Page, publish_comment

NAME = "pull-request"
PERMISSION = "pull-requests: write"


def publish(posting: Posting) -> Receipt | None:
    """Comment on the release's pull request.

    Args:
        posting: the report, and how to post.

    Returns:
        The receipt; None where there is no pull request and ``post-to`` does not ask for one.
    """
    if posting.config.comment == "never":
        return Receipt(NAME, True, None, "No comment: `comment: never`.")
    client = posting.client
    try:
        number = find_pull_request(client, posting.target)
    except GitHubError as error:
        return failed(NAME, error, PERMISSION, posting.context)
    if number is None:
        if not posting.explicit:
            return None
        text = f"No pull request belongs to {posting.target.sha[:12] or 'this run'}: give the input `pull-request`."
        return Receipt(NAME, False, None, text)
    page = Page(
        NAME,
        f"pull request #{number}",
        client.path("issues", number, "comments"),
        client.path("issues", "comments"),
        PERMISSION,
    )
    return publish_comment(posting, page)
