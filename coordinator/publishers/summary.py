"""Writes the job summary."""

from __future__ import annotations

from pathlib import Path

from coordinator.report.escape import encodable

SUMMARY_BYTES = 1024 * 1024  # GitHub drops the whole summary of a step above it
_CUT = "\n\n_The rest was cut: a job summary has at most 1 MiB._\n"


def write_summary(text: str, path: Path) -> None:
    """Append Markdown to the runner's file, cut so that the step's summary stays within 1 MiB.

    Args:
        text: Markdown.
        path: the file that ``GITHUB_STEP_SUMMARY`` names.

    Raises:
        OSError: the file could not be written.
    """
    there = path.stat().st_size if path.exists() else 0
    room = SUMMARY_BYTES - there
    data = encodable(text if text.endswith("\n") else text + "\n").encode()
    if len(data) > room:
        keep = room - len(_CUT.encode())
        data = data[:keep].decode("utf-8", "ignore").encode() + _CUT.encode() if keep > 0 else b""
    with path.open("ab") as file:
        file.write(data)
