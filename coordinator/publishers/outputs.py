"""Writes the step's outputs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from coordinator.report.escape import output_lines


def write_outputs(values: Mapping[str, str], path: Path) -> None:
    """Append outputs to the runner's file, each as a heredoc whose delimiter nobody can guess.

    Args:
        values: output name -> value; a value may be anything.
        path: the file that ``GITHUB_OUTPUT`` names.

    Raises:
        OSError: the file could not be written.
        ValueError: a name is no plain word.
    """
    text = "".join(output_lines(name, value, _delimiter(value)) for name, value in values.items())
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _delimiter(value: str) -> str:
    while (word := f"end_{secrets.token_hex(16)}") in value:
        continue
    return word
