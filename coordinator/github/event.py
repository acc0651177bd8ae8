"""What a run's event tells of the release: which commit, pull request, deployment and environment to report to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from coordinator.config import Config
from coordinator.inputs import GitHubContext

_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_UNTOLD = frozenset({"workflow_dispatch", "repository_dispatch", "schedule"})


@dataclass(frozen=True, slots=True)
class Target:
    """Where a report belongs.

    Attributes:
        sha: the commit that was released; "" where nothing tells.
        pull_request: its number, where the event or the input tells it.
        deployment_id: of the event's deployment, or of the input.
        environment: name of the deployment environment.
        head: ``owner:branch`` of a run whose event lists no pull request, as it is for forks.
        own_commit: whether a pull request may be looked up by the commit. False where the commit is only what a
            schedule or a merge queue happened to start on.
    """

    sha: str
    pull_request: int | None = None
    deployment_id: int | None = None
    environment: str | None = None
    head: str | None = None
    own_commit: bool = True


def find_target(context: GitHubContext, config: Config) -> Target:
    """Where the report of this run belongs, from the event alone: no call is made.

    Args:
        context: the run and its event.
        config: ``environment``, ``deployment_id`` and ``pull_request`` win over the event; ``canary.sha`` names the
            commit where the event names none (dispatch and schedule).

    Returns:
        The target; what nobody tells stays None.
    """
    target = _by_event(context)
    if context.event_name in _UNTOLD:
        named = (config.canary.sha or "").lower()
        if _COMMIT.fullmatch(named):
            target = replace(target, sha=_longer(named, target.sha), own_commit=True)
    if config.environment and config.environment != target.environment:
        target = replace(target, environment=config.environment, deployment_id=None)
    if config.deployment_id is not None:
        target = replace(target, deployment_id=config.deployment_id)
    if config.pull_request is not None:
        target = replace(target, pull_request=config.pull_request)
    return target


def is_untrusted(context: GitHubContext) -> bool:
    """Whether the run is of a fork or of Dependabot, whose token can only read.

    Args:
        context: the run and its event.

    Returns:
        True only for events that GitHub restricts; ``pull_request_target`` and ``workflow_run`` are not.
    """
    if context.event_name not in {"pull_request", "pull_request_review", "pull_request_review_comment", "push"}:
        return False
    if _text(_part(context.event, "sender"), "login") == "dependabot[bot]":
        return True
    request = _part(context.event, "pull_request")
    if not request:
        return False
    head = _text(_part(request, "head", "repo"), "full_name")
    return head != context.repository or _text(_part(request, "user"), "login") == "dependabot[bot]"


def _by_event(context: GitHubContext) -> Target:
    event = context.event
    match context.event_name:
        case "workflow_run":
            return _workflow_run(context)
        case "deployment" | "deployment_status":
            deployment = _part(event, "deployment")
            return Target(
                _text(deployment, "sha") or context.sha,
                deployment_id=_number(deployment, "id"),
                environment=_text(deployment, "environment") or None,
            )
        case "merge_group":
            return Target(_text(_part(event, "merge_group"), "head_sha") or context.sha, own_commit=False)
        case "schedule":
            return Target(context.sha, own_commit=False)
        case "issue_comment" | "issues":
            issue = _part(event, "issue")
            number = _number(issue, "number") if _part(issue, "pull_request") else None
            return Target(context.sha, pull_request=number, own_commit=False)
        case _:
            request = _part(event, "pull_request")
            sha = _text(_part(request, "head"), "sha") or context.sha
            return Target(sha, pull_request=_number(request, "number"))


def _workflow_run(context: GitHubContext) -> Target:
    """The run that started this one: the event's own commit is the last one of the default branch."""
    run = _part(context.event, "workflow_run")
    sha = _text(run, "head_sha")
    here = _number(_part(context.event, "repository"), "id")
    listed = run.get("pull_requests")
    numbers = [
        number
        for request in (listed if isinstance(listed, (list, tuple)) else ())
        if isinstance(request, Mapping)
        and (number := _number(request, "number")) is not None
        and _text(_part(request, "head"), "sha") in {sha, ""}
        and _number(_part(request, "base", "repo"), "id") in {here, None}
    ]
    owner = _text(_part(run, "head_repository", "owner"), "login")
    branch = _text(run, "head_branch")
    return Target(
        sha or context.sha,
        pull_request=numbers[0] if numbers else None,
        head=f"{owner}:{branch}" if owner and branch else None,
        own_commit=bool(sha) and _text(run, "event") not in {"schedule", "merge_group"},
    )


def _longer(named: str, known: str) -> str:
    return known if known.startswith(named) else named


def _part(value: object, *keys: str) -> Mapping[str, object]:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _text(value: Mapping[str, object], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""


def _number(value: Mapping[str, object], key: str) -> int | None:
    found = value.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
