"""``INPUT_*``, ``GITHUB_*`` and ``RUNNER_*`` as ``Inputs``: the only reader of the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

INPUTS: dict[str, str] = {
    "config": "Path of the release config, default release.yml; may be absent when the inputs say all.",
    "mode": "What to do: gate (default), or publish (posts another run's report); plan is refused in this version.",
    "canary-sha": "Build of the canary; short and full SHAs compare by prefix.",
    "canary-share": "Traffic share of the canary: 5%, 5 (per cent) or 0.05; a bare 1 is refused as ambiguous.",
    "canary-routing-unit": "What the router splits traffic by, such as user_id.",
    "experiment-id": "Id of the experiment; several experiments stand in the config's list.",
    "experiment-split": "Shares of the arms, control first: control=50,treatment=50 (per cent or fractions).",
    "experiment-unit": "What the experiment splits by; it must be the canary's routing unit.",
    "audit-rule": "How the audit judges a deviation: evidence (default) or threshold.",
    "canary-assignments": "Who got which build: path or glob of the canary's assignment log.",
    "experiment-assignments": "Who got which variant: path or glob of the experiment's assignment log.",
    "assignments": "One export that holds both the cohort and the variant, instead of two logs.",
    "canary-metrics": "The canary's metrics: path of a document or of interval rows.",
    "canary-thresholds": "Path of canary-thresholds.yml, the limits of the canary's metrics.",
    "experiment-data": "Path of experiment-data.yml, or of a table with one row a unit and one column a metric.",
    "mde": "Path of mde.yml, the smallest effects that are worth shipping.",
    "platform-config": "Paths, one a line, of the experiment platform's or router's own config files.",
    "environment": "The deployment environment to report to, when the event does not tell.",
    "deployment-id": "The deployment to report to, when the event does not tell.",
    "pull-request": "Number of the pull request to report to, when the event does not tell.",
    "post-to": "Where to post: auto (default), pull-request, deployment, commit, none; several with commas.",
    "comment": "When to comment: always, on-change (default), on-problem, never.",
    "step": "What the next job is about to do: canary or experiment; the job fails unless that may proceed.",
    "canary-promoted-at": "With step experiment: when the canary went to 100 %, as an ISO 8601 time.",
    "canary-report": "With step experiment: path of the report.json that promoted the canary.",
    "report": "With mode publish: path of the other run's report.json, default release-gate/report.json.",
    "fail-on": "What else closes the gate, with commas: inconclusive, pause, hold, mixed, dont-ship.",
    "github-token": "Token for posting the report; it needs no more than the permissions in the README.",
    "dry-run": "Do everything but posting: true or false (default).",
    "memory-limit": "Memory that the engine may use, such as 4GB; default: what the machine or container has.",
    "threads": "Threads that the engine may use; default: what the machine or container has.",
    "cache-dir": "Folder for what does not fit into memory; default: the runner's temporary folder.",
}
"""Every input of the action, name -> description: ``action.yml`` and the command line's flags say the same."""

_NOT_CONFIG = frozenset({"config", "github-token"})


@dataclass(frozen=True, slots=True)
class GitHubContext:
    """What the runner says of this run. ``token`` is "" where there is none."""

    repository: str = ""
    event_name: str = ""
    event: Mapping[str, object] = field(default_factory=dict)
    sha: str = ""
    ref: str = ""
    run_id: int = 0
    run_attempt: int = 1
    workflow: str = ""
    job: str = ""
    api_url: str = "https://api.github.com"
    server_url: str = "https://github.com"
    token: str = field(default="", repr=False)

    @property
    def run_url(self) -> str:
        """The web page of this run."""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The action's inputs that were given (name with dashes -> text), the run, and where to write.

    ``config`` is the ``config`` input, "" where it was not given. ``output_file`` and ``summary_file`` are None
    outside GitHub.
    """

    given: Mapping[str, str]
    github: GitHubContext | None
    workspace: Path
    output_file: Path | None = None
    summary_file: Path | None = None
    temp_dir: Path | None = None
    debug: bool = False
    config: str = ""

    @property
    def config_path(self) -> Path | None:
        """The release config that was asked for; None leaves the choice to ``load_config``."""
        return Path(self.config) if self.config else None


def read_inputs(environ: Mapping[str, str] | None = None) -> Inputs:
    """What the runner hands to the action. Never raises: a damaged value counts as not given.

    A hyphen in an input's name stays a hyphen (``INPUT_CANARY-SHARE``), as in the runner. An input that is empty
    was not given. The token and the config's path are no settings of the release, so ``given`` lacks both.

    Args:
        environ: the environment; the process's own without it.
    """
    env = os.environ if environ is None else environ
    values = {name: env.get(f"INPUT_{name.upper()}", "").strip() for name in INPUTS}
    on_github = env.get("GITHUB_ACTIONS") == "true"
    workspace = env.get("GITHUB_WORKSPACE", "")
    return Inputs(
        given={name: value for name, value in values.items() if value and name not in _NOT_CONFIG},
        github=_github(env, values["github-token"]) if on_github else None,
        workspace=Path(workspace) if workspace else Path.cwd(),
        output_file=_path(env, "GITHUB_OUTPUT"),
        summary_file=_path(env, "GITHUB_STEP_SUMMARY"),
        temp_dir=_path(env, "RUNNER_TEMP"),
        debug=env.get("RUNNER_DEBUG") == "1",
        config=values["config"],
    )


def _github(env: Mapping[str, str], token: str) -> GitHubContext:
    plain = GitHubContext()
    return GitHubContext(
        repository=env.get("GITHUB_REPOSITORY", ""),
        event_name=env.get("GITHUB_EVENT_NAME", ""),
        event=_event(_path(env, "GITHUB_EVENT_PATH")),
        sha=env.get("GITHUB_SHA", ""),
        ref=env.get("GITHUB_REF", ""),
        run_id=_number(env, "GITHUB_RUN_ID", plain.run_id),
        run_attempt=_number(env, "GITHUB_RUN_ATTEMPT", plain.run_attempt),
        workflow=env.get("GITHUB_WORKFLOW", ""),
        job=env.get("GITHUB_JOB", ""),
        api_url=env.get("GITHUB_API_URL") or plain.api_url,
        server_url=env.get("GITHUB_SERVER_URL") or plain.server_url,
        token=token,
    )


def _event(path: Path | None) -> Mapping[str, object]:
    """The event's payload; empty where it is missing, damaged or no object: posting then has fewer targets."""
    if path is None:
        return {}
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}


def _path(env: Mapping[str, str], name: str) -> Path | None:
    value = env.get(name, "")
    return Path(value) if value else None


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name, "")
    return int(value) if value.isascii() and value.isdigit() else default
