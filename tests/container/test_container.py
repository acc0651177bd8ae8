"""The real image, built and started as GitHub's runner does it, on the demo's releases.

The scripts that build and run it are looked for in ``$CONTAINER_TOOLS`` (default: ``../shared/container`` beside the
checkout). Where they are not there, all of this is skipped.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordinator.demo import make_release
from tests import releases

ROOT = Path(__file__).parent.parent.parent
TOOLS = Path(os.environ.get("CONTAINER_TOOLS", ROOT.parent / "shared" / "container"))
IMAGE = os.environ.get("CONTAINER_IMAGE", "localhost/coordinator:ci")
OTHER_USER = 1001
MAX_BYTES = 250_000_000

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(not (TOOLS / "build.sh").is_file(), reason=f"no build.sh in {TOOLS}"),
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="building without a daemon needs root"),
]


@dataclass(frozen=True)
class Run:
    """What a run left: its exit code, log, outputs and job summary."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


@pytest.fixture(scope="module")
def image() -> str:
    """The built image's own line: name, sizes."""
    build = subprocess.run([TOOLS / "build.sh", ROOT, IMAGE], capture_output=True, text=True, check=False)
    assert build.returncode == 0, build.stderr[-4000:]
    return build.stdout.strip().splitlines()[-1]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty workspace."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def own(folder: Path) -> None:
    """Give the workspace to another user than the container's, as on a runner."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, OTHER_USER, OTHER_USER, follow_symlinks=False)


def command(workspace: Path, inputs: dict[str, str]) -> list[str]:
    pairs = [f"INPUT_{name.upper()}={value}" for name, value in inputs.items()]
    return [str(TOOLS / "run-as-runner.sh"), IMAGE, str(workspace), *pairs]


def environment(files: Path) -> dict[str, str]:
    return {**os.environ, "ACTION": str(ROOT / "action.yml"), "FILE_COMMANDS": str(files)}


def read_outputs(text: str) -> dict[str, str]:
    """The runner's grammar of the output file: `name=value`, or a heredoc with its delimiter."""
    outputs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, equals, value = line.partition("=")
        if "<<" in name or not equals:
            name, _, delimiter = line.partition("<<")
            value = "\n".join(iter(lambda: next(lines), delimiter))
        outputs[name] = value
    return outputs


def run(workspace: Path, **inputs: str) -> Run:
    own(workspace)
    files = workspace.parent / "files"
    given = {name.replace("_", "-"): value for name, value in {"dry_run": "true", **inputs}.items()}
    done = subprocess.run(
        command(workspace, given),
        env=environment(files),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    (output,) = files.glob("set_output_*")
    (summary,) = files.glob("step_summary_*")
    return Run(
        done.returncode,
        done.stdout,
        read_outputs(output.read_text(encoding="utf-8")),
        summary.read_text(encoding="utf-8"),
    )


def strangers(workspace: Path) -> list[Path]:
    """Files that do not belong to the workspace's owner."""
    return [path for path in workspace.rglob("*") if path.lstat().st_uid != OTHER_USER]


def test_the_image_is_small_enough_to_be_pulled_on_every_run(image: str) -> None:
    compressed = re.search(r"(\d+) compressed", image)
    assert compressed, image
    assert int(compressed[1]) <= MAX_BYTES


@pytest.mark.parametrize(
    ("scenario", "code", "expected"),
    [
        (
            "promote",
            0,
            {
                "decision": "promote",
                "may-proceed": "true",
                "audit-verdict": "CLEAN",
                "canary-verdict": "PROMOTE",
                "experiment-verdict": "SHIP",
                "action": "Promote canary to 100% + ship experiment variant.",
            },
        ),
        (
            "contaminated",
            1,
            {
                "decision": "refused",
                "may-proceed": "false",
                "audit-verdict": "CONTAMINATED",
                "canary-verdict": "",
                "experiment-verdict": "",
                "action": "Stop: fix the assignment first.",
            },
        ),
        (
            "rollback",
            1,
            {
                "decision": "rollback",
                "may-proceed": "false",
                "audit-verdict": "CLEAN",
                "canary-verdict": "ROLLBACK",
                "experiment-verdict": "",
                "action": "Rollback canary immediately; suspend experiment.",
            },
        ),
    ],
)
def test_the_demos_releases_end_as_they_should(
    image: str, workspace: Path, scenario: str, code: int, expected: dict[str, str]
) -> None:
    make_release(workspace, scenario)
    result = run(workspace, step="canary")
    assert result.code == code, result.log
    assert {name: result.outputs[name] for name in expected} == expected
    report = json.loads((workspace / result.outputs["report-json"]).read_text(encoding="utf-8"))
    assert (report["decision"], report["exit_code"]) == (expected["decision"], code)
    assert (workspace / result.outputs["report"]).is_file()
    assert "# Canary + experiment coordination report: " in result.summary
    assert "Traceback" not in result.log
    assert strangers(workspace) == []


def test_inputs_with_hyphens_reach_the_gate_and_win_over_the_config(image: str, workspace: Path) -> None:
    make_release(workspace, units=50_000)
    result = run(workspace, canary_share="20%", experiment_split="control=50,treatment=50")
    assert result.code == 1, result.log
    assert result.outputs["audit-verdict"] == "CONTAMINATED"
    assert float(result.outputs["expected-overlap"]) == pytest.approx(0.1)


def test_without_a_config_the_inputs_say_all(image: str, workspace: Path) -> None:
    releases.make(workspace).unlink()
    result = run(
        workspace,
        canary_sha=releases.SHA,
        canary_share="20%",
        canary_routing_unit="user_id",
        canary_assignments="canary.csv",
        canary_metrics="canary-metrics.yml",
        canary_thresholds="canary-thresholds.yml",
        experiment_id="banner",
        experiment_split="control=50,treatment=50",
        experiment_unit="user_id",
        experiment_assignments="experiment.csv",
        experiment_data="experiment-data.yml",
        mde="mde.yml",
    )
    assert result.code == 0, result.log
    assert result.outputs["decision"] == "promote"


def test_a_refusal_names_the_file_and_leaves_a_report(image: str, workspace: Path) -> None:
    make_release(workspace, units=1_000)
    (workspace / "canary-thresholds.yml").unlink()
    result = run(workspace)
    assert result.code == 2, result.log
    assert (result.outputs["decision"], result.outputs["may-proceed"]) == ("refused", "false")
    assert "canary-thresholds.yml" in result.log
    assert "Traceback" not in result.log.replace("::debug::Traceback", "")
    assert strangers(workspace) == []


def test_promoting_and_shipping_at_once_is_refused(image: str, workspace: Path) -> None:
    make_release(workspace, units=1_000)
    result = run(workspace, step="both")
    assert (result.code, result.outputs["decision"]) == (2, "refused"), result.log


def test_nothing_but_the_report_is_left_in_the_workspace(image: str, workspace: Path) -> None:
    make_release(workspace, units=1_000)
    before = {path for path in workspace.rglob("*") if path.is_file()}
    run(workspace)
    new = {path.relative_to(workspace) for path in workspace.rglob("*") if path.is_file() and path not in before}
    assert new
    assert {path.parts[0] for path in new} == {"release-gate"}


def test_a_cancelled_run_ends_at_once_and_promotes_nothing(image: str, workspace: Path) -> None:
    release = make_release(workspace)
    log = workspace / "logs" / "experiment.csv.gz"
    for number in range(400):  # the same exposures again and again: the run is still reading when the signal comes
        os.link(log, log.with_name(f"experiment-{number}.csv.gz"))
    text = release.read_text(encoding="utf-8")
    release.write_text(text.replace("logs/experiment.csv.gz", "logs/experiment-*.csv.gz"), encoding="utf-8")
    own(workspace)
    files = workspace.parent / "files"
    process = subprocess.Popen(
        command(workspace, {"dry-run": "true", "threads": "1"}),
        env=environment(files),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(8)
    assert process.poll() is None, process.communicate()
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    log_text, _ = process.communicate(timeout=60)
    assert process.returncode == 143, log_text
    assert time.monotonic() - started < 10
    (output,) = files.glob("set_output_*")
    outputs = read_outputs(output.read_text(encoding="utf-8"))
    assert (outputs["decision"], outputs["may-proceed"]) == ("error", "false")
