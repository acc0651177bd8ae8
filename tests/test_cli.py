"""The command line, in process: exit codes, what is printed where, and help that teaches."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from coordinator import __version__, cli
from coordinator.cli import main
from coordinator.schema import schema_text
from tests import releases

COMMANDS = ["gate", "audit", "validate", "explain", "schema", "demo"]
ROLLBACK = releases.canary_document(error_rate=releases.rate(1.2, 50_000))


def run(folder: Path, *words: str, **parts: Any) -> int:
    """A command on a release that is made first."""
    releases.make(folder, **parts)
    return main([*words, "--workspace", str(folder)])


def usage(words: list[str]) -> Any:
    with pytest.raises(SystemExit) as caught:
        main(words)
    return caught.value.code


# ------------------------------------------------------------ help


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert usage([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"python -m coordinator {command}" in text
    for words in ("exit codes:", "0  the gate is open", "2  refused", f"examples:\n  python -m coordinator {command}"):
        assert words in text


@pytest.mark.parametrize("command", ["gate", "audit", "validate"])
def test_the_help_names_every_input_that_means_something_on_a_laptop(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    usage([command, "--help"])
    text = capsys.readouterr().out
    for name in ("--config", "--workspace", "--canary-share", "--experiment-split", "--step", "--fail-on"):
        assert name in text
    assert "--github-token" not in text


def test_the_programs_help_names_every_command_and_gives_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(command in text for command in COMMANDS)
    assert "examples:" in text
    assert "Traceback" not in text


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["dance"],
        ["gate", "--canary-shar"],
        ["gate", "--nothing", "x"],
        ["gate", "--canary-shar", "5%"],
        ["demo", "--scenario", "x"],
    ],
)
def test_a_command_that_is_not_known_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert usage(words) == 2
    assert "usage:" in capsys.readouterr().err


# ------------------------------------------------------------ gate


def test_an_open_gate_exits_with_0_and_names_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "gate") == 0
    shown = capsys.readouterr()
    assert "Promote canary to 100% + ship experiment variant." in shown.out
    assert "release-gate/report.json" in shown.out
    assert shown.err == ""
    assert json.loads((tmp_path / "release-gate" / "report.json").read_text(encoding="utf-8"))["exit_code"] == 0


@pytest.mark.parametrize("parts", [{"canary": ROLLBACK}, {"assignments": releases.shared_salt()}])
def test_a_closed_gate_exits_with_1(tmp_path: Path, parts: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "gate", **parts) == 1
    assert "Promote canary" not in capsys.readouterr().out


def test_inputs_win_over_the_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = releases.release_document(canary={"share": "120%"})
    assert run(tmp_path, "gate", "--canary-share", "20%", release=document) == 0
    assert run(tmp_path, "gate", "--step", "both") == 2
    assert "one step" in capsys.readouterr().out


def test_json_goes_to_stdout_alone_and_errors_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "gate", "--json") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["decision"] == "promote"
    assert run(tmp_path, "gate", "--json", "--canary-share", "120%") == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["decision"] == "refused"
    assert shown.err.startswith("error: input `canary-share`: found 120%")


@pytest.mark.parametrize("command", ["gate", "audit", "validate"])
def test_an_input_error_lists_every_problem_once_and_no_traceback(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = {"canary": {"share": "120%", "assignments": "nowhere.csv"}, "audit": {"rul": "x"}}
    assert run(tmp_path, command, release=releases.release_document(**changes)) == 2
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert "Traceback" not in text
    errors = text if command == "validate" else text.split("Errors:", 1)[1]
    for words in ("found 120%", "nowhere.csv", "unknown key"):
        assert errors.count(words) == 1, text


def test_no_release_at_all_says_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["gate"]) == 2
    assert "there is no release.yml in the workspace" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["gate", "audit", "validate"])
def test_a_workspace_that_is_not_there_is_not_made(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--workspace", str(tmp_path / "nowhere")]) == 2
    assert "error: `--workspace`: there is no folder" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_a_report_that_cannot_be_written_never_opens_the_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "release-gate").write_text("in the way", encoding="utf-8")
    assert run(tmp_path, "gate") == 3
    shown = capsys.readouterr()
    assert "error: the report could not be written" in shown.err
    assert "Traceback" not in shown.out + shown.err


# ------------------------------------------------------------ audit


def audit_only() -> dict[str, Any]:
    return releases.release_document(
        canary={"metrics": None, "thresholds": None}, experiment={"data": None, "mde": None, "primary": None}
    )


def test_the_audit_alone_needs_no_metrics_thresholds_or_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "audit", "--json", release=audit_only()) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["audit"]["verdict"] == "CLEAN"
    assert report["canary"] is None
    assert not report["may_proceed"]


def test_the_audit_alone_still_closes_the_gate(tmp_path: Path) -> None:
    assert run(tmp_path, "audit", release=audit_only(), assignments=releases.shared_salt()) == 1


def test_the_gate_needs_what_the_audit_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "gate", release=audit_only()) == 2
    assert "the canary thresholds are missing" in capsys.readouterr().out


# ------------------------------------------------------------ validate, schema, demo


def test_validate_reads_everything_and_judges_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "validate", "--canary-share", "0.2") == 0
    text = capsys.readouterr().out
    assert "The config and every file it names can be read. Nothing was judged." in text
    assert "canary.csv (4,000 rows)" in text
    assert "note: `canary.share: 0.2` was read as 20%." in text
    assert not (tmp_path / "release-gate").exists()


def test_validate_names_the_faults_of_all_tables_in_one_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = releases.release_document(
        canary={"metrics": "metrics.csv"}, experiment={"data": "table.csv", "mde": None, "primary": None}
    )
    (tmp_path / "metrics.csv").write_text("when,what\n1,2\n", encoding="utf-8")
    (tmp_path / "table.csv").write_text("someone,a\nx,1\n", encoding="utf-8")
    assert run(tmp_path, "validate", release=document) == 2
    text = capsys.readouterr().err
    assert "metrics.csv" in text
    assert "table.csv" in text


def test_validate_refuses_units_that_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = releases.release_document(experiment={"unit": "session_id"})
    assert run(tmp_path, "validate", release=document) == 2
    assert "session_id" in capsys.readouterr().err


def test_schema_prints_the_schema_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == schema_text()


@pytest.mark.parametrize(("scenario", "code"), [("promote", 0), ("contaminated", 1), ("rollback", 1)])
def test_the_demo_makes_a_release_and_judges_it(
    tmp_path: Path, scenario: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["demo", "--directory", str(tmp_path / "demo"), "--units", "60000", "--scenario", scenario]
    assert main(words) == code
    assert "60,000 users" in capsys.readouterr().out
    assert (tmp_path / "demo" / "release-gate" / "report.json").is_file()


@pytest.mark.parametrize("units", ["0", "-5"])
def test_a_demo_without_users_is_refused(tmp_path: Path, units: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--directory", str(tmp_path), "--units", units]) == 2
    assert "error: " in capsys.readouterr().err


# ------------------------------------------------------------------------------------------- progress


class Terminal(io.StringIO):
    """Standard error as a terminal, or not."""

    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty


@pytest.mark.parametrize("tty", [True, False])
def test_progress_is_a_line_on_a_terminal_and_nothing_in_a_file(tty: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal(tty=tty)
    monkeypatch.setattr("sys.stderr", screen)
    cli._progress("Reading the canary's log: 40% ...")
    assert ("40%" in screen.getvalue()) is tty
    cli._clear_progress()
    assert screen.getvalue().endswith("\x1b[K") is tty
