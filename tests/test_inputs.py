"""The environment as the runner makes it, read as ``Inputs``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.inputs import INPUTS, Inputs, read_inputs
from coordinator.overrides import PATHS

RUN = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_EVENT_NAME": "deployment",
    "GITHUB_SHA": "9f3c2ab",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_RUN_ID": "42",
    "GITHUB_RUN_ATTEMPT": "3",
    "GITHUB_WORKFLOW": "deploy",
    "GITHUB_JOB": "gate",
}


def test_hyphens_stay_in_the_names_of_inputs() -> None:
    inputs = read_inputs({"INPUT_CANARY-SHARE": "5%", "INPUT_CANARY_SHARE": "7%", "INPUT_STEP": "canary"})
    assert inputs.given == {"canary-share": "5%", "step": "canary"}


def test_an_input_that_is_empty_or_blank_was_not_given() -> None:
    every = {f"INPUT_{name.upper()}": "" for name in INPUTS}
    assert read_inputs({**every, "INPUT_MDE": "  \n"}).given == {}


def test_an_environment_variable_that_is_no_input_is_left_alone() -> None:
    assert read_inputs({"INPUT_UNKNOWN": "x", "CANARY-SHARE": "5%"}).given == {}


def test_every_input_that_is_given_has_its_place_in_the_config() -> None:
    every = {f"INPUT_{name.upper()}": "x" for name in INPUTS}
    assert set(read_inputs(every).given) == set(PATHS) == set(INPUTS) - {"config", "github-token"}


def test_several_lines_stay_several_lines() -> None:
    assert read_inputs({"INPUT_PLATFORM-CONFIG": "a.json\nb.yml\n"}).given == {"platform-config": "a.json\nb.yml"}


def test_the_token_is_only_in_the_run_and_never_printed() -> None:
    inputs = read_inputs({**RUN, "INPUT_GITHUB-TOKEN": "ghs_secret"})
    assert inputs.given == {}
    assert inputs.github is not None
    assert inputs.github.token == "ghs_secret"
    assert "ghs_secret" not in repr(inputs)


def test_the_config_input_is_a_path_and_no_setting() -> None:
    inputs = read_inputs({"INPUT_CONFIG": "releases/may.yml"})
    assert inputs.config_path == Path("releases/may.yml")
    assert inputs.given == {}
    assert read_inputs({"INPUT_CONFIG": ""}).config_path is None


def test_the_run_is_read_from_the_runners_variables() -> None:
    github = read_inputs(RUN).github
    assert github is not None
    assert (github.repository, github.event_name, github.sha) == ("acme/shop", "deployment", "9f3c2ab")
    assert (github.ref, github.run_id, github.run_attempt) == ("refs/heads/main", 42, 3)
    assert (github.workflow, github.job) == ("deploy", "gate")
    assert github.run_url == "https://github.com/acme/shop/actions/runs/42"


@pytest.mark.parametrize("value", [None, "", "false", "TRUE"])
def test_there_is_no_run_outside_github(value: str | None) -> None:
    assert read_inputs({**RUN, "GITHUB_ACTIONS": value} if value is not None else {}).github is None


def test_an_enterprise_servers_addresses_are_used() -> None:
    env = {**RUN, "GITHUB_API_URL": "https://ghe.acme/api/v3", "GITHUB_SERVER_URL": "https://ghe.acme"}
    github = read_inputs(env).github
    assert github is not None
    assert github.api_url == "https://ghe.acme/api/v3"
    assert github.run_url.startswith("https://ghe.acme/acme/shop/")


def event(path: Path) -> object:
    github = read_inputs({**RUN, "GITHUB_EVENT_PATH": str(path)}).github
    assert github is not None
    return github.event


def test_the_event_is_the_payloads_content(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"deployment": {"id": 7}}), encoding="utf-8")
    assert event(path) == {"deployment": {"id": 7}}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"null", b"\xff\xfe{", b"[" * 100_000])
def test_a_damaged_event_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "event.json"
    path.write_bytes(content)
    assert event(path) == {}


def test_a_missing_event_is_an_empty_one(tmp_path: Path) -> None:
    assert event(tmp_path / "none.json") == {}
    assert event(tmp_path) == {}


@pytest.mark.parametrize("value", ["", "x", "-1", "4.2", "²"])
def test_a_damaged_run_number_is_the_default(value: str) -> None:
    github = read_inputs({**RUN, "GITHUB_RUN_ID": value, "GITHUB_RUN_ATTEMPT": value}).github
    assert github is not None
    assert (github.run_id, github.run_attempt) == (0, 1)


def test_files_and_folders_are_the_runners(tmp_path: Path) -> None:
    inputs = read_inputs(
        {
            "GITHUB_WORKSPACE": str(tmp_path),
            "GITHUB_OUTPUT": "/files/output",
            "GITHUB_STEP_SUMMARY": "/files/summary",
            "RUNNER_TEMP": "/temp",
            "RUNNER_DEBUG": "1",
        }
    )
    assert inputs.workspace == tmp_path
    assert inputs.output_file == Path("/files/output")
    assert inputs.summary_file == Path("/files/summary")
    assert inputs.temp_dir == Path("/temp")
    assert inputs.debug


def test_without_a_runner_the_workspace_is_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_inputs({}) == Inputs(given={}, github=None, workspace=tmp_path)


def test_the_processs_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INPUT_FAIL-ON", "pause")
    assert read_inputs().given["fail-on"] == "pause"


def test_every_description_is_one_plain_line() -> None:
    for name, text in INPUTS.items():
        assert text.endswith("."), name
        assert "\n" not in text
        assert "|" not in text
