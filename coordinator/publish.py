"""``mode: publish``: takes another run's ``report.json`` and posts it, as the token of a fork's run may not.

The report is anyone's. It is read by its types, must be of the event's commit, and is rendered anew. It is posted as
a comment only: it sets no deployment's status and no output that a job could take for a verdict.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from coordinator.config import Config
from coordinator.errors import InputError
from coordinator.github.event import find_target
from coordinator.inputs import GitHubContext
from coordinator.model import Report
from coordinator.report.escape import url
from coordinator.report.markdown import COMMENT_BYTES, render
from coordinator.report.read import read_report
from coordinator.sources.paths import find_files, shown
from coordinator.values import short

NOTE = "Another workflow run made this report. Its form was checked here, its figures were not."
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


def received(config: Config, workspace: Path, context: GitHubContext) -> Report:
    """The report of another run, checked and fit to be posted.

    Args:
        config: ``publish_report`` names the file.
        workspace: where it is; nothing outside is read.
        context: the run, whose event tells the commit.

    Raises:
        InputError: there is no such file, it is no report, it is of another build, or it cannot be shown.
    """
    files = find_files([config.publish_report], workspace, what="the report to publish")
    if len(files) != 1:
        text = f"the pattern for the report to publish matches {len(files)} files, expected one"
        raise InputError.of("several_documents", text, file=config.publish_report)
    name = shown(files[0], workspace)
    report = read_report(files[0], name)
    _same_build(report, find_target(context, config).sha, name)
    report = replace(report, warnings=(NOTE, *report.warnings))
    fix = "Give the report.json that the gate wrote."
    try:
        size = len(render(report).encode())
    except Exception as fault:
        text = f"the report cannot be shown ({type(fault).__name__})"
        raise InputError.of("bad_report", text, file=name, fix=fix) from fault
    if size > COMMENT_BYTES:
        raise InputError.of("bad_report", "the report does not fit into a comment", file=name, fix=fix)
    return report


def comments_only(config: Config) -> Config:
    """The config with the places that another run's report may be posted to: pull request and commit.

    Args:
        config: ``auto`` stands for the pull request here; a deployment's status is a verdict, and left out.
    """
    named = dict.fromkeys("pull-request" if place == "auto" else place for place in config.post_to)
    places = tuple(place for place in named if place != "deployment")
    return config.model_copy(update={"post_to": places or ("none",)})


def made_by(context: GitHubContext) -> str:
    """The web page of the run that made the report; this run's own where the event names none.

    Args:
        context: the run and its event.
    """
    run = context.event.get("workflow_run")
    address = run.get("html_url") if isinstance(run, dict) else None
    return (url(address) if isinstance(address, str) else None) or context.run_url


def _same_build(report: Report, sha: str, name: str) -> None:
    """Refuse a report that names another build than the event's commit; one that names none passes."""
    named = (report.release.canary_sha or "").lower() if report.release else ""
    if not named or not sha:
        return
    short_first, long_last = sorted((named, sha.lower()), key=len)
    if not _COMMIT.fullmatch(named) or not long_last.startswith(short_first):
        text = f"the report is of build {short(named)}, the run that it is for is of {sha[:12]}"
        fix = "Give the first run `canary-sha: ${{ github.event.pull_request.head.sha }}`."
        raise InputError.of("other_build", text, file=name, fix=fix)
