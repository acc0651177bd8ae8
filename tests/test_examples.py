"""The example releases: each by its command through the command line, and its report as it is recorded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from coordinator import load_config, run_gate
from coordinator.cli import main
from coordinator.report.markdown import render, unchanging
from coordinator.world import World
from examples.releases.make import SCENARIOS
from examples.releases.make import main as make

NOW = datetime(2026, 5, 8, 12, tzinfo=UTC)  # after the last day of every example
README = (Path(__file__).parent.parent / "examples" / "README.md").read_text(encoding="utf-8")

# Decision, exit code, codes of the reasons.
EXPECTED = {
    "promote-and-ship": ("promote", 0, ["within_limits", "primary_wins"]),
    "shared-salt": ("refused", 1, ["subset", "dependence", "dependence"]),
    "ramp": ("promote", 0, ["within_limits", "primary_wins"]),
    "rare-error": ("rollback", 1, ["breach"]),
    "guardrail-hurt": ("promote", 0, ["within_limits", "hurt"]),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every example, made once by its command."""
    root = tmp_path_factory.mktemp("examples")
    for name in SCENARIOS:
        assert make([name, str(root / name)]) == 0
    return {name: root / name for name in SCENARIOS}


def judged(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["gate", "--workspace", str(folder), *words])
    report: dict[str, Any] = json.loads((folder / "release-gate" / "report.json").read_text(encoding="utf-8"))
    return code, report


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_example_ends_as_its_page_says(name: str, folders: dict[str, Path]) -> None:
    code, report = judged(folders[name])
    assert (report["decision"], code, [reason["code"] for reason in report["reasons"]]) == EXPECTED[name]
    assert report["exit_code"] == code
    assert main(["explain", str(folders[name] / "release-gate" / "report.json")]) == 0


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_examples_report_is_as_recorded(
    name: str, folders: dict[str, Path], golden: Callable[[str, str], None]
) -> None:
    config = load_config(None, {}, workspace=folders[name])
    report = run_gate(config, World(folders[name], NOW))
    golden(f"examples/{name}.md", unchanging(render(report)) + "\n")


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_example_is_described_and_named(name: str) -> None:
    assert f"**`{name}`**" in README
    assert set(SCENARIOS) == set(EXPECTED)


def test_an_example_is_the_same_every_time(tmp_path: Path, folders: dict[str, Path]) -> None:
    make(["ramp", str(tmp_path)])

    def digests(folder: Path) -> dict[str, str]:
        files = (path for path in folder.iterdir() if path.is_file())
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digests(tmp_path) == digests(folders["ramp"])


def test_the_same_ramp_pooled_over_its_days_would_be_accused(tmp_path: Path) -> None:
    make(["ramp", str(tmp_path)])
    release = tmp_path / "release.yml"
    document = yaml.safe_load(release.read_text(encoding="utf-8"))
    del document["canary"]["steps"]
    del document["experiments"][0]["steps"]
    document["canary"]["share"] = "8.3%"  # what the three days have together
    document["experiments"][0]["split"] = {"control": "73.5%", "treatment": "26.5%"}
    release.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    code, report = judged(tmp_path)
    assert (report["audit"]["verdict"], code) == ("CONTAMINATED", 1)


def test_the_guardrail_is_what_is_hurt_and_can_close_the_gate(folders: dict[str, Path]) -> None:
    code, report = judged(folders["guardrail-hurt"], "--fail-on", "mixed")
    (experiment,) = report["experiments"]
    verdicts = {item["name"]: item["verdict"] for item in experiment["metrics"]}
    assert code == 1
    assert experiment["verdict"] == "MIXED"
    assert verdicts["support_tickets"] == "HURT"
    assert verdicts["checkout_completed"] == "WIN"


def test_the_rare_errors_are_five_against_none(folders: dict[str, Path]) -> None:
    _, report = judged(folders["rare-error"])
    (metric,) = report["canary"]["metrics"]
    assert (round(metric["canary"] * metric["n_canary"]), metric["baseline"]) == (5, 0)


@pytest.mark.parametrize("words", [["nothing", "x"], ["ramp"]])
def test_an_unknown_example_or_no_folder_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        make(words)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="2"):
        make(["ramp", str(tmp_path / "file" / "x")])
    assert "cannot be written there" in capsys.readouterr().err
