"""The status on a deployment: closes it when the gate is closed. A deployment is never created."""

from __future__ import annotations

import re
from itertools import islice

from coordinator.github.client import Client, Json
from coordinator.github.failure import GitHubError
from coordinator.github.lookup import find_deployment
from coordinator.model import Report
from coordinator.publishers.receipt import Posting, Receipt, failed
from coordinator.report.escape import cut, plain
from coordinator.report.headline import sentence

NAME = "deployment"
PERMISSION = "deployments: write"
DESCRIPTION_CHARACTERS = 140  # GitHub's limit, which its schema does not show


def publish(posting: Posting) -> Receipt | None:
    """Set the status of the release's deployment.

    Args:
        posting: the report, and how to post.

    Returns:
        The receipt; None where no deployment is told of and ``post-to`` does not ask for one.
    """
    target = posting.target
    if target.deployment_id is None and not target.environment:
        if not posting.explicit:
            return None
        text = "This run tells no deployment: give the input `environment` or `deployment-id`."
        return Receipt(NAME, False, None, text)
    try:
        number = find_deployment(posting.client, target)
        if number is None:
            text = (
                f"No deployment of {target.sha[:12] or 'this run'} to {plain(target.environment or '')}: no status set."
            )
            return Receipt(NAME, not posting.explicit, None, text)
        return _set(posting, number)
    except GitHubError as error:
        return failed(NAME, error, PERMISSION, posting.context)


def state_of(report: Report) -> str:
    """The deployment's state that a report stands for.

    Args:
        report: what was found.

    Returns:
        ``failure`` where the gate is closed; ``success`` where the release may proceed; else ``in_progress``.
    """
    if report.exit_code != 0:
        return "failure"
    return "success" if report.may_proceed else "in_progress"


def _set(posting: Posting, number: int) -> Receipt:
    client, run_url = posting.client, posting.context.run_url
    listing = client.path("deployments", number, "statuses")
    state = state_of(posting.report)
    status: Json = {
        "state": state,
        "description": cut(plain(sentence(posting.report)), DESCRIPTION_CHARACTERS),
        "target_url": run_url,
        "log_url": run_url,
        "auto_inactive": False,  # the gate speaks of this deployment only
    }
    known = _newest(client, listing)
    newer = max((run for item in known if (run := _run(item, run_url)) is not None), default=0)
    if newer > posting.context.run_id:
        text = f"Left the status of deployment {number}: a newer run ({newer}) has set it."
        return Receipt(NAME, True, None, text)
    if known and _same(known[0], status):
        return Receipt(NAME, True, None, f"Deployment {number} has the status `{state}` already.")
    before = {item.get("id") for item in known}

    def adopt() -> Json | None:
        made = [item for item in _newest(client, listing) if item.get("id") not in before and _same(item, status)]
        return made[0] if made else None

    client.post(listing, status, adopt=adopt)
    return Receipt(NAME, True, None, f"Set the status of deployment {number} to `{state}`.")


def _newest(client: Client, listing: str) -> list[Json]:
    """The newest statuses first, at most 100."""
    found = islice(client.pages(listing), 100)
    return sorted((item for item in found if isinstance(item.get("id"), int)), key=lambda item: -item["id"])


def _same(item: Json, status: Json) -> bool:
    if (item.get("state"), item.get("description")) != (status["state"], status["description"]):
        return False
    return status["target_url"] in {item.get("target_url"), item.get("log_url")}


def _run(item: Json, run_url: str) -> int | None:
    """The run of this repository that a status links to; a status of something else has none."""
    url = item.get("log_url") or item.get("target_url") or ""
    match = re.fullmatch(rf"{re.escape(run_url.rpartition('/')[0])}/([0-9]{{1,20}})", str(url))
    return int(match[1]) if match else None
