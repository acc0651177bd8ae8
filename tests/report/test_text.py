"""The terminal: what matters, in plain lines that fit."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.report.text import render_text
from tests.builders import VARIANTS, base_report, pause_report, refused_report, rollback_report
from tests.report.test_escape import HOSTILE


def test_the_verdict_comes_first_then_the_stages_then_what_to_do() -> None:
    lines = render_text(rollback_report()).splitlines()
    assert lines[0] == "Canary + experiment coordination report"
    assert lines[1] == "Roll back the canary now and suspend the experiment."
    assert lines[3].split()[:4] == ["1.", "Contamination", "audit", "CLEAN"]
    assert "Do now: Canary: take build 9f3c2ab from 5% to 0% now." in lines


@pytest.mark.parametrize("name", VARIANTS)
def test_lines_fit_a_terminal(name: str) -> None:
    assert max(len(line) for line in render_text(VARIANTS[name]()).splitlines()) <= 100


def test_errors_are_listed_with_their_place_and_fix() -> None:
    text = " ".join(render_text(refused_report()).split())
    assert "- release.yml:3:3: unknown key 'shar'. To do: Did you mean 'share'?" in text


def test_files_come_last() -> None:
    text = render_text(base_report(), {"report": "release-gate/report.md", "report-json": "release-gate/report.json"})
    assert text.splitlines()[-2:] == [
        "  report       release-gate/report.md",
        "  report-json  release-gate/report.json",
    ]


def test_a_gate_that_holds_says_that_nothing_may_be_promoted() -> None:
    assert "Nothing may be promoted by this result." in render_text(pause_report())


@settings(max_examples=60)
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), max_size=4).map("".join))
def test_no_foreign_text_controls_the_terminal(text: str) -> None:
    shown = render_text(base_report(action=text, warnings=(text,), sequencing=(text, text)), {text: text})
    assert not [char for char in shown if char != "\n" and unicodedata.category(char) in {"Cc", "Cf", "Cs"}]
