"""``INPUT_*``, ``GITHUB_*`` and ``RUNNER_*`` as ``Inputs``: the only reader of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


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

    ``output_file`` and ``summary_file`` are None outside GitHub.
    """

    given: Mapping[str, str]
    github: GitHubContext | None
    workspace: Path
    output_file: Path | None = None
    summary_file: Path | None = None
    temp_dir: Path | None = None
    debug: bool = False
