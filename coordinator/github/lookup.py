"""Finds the full commit, the pull request and the deployment that the event does not tell."""

from __future__ import annotations

from collections.abc import Iterable

from coordinator.github.client import Client, Json
from coordinator.github.event import Target
from coordinator.github.failure import GitHubError

_FULL = 40


def full_sha(client: Client, sha: str) -> str:
    """The full SHA of a commit that may be given short.

    Args:
        client: of the repository.
        sha: 7 to 40 hexadecimal digits.

    Raises:
        GitHubError: the repository has no such commit, or could not be asked.
    """
    if len(sha) == _FULL:
        return sha
    try:
        found = client.get(client.path("commits", sha))
    except GitHubError as error:
        if error.status in {404, 422}:
            raise GitHubError(f"{client.repository} shows no commit {sha}") from error
        raise
    return str(found["sha"]) if isinstance(found, dict) and found.get("sha") else sha


def find_pull_request(client: Client, target: Target) -> int | None:
    """The pull request to report to: the event's own, else the one of the commit.

    A commit can belong to several: only those of this repository count whose head or merge commit it is, open ones
    before closed ones, then the one that was updated last.

    Args:
        client: of the repository.
        target: from the event.

    Returns:
        Its number; None without one.

    Raises:
        GitHubError: GitHub could not be asked.
    """
    if target.pull_request is not None or not target.own_commit or not target.sha:
        return target.pull_request
    sha = full_sha(client, target.sha)
    try:
        found = _choose(client, sha, client.pages(client.path("commits", sha, "pulls")))
    except GitHubError as error:
        if error.status not in {404, 409, 422}:  # the commit is not here: it is in a fork, or there is none
            raise
        found = None
    if found is None and target.head:
        query = {"head": target.head, "state": "open"}
        found = _choose(client, sha, client.pages(client.path("pulls"), query))
    return found


def _choose(client: Client, sha: str, requests: Iterable[Json]) -> int | None:
    fitting = [
        item
        for item in requests
        if isinstance(item.get("number"), int)
        and _repository(item).lower() == client.repository.lower()
        and sha in {(item.get("head") or {}).get("sha"), item.get("merge_commit_sha")}
    ]
    best = max(
        fitting,
        key=lambda item: (item.get("state") == "open", item.get("updated_at") or "", -item["number"]),
        default=None,
    )
    return None if best is None else int(best["number"])


def _repository(request: Json) -> str:
    return str(((request.get("base") or {}).get("repo") or {}).get("full_name", ""))


def find_deployment(client: Client, target: Target) -> int | None:
    """The deployment to report to: the event's or the input's, else the newest of the commit in the environment.

    Args:
        client: of the repository.
        target: from the event; without an environment nothing is looked up.

    Returns:
        Its id; None without one. A deployment is never made.

    Raises:
        GitHubError: GitHub could not be asked.
    """
    if target.deployment_id is not None or not target.environment or not target.sha:
        return target.deployment_id
    query = {"sha": full_sha(client, target.sha), "environment": target.environment}
    found = [item for item in client.pages(client.path("deployments"), query) if isinstance(item.get("id"), int)]
    newest = max(found, key=lambda item: (item.get("created_at") or "", item["id"]), default=None)
    return None if newest is None else int(newest["id"])
