"""The files around the program: action, image, workflows, examples, lock files. Each is held by its own checker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from coordinator.inputs import INPUTS
from coordinator.loader import load_config

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
EXAMPLES = [ROOT / "examples" / "workflows" / f"{name}.yml" for name in ("fork", "publish", "deploy")]
WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), *EXAMPLES]
LOCKS = {name: (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8") for name in ("runtime", "dev")}

# The action's names, as workflows use them: public, so none may go.
INPUT_NAMES = """
config mode canary-sha canary-share canary-routing-unit experiment-id experiment-split experiment-unit audit-rule
canary-assignments experiment-assignments assignments canary-metrics canary-thresholds experiment-data mde
platform-config environment deployment-id pull-request post-to comment step canary-promoted-at canary-report report
fail-on github-token dry-run memory-limit threads cache-dir
"""
OUTPUT_NAMES = """
decision may-proceed action audit-verdict canary-verdict experiment-verdict observed-overlap expected-overlap
excluded-users report report-json report-html exclusions comment-url
"""


def check(tool: str, *arguments: str | Path) -> None:
    run = subprocess.run([BIN / tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_action_has_every_public_name_and_no_other() -> None:
    assert list(INPUTS) == INPUT_NAMES.split()
    assert list(ACTION["inputs"]) == INPUT_NAMES.split()
    assert list(ACTION["outputs"]) == OUTPUT_NAMES.split()


def test_the_action_and_the_command_line_describe_inputs_in_the_same_words() -> None:
    assert {name: entry["description"] for name, entry in ACTION["inputs"].items()} == INPUTS


def test_no_input_has_a_default_that_would_win_over_the_config() -> None:
    defaults = {name: entry["default"] for name, entry in ACTION["inputs"].items() if "default" in entry}
    assert defaults == {"github-token": "${{ github.token }}"}
    assert not any(entry.get("required") for entry in ACTION["inputs"].values())


def test_every_description_is_one_sentence_or_two() -> None:
    entries = {**ACTION["inputs"], **ACTION["outputs"]}
    assert all(entry["description"].endswith(".") and "\n" not in entry["description"] for entry in entries.values())


def test_the_action_is_valid() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")


def test_the_workflows_are_valid() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_the_dependabot_settings_are_valid() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")


def test_the_workflows_pass_the_security_audit() -> None:
    check("zizmor", "--offline", "--quiet", "--no-progress", "action.yml", ".github", *EXAMPLES)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_start_without_permissions_and_pin_actions_by_commit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())
    for used in re.findall(r"uses: (.+)", text):
        ours = used.startswith(("./", "OWNER/REPO@v1"))
        assert ours or re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


def test_one_action_has_one_version_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for name, version in re.findall(r"uses: ([\w/-]+)@([0-9a-f]{40} # \S+)", path.read_text(encoding="utf-8")):
            pins.setdefault(name, set()).add(version)
    assert pins
    assert all(len(versions) == 1 for versions in pins.values()), pins


def test_the_example_promotes_only_behind_the_open_gate() -> None:
    jobs = yaml.safe_load(WORKFLOWS[-1].read_text(encoding="utf-8"))["jobs"]
    steps = {name: step["with"]["step"] for name, job in jobs.items() for step in job["steps"] if step.get("id")}
    assert steps == {"gate": "canary", "experiment-gate": "experiment"}
    assert jobs["promote"]["if"] == "needs.gate.outputs.may-proceed == 'true'"
    assert jobs["ship"]["if"] == "needs.experiment-gate.outputs.may-proceed == 'true'"
    assert jobs["promote"]["environment"] == jobs["ship"]["environment"] == "production"


def test_the_examples_name_only_inputs_that_there_are() -> None:
    for path in EXAMPLES:
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
        used = [step for job in jobs.values() for step in job["steps"] if "OWNER/REPO" in step.get("uses", "")]
        assert used
        assert all(set(step["with"]) <= set(INPUTS) for step in used)


def test_the_example_release_can_be_read(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path, dirs_exist_ok=True)
    (tmp_path / "logs").mkdir()
    for name in ("canary-0.parquet", "experiment-0.csv.gz", "canary-metrics.csv"):
        (tmp_path / "logs" / name).touch()
    config = load_config(None, {}, workspace=tmp_path)
    (experiment,) = config.experiments
    document = config.experiment_documents[experiment.id]
    assert document.experiment_id == experiment.id
    assert [variant.name for variant in document.variants] == list(experiment.split)
    assert 5 <= len(config.thresholds) <= 10
    assert experiment.primary in config.mdes[experiment.id]


def test_the_dockerfile_is_clean() -> None:
    check("hadolint", "Dockerfile")


def test_the_image_starts_the_program_without_a_shell() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert text.rstrip().splitlines()[-1] == 'ENTRYPOINT ["/opt/venv/bin/python", "/app/entrypoint.py"]'
    assert "--require-hashes" in text
    assert ACTION["runs"] == {"using": "docker", "image": "Dockerfile"}


@pytest.mark.parametrize("name", LOCKS)
def test_lock_files_carry_hashes_and_no_address(name: str) -> None:
    assert "://" not in LOCKS[name]
    entries = re.split(r"\n(?=\w)", LOCKS[name].strip())
    assert all(re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", entry) and "--hash=sha256:" in entry for entry in entries)


def test_the_image_and_the_tests_use_the_same_versions() -> None:
    runtime, dev = (set(re.findall(r"^[\w.-]+==\S+", text, flags=re.MULTILINE)) for text in LOCKS.values())
    assert runtime < dev


def test_the_version_is_described_in_the_changelog() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version
    assert f"## {version[1]}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_licence_is_complete() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_demo_and_test_are_the_first_two_targets() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert targets[:2] == ["demo", "test"]


def test_what_is_run_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False).returncode == 0
