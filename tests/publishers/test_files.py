"""The files that the runner reads after the step: outputs and job summary."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator.publishers.outputs import write_outputs
from coordinator.publishers.summary import SUMMARY_BYTES, write_summary


def read_outputs(text: str) -> dict[str, str]:
    """The runner's grammar: ``name<<delimiter``, lines, the delimiter."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if "<<" in line:
            name, _, delimiter = line.partition("<<")
            value = []
            while (line := next(lines)) != delimiter:
                value.append(line)
            found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize("value", ["", "true", "two\nlines", "a<<b\nb\n", "::set-output::x", "100% é ⛔"])
def test_an_output_may_be_anything(tmp_path: Path, value: str) -> None:
    path = tmp_path / "out"
    write_outputs({"action": value, "decision": "hold"}, path)
    assert read_outputs(path.read_text(encoding="utf-8")) == {"action": value, "decision": "hold"}


def test_outputs_are_added_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write_outputs({"a": "1"}, path)
    write_outputs({"b": "2"}, path)
    assert read_outputs(path.read_text(encoding="utf-8")) == {"a": "1", "b": "2"}


def test_every_output_has_a_delimiter_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write_outputs({"a": "1", "b": "2"}, path)
    words = re.findall(r"<<(.+)", path.read_text(encoding="utf-8"))
    assert len(set(words)) == 2
    assert all(len(word) >= 32 for word in words)


def test_an_odd_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not the name of an output"):
        write_outputs({"a\nb": "1"}, tmp_path / "out")


def test_the_summary_is_added_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_text("before\n", encoding="utf-8")
    write_summary("## Promote", path)
    assert path.read_text(encoding="utf-8") == "before\n## Promote\n"


def test_a_summary_never_passes_one_mebibyte_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    write_summary("é" * SUMMARY_BYTES, path)
    assert path.stat().st_size <= SUMMARY_BYTES
    assert path.read_text(encoding="utf-8").endswith("has at most 1 MiB._\n")
    write_summary("more", path)
    assert path.stat().st_size <= SUMMARY_BYTES


def test_a_broken_character_does_not_stop_a_file(tmp_path: Path) -> None:
    write_summary("a\ud800", tmp_path / "summary")
    write_outputs({"a": "\ud800"}, tmp_path / "out")
    assert (tmp_path / "summary").read_text(encoding="utf-8") == "a\ufffd\n"


def test_writing_files_does_not_load_the_api_client() -> None:
    code = "import sys, coordinator.publishers.outputs; print('github' in sys.modules, 'requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
