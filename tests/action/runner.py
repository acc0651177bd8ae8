"""A small stand-in for GitHub's runner: the environment as the runner builds it, the command files as it reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
SHA = "9f3c2ab000000000000000000000000000000000"


@dataclass(frozen=True)
class Outcome:
    """What a step left behind."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


class Runner:
    """One step on one workspace. ``folder`` holds the runner's own files, outside the workspace."""

    def __init__(self, workspace: Path, folder: Path) -> None:
        self.workspace = workspace
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def start(
        self,
        inputs: dict[str, str] | None = None,
        *,
        event_name: str = "workflow_dispatch",
        event: dict[str, Any] | None = None,
        api_url: str = "http://127.0.0.1:9",
        token: str = "ghs_test",
    ) -> subprocess.Popen[str]:
        """Start the action's entrypoint, with every declared input present, as on a runner."""
        declared = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
        values = {name: str(entry.get("default", "")) for name, entry in declared.items()}
        values = {name: "" if "${{" in text else text for name, text in values.items()}
        values |= {"github-token": token, **(inputs or {})}
        payload = self.folder / "event.json"
        payload.write_text(json.dumps(event or {}), encoding="utf-8")
        for name in ("output", "summary"):
            (self.folder / name).touch()
        temp = self.folder / "temp"
        temp.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "NO_PROXY": "127.0.0.1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_EVENT_PATH": str(payload),
            "GITHUB_EVENT_NAME": event_name,
            "GITHUB_REPOSITORY": "octo/shop",
            "GITHUB_RUN_ID": "20",
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_SHA": SHA,
            "GITHUB_API_URL": api_url,
            "RUNNER_TEMP": str(temp),
            **{f"INPUT_{name.upper()}": text for name, text in values.items()},
        }
        return subprocess.Popen(
            [sys.executable, str(ROOT / "entrypoint.py")],
            cwd=self.workspace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> Outcome:
        """Wait for the step and read its command files."""
        log, _ = process.communicate(timeout=60)
        summary = (self.folder / "summary").read_text(encoding="utf-8")
        return Outcome(process.returncode, log, outputs((self.folder / "output").read_text(encoding="utf-8")), summary)

    def run(self, inputs: dict[str, str] | None = None, **run: Any) -> Outcome:
        """Start and finish."""
        return self.finish(self.start(inputs, **run))


def outputs(text: str) -> dict[str, str]:
    """The output file by the runner's grammar: ``name=value`` or ``name<<DELIMITER``; the last one counts."""
    values: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, heredoc, delimiter = line.partition("<<")
        if heredoc and "=" not in name:
            content = []
            for part in lines:
                if part == delimiter:
                    break
                content.append(part)
            values[name] = "\n".join(content)
        elif line:
            name, _, value = line.partition("=")
            values[name] = value
    return values
