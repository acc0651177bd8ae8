"""The report in a few plain lines, for a terminal and the job's log."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from coordinator.model import Report
from coordinator.report import escape, headline
from coordinator.report.sections import TITLE

_WIDTH = 100


def render_text(report: Report, files: Mapping[str, str] | None = None) -> str:
    """The verdict, one row a stage, what to do now and what comes after.

    Args:
        report: what was found.
        files: name -> path of what was written, shown last.

    Returns:
        Lines of plain text, without colour, with a line end.
    """
    rows = [(_plain(stage.name), stage.word.split(" ", 1)[1], stage.why) for stage in headline.stages(report)]
    left = max(len(name) for name, _, _ in rows)
    middle = max(len(verdict) for _, verdict, _ in rows)
    lines = [TITLE, *_wrapped(headline.sentence(report) + ".", ""), ""]
    for name, verdict, why in rows:
        lines += _wrapped(why, f"{name:<{left}}  {verdict:<{middle}}  ")
    lines += ["", *_wrapped(headline.do_now(report), "Do now: ")]
    if len(report.sequencing) > 1:
        lines += ["", "Steps:"]
        for number, step in enumerate(report.sequencing, 1):
            lines += _wrapped(headline.step_text(step), f"  {number}. ")
    for title, texts in (("Errors", _errors(report)), ("Warnings", report.warnings)):
        if texts:
            lines += ["", f"{title}:", *(line for text in texts for line in _wrapped(text, "  - "))]
    lines += ["", *_wrapped(headline.gate_line(report), "")]
    if files:
        wide = max(len(name) for name in files)
        lines += ["", "Files:", *(f"  {_plain(name):<{wide}}  {_plain(path)}" for name, path in files.items())]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _errors(report: Report) -> tuple[str, ...]:
    texts = []
    for problem in report.errors:
        where = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
        fix = f" To do: {problem.fix}" if problem.fix else ""
        texts.append(f"{where + ': ' if where else ''}{headline.stop(problem.message)}{fix}")
    return tuple(texts)


def _wrapped(text: str, start: str) -> list[str]:
    """The text after ``start``, wrapped under itself."""
    width = max(_WIDTH - len(start), 40)
    lines = textwrap.wrap(_plain(text), width, break_long_words=False, break_on_hyphens=False) or [""]
    return [(start if index == 0 else " " * len(start)) + line for index, line in enumerate(lines)]


def _plain(text: str) -> str:
    return escape.plain(text).replace("`", "")
