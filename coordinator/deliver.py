"""Writes a report where people and workflows read it: files, outputs, job summary, log, posts. Decides nothing."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.config import Config
from coordinator.errors import GateError, describe
from coordinator.model import Report
from coordinator.report.escape import command
from coordinator.report.escape import log as escape_log

if TYPE_CHECKING:
    from coordinator.inputs import Inputs
    from coordinator.publishers import Receipt

EXCLUSIONS = "exclusions.txt"
_TITLE = "Release gate"


def write_files(report: Report, config: Config | None, workspace: Path) -> dict[str, str]:
    """Write ``report.json``, ``report.md`` and ``report.html`` into the report folder.

    Args:
        report: what was found.
        config: where to write, and whether HTML is wanted; the defaults without it.
        workspace: the folder that paths are relative to.

    Returns:
        Output name -> path relative to the workspace, "" for a file that was not written.
    """
    from coordinator.report.json import write_json  # noqa: PLC0415 - rendering is the last thing a run needs
    from coordinator.report.markdown import render  # noqa: PLC0415

    settings = (config or Config()).report
    directory = workspace / settings.directory
    new = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    paths = {"report-json": directory / "report.json", "report": directory / "report.md"}
    write_json(report, paths["report-json"])
    paths["report"].write_text(render(report), encoding="utf-8")
    if settings.html:
        from coordinator.report.html import render_html  # noqa: PLC0415 - only when asked for

        paths["report-html"] = directory / "report.html"
        paths["report-html"].write_text(render_html(report), encoding="utf-8")
    if settings.exclusions and (directory / EXCLUSIONS).is_file():
        paths["exclusions"] = directory / EXCLUSIONS
    _own([*new, *paths.values()], workspace)
    names = ("report", "report-json", "report-html", "exclusions")
    return {name: paths[name].relative_to(workspace).as_posix() if name in paths else "" for name in names}


def output_values(report: Report, config: Config | None, files: Mapping[str, str]) -> dict[str, str]:
    """The action's outputs (contract, section 3); empty where a stage did not run.

    Args:
        report: what was found.
        config: tells which arm is the control.
        files: from ``write_files``.
    """
    audit, experiments = report.audit, report.experiments or ()
    arm = None
    if audit and config and config.experiments:
        first = config.experiments[0]
        arms = [item for item in audit.arms if item.experiment == first.id and item.arm != first.control_arm]
        arm = arms[0] if arms else None
    if len(experiments) == 1:
        verdict = str(experiments[0].verdict)
    else:
        verdict = "; ".join(f"{item.id}={item.verdict}" for item in experiments)
    return {
        "decision": str(report.decision),
        "may-proceed": "true" if report.may_proceed else "false",
        "action": report.action,
        "audit-verdict": str(audit.verdict) if audit else "",
        "canary-verdict": str(report.canary.verdict) if report.canary else "",
        "experiment-verdict": verdict,
        "observed-overlap": repr(arm.observed_overlap) if arm else "",
        "expected-overlap": repr(arm.expected_overlap) if arm else "",
        "excluded-users": str(sum(item.excluded_units for item in experiments)) if report.experiments else "",
        **files,
    }


class Delivery:
    """One run's sinks on GitHub: the log, the output file, the summary file, the API."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.finished = False

    def progress(self, line: str) -> None:
        """A line of progress in the log."""
        self.say(escape_log(line))

    def say(self, line: str) -> None:
        """A line in the log, as it is: foreign text must be escaped before."""
        print(line, flush=True)  # noqa: T201 - the job's log

    def finish(self, report: Report, config: Config | None, *, post: bool) -> None:
        """Write everything; a sink that fails is named in the log and stops no other."""
        from coordinator.publishers.outputs import write_outputs  # noqa: PLC0415
        from coordinator.publishers.summary import write_summary  # noqa: PLC0415
        from coordinator.report.markdown import render, summary  # noqa: PLC0415

        files: dict[str, str] = {}
        mode = config.mode if config else self.inputs.given.get("mode")
        if mode != "publish":  # its report folder holds another run's files, links perhaps
            with self._sink("the report files"):
                files = write_files(report, config, self.inputs.workspace)
        if self.inputs.output_file:
            with self._sink("the outputs"):
                write_outputs(output_values(report, config, files), self.inputs.output_file)
        if self.inputs.summary_file:
            with self._sink("the job summary"):
                write_summary(summary(report), self.inputs.summary_file)
        self._log(report)
        if post and config and self.inputs.github and mode != "publish":  # a report that was refused is not posted
            with self._sink("the posts"):
                self._post(report, config, render(report, links={"run": self.inputs.github.run_url}))

    def relay(self, report: Report, config: Config) -> None:
        """Post another run's report: no file, and no output that a job could take for a verdict of this run."""
        from coordinator.publish import comments_only, made_by  # noqa: PLC0415
        from coordinator.publishers.outputs import write_outputs  # noqa: PLC0415
        from coordinator.publishers.summary import write_summary  # noqa: PLC0415
        from coordinator.report.headline import sentence  # noqa: PLC0415
        from coordinator.report.markdown import render  # noqa: PLC0415

        assert self.inputs.github is not None  # noqa: S101 - without a run on GitHub there is nothing to relay
        body = render(report, links={"run": made_by(self.inputs.github)})
        if self.inputs.output_file:
            with self._sink("the outputs"):
                write_outputs(
                    dict.fromkeys(output_values(report, config, {}), "") | {"may-proceed": "false"},
                    self.inputs.output_file,
                )
        if self.inputs.summary_file:
            with self._sink("the job summary"):
                write_summary(body, self.inputs.summary_file)
        self.say(command("notice", f"The other run's report says: {sentence(report)}.", title=_TITLE))
        if "deployment" in config.post_to:
            text = "No deployment status was set: `mode: publish` only comments, another run's report is no verdict."
            self.say(command("warning", text, title=_TITLE))
        with self._sink("the posts"):
            self._post(report, comments_only(config), body)

    def _post(self, report: Report, config: Config, body: str) -> None:
        import time  # noqa: PLC0415

        from coordinator.publishers import publish  # noqa: PLC0415 - PyGithub is only loaded to post
        from coordinator.publishers.outputs import write_outputs  # noqa: PLC0415

        assert self.inputs.github is not None  # noqa: S101 - the caller checked
        receipts = publish(report, body, self.inputs.github, config, clock=time.monotonic, sleep=time.sleep)
        for receipt in receipts:
            self._log_receipt(receipt)
        url = next((receipt.url for receipt in receipts if receipt.ok and receipt.url), "")
        if self.inputs.output_file:
            write_outputs({"comment-url": url or ""}, self.inputs.output_file)

    def _log_receipt(self, receipt: Receipt) -> None:
        level = "notice" if receipt.ok else "warning"
        self.say(command(level, receipt.message, title=_TITLE))

    def _log(self, report: Report) -> None:
        from coordinator.report.text import render_text  # noqa: PLC0415

        for line in render_text(report).splitlines():
            self.say(escape_log(line))
        for problem in report.errors:
            self.say(
                command("error", describe(problem), file=problem.file, line=problem.line if problem.file else None)
            )
        if not report.errors and report.exit_code:
            self.say(command("error", report.action, title=_TITLE))

    def _sink(self, name: str) -> _Sink:
        return _Sink(self, name)

    def traceback(self, error: BaseException) -> None:
        """The traceback of a fault, in a group that only debug logging shows."""
        for line in traceback.format_exception(error):
            for part in line.splitlines():
                self.say(command("debug", part))

    @staticmethod
    def leave(code: int) -> None:
        """End the process at once: see ``leave``."""
        leave(code)


class _Sink:
    """A with-block whose failure is a warning: posting and writing never decide the gate."""

    def __init__(self, delivery: Delivery, name: str) -> None:
        self.delivery = delivery
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        reason = str(error) if isinstance(error, (OSError, GateError)) else type(error).__name__
        self.delivery.say(command("warning", f"{self.name} could not be written: {reason}", title=_TITLE))
        self.delivery.traceback(error)
        return True


def _own(paths: list[Path], workspace: Path) -> None:
    """Give files to the workspace's owner: a container runs as root, and root's files break the next checkout."""
    if os.geteuid() != 0:
        return
    owner = workspace.stat()
    for path in paths:
        with suppress(OSError):
            os.chown(path, owner.st_uid, owner.st_gid)


def leave(code: int) -> None:
    """End the process at once: a query may still run in its thread, and must not hold the exit."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
