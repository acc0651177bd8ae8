"""``mode: publish``: which reports are taken, for which build, and where they may be posted."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.config import Config
from coordinator.errors import InputError
from coordinator.gate import run_gate
from coordinator.inputs import GitHubContext
from coordinator.loader import load_config
from coordinator.model import DecisionKind, Reason, Report
from coordinator.publish import NOTE, comments_only, made_by, received
from coordinator.publishers.marker import Marker, read
from coordinator.report.json import write_json
from coordinator.report.markdown import render
from coordinator.world import World
from tests.builders import VARIANTS, base_release, promote_report, refused_report

ROOT = Path(__file__).parent.parent
SHA = "9f3c2ab" + "0" * 33
NAME = "release-gate/report.json"
PAGE = "https://github.com/octo/shop/actions/runs/7"


def started_by(sha: str = SHA, **run: Any) -> GitHubContext:
    event = {"workflow_run": {"head_sha": sha, "event": "pull_request", "html_url": PAGE} | run}
    return GitHubContext(repository="octo/shop", event_name="workflow_run", event=event, sha="b" * 40, run_id=20)


def put(workspace: Path, report: Report, name: str = NAME) -> None:
    (workspace / name).parent.mkdir(parents=True, exist_ok=True)
    write_json(report, workspace / name)


def refusal(workspace: Path, config: Config | None = None, context: GitHubContext | None = None) -> str:
    with pytest.raises(InputError) as caught:
        received(config or Config(), workspace, context or started_by())
    return str(caught.value)


def of_build(sha: str | None) -> Report:
    return promote_report(release=base_release(canary_sha=sha))


# ---------------------------------------------------------------- what is taken


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_report_is_taken_with_a_warning_that_it_is_not_ours(variant: str, tmp_path: Path) -> None:
    report = VARIANTS[variant]()
    put(tmp_path, report)
    taken = received(Config(), tmp_path, started_by())
    assert taken == replace(report, warnings=(NOTE, *report.warnings))
    assert NOTE in render(taken)


@pytest.mark.parametrize("sha", [SHA, SHA[:7], SHA.upper(), "", None])
def test_a_report_of_the_events_build_or_of_none_is_taken(sha: str | None, tmp_path: Path) -> None:
    put(tmp_path, of_build(sha))
    assert received(Config(), tmp_path, started_by()).decision is DecisionKind.PROMOTE


@pytest.mark.parametrize("sha", ["d" * 40, "9f3c2ac", "9f3c2a", "9", SHA + "0", "v1.2", "the right one"])
def test_a_report_of_another_build_is_refused(sha: str, tmp_path: Path) -> None:
    put(tmp_path, of_build(sha))
    assert f"{NAME}: the report is of build {sha!r}, the run that it is for is of 9f3c2ab00000" in refusal(tmp_path)


def test_the_build_is_the_first_runs_and_not_the_default_branchs(tmp_path: Path) -> None:
    put(tmp_path, of_build("b" * 40))
    assert "the report is of build" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("absent.json", "the report to publish is missing"),
        ("../report.json", "outside the workspace"),
        ("/etc/hostname", "outside the workspace"),
        ("link.json", "outside the workspace"),
        ("release-gate", "is a folder"),
        ("https://example.org/report.json", "source of kind `https:`"),
        ("*/*.json", "matches 2 files"),
    ],
)
def test_a_path_that_is_no_file_of_the_workspace_is_refused(path: str, said: str, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    put(tmp_path, promote_report(), "report.json")
    put(workspace, promote_report())
    put(workspace, promote_report(), "other/report.json")
    (workspace / "link.json").symlink_to(tmp_path / "report.json")
    assert said in refusal(workspace, Config(publish_report=path))


def test_a_report_that_does_not_fit_into_a_comment_is_refused(tmp_path: Path) -> None:
    report = promote_report()
    assert report.experiments is not None
    [result] = report.experiments
    put(tmp_path, replace(report, experiments=(replace(result, metrics=result.metrics * 700),)))
    assert "does not fit into a comment" in refusal(tmp_path)


# ---------------------------------------------------------------- how it is shown

MARKER = Marker("f" * 16, (999, 9), "d" * 40).line
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "@octo/owners", "#1", "https://evil.example/x",
    "[click](https://evil.example)", "![x](https://evil.example/x.png)", "| a | b |\n|--|--|", f"\n\n{MARKER}",
    "</details>", "::set-output name=a::b", "\u202etxt", "-->", "`</code>`<b>", "$$x$$", "_Report of today_",
]  # fmt: skip


def filled(text: str) -> Report:
    """A report with the text in every place that a name or a sentence has."""
    report = promote_report()
    assert report.canary is not None
    assert report.experiments is not None
    assert report.audit is not None
    release = base_release(canary_sha=None, canary_routing_unit=text)
    heads = tuple(replace(head, id=text, split={text: 0.5, "b": 0.5}, unit=text) for head in release.experiments)
    metrics = tuple(replace(metric, name=text, reason=text, unit=text) for metric in report.canary.metrics)
    results = tuple(
        replace(
            item,
            id=text,
            action=text,
            winning_arm=text,
            metrics=tuple(replace(metric, name=text, arm=text, reason=text) for metric in item.metrics),
        )
        for item in report.experiments
    )
    return replace(
        report,
        action=text,
        sequencing=(text,),
        reasons=(Reason(text, text),),
        warnings=(text,),
        notes=(text,),
        release=replace(release, experiments=heads),
        audit=replace(report.audit, arms=tuple(replace(arm, arm=text, experiment=text) for arm in report.audit.arms)),
        canary=replace(report.canary, metrics=metrics),
        experiments=results,
        sources=tuple(replace(source, role=text, uri=text) for source in report.sources),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str, tmp_path: Path) -> None:
    put(tmp_path, filled(text))
    body = render(received(Config(), tmp_path, started_by()), links={"run": PAGE})
    tags = set(re.findall(r"<(?! )/?([a-z!]+)", body))
    assert tags <= {"details", "summary", "code", "br", "sub", "sup"}
    assert "<!--" not in body
    assert read(body) is None
    assert body.count("<details>") == body.count("</details>")
    prose = re.sub(r"`[^`\n]*`", "", body)  # in a code span nothing is linked, and nobody is called
    assert not re.search(r"@octo|https://evil|(?<!\w)#1\b", prose)
    assert "\u202e" not in body
    assert not any(line.startswith("::") for line in body.splitlines())
    assert len([line for line in body.splitlines() if line.startswith("_Report of ")]) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(text=st.text(max_size=60))
def test_any_text_in_any_place_is_shown_or_refused(text: str, tmp_path: Path) -> None:
    put(tmp_path, filled(text))
    try:
        body = render(received(Config(), tmp_path, started_by()))
    except InputError:
        return
    assert read(body) is None


# ---------------------------------------------------------------- where it is posted


@pytest.mark.parametrize(
    ("given_places", "places"),
    [
        (("auto",), ("pull-request",)),
        (("auto", "deployment"), ("pull-request",)),
        (("pull-request", "auto", "commit"), ("pull-request", "commit")),
        (("deployment",), ("none",)),
        (("none",), ("none",)),
    ],
)
def test_only_comments_are_posted(given_places: tuple[Any, ...], places: tuple[str, ...]) -> None:
    assert comments_only(Config(post_to=given_places)).post_to == places


@pytest.mark.parametrize("address", ["javascript:alert(1)", "https://x.y/) [z](", "", None, 3])
def test_the_link_is_the_first_runs_page_or_our_own(address: Any) -> None:
    assert made_by(started_by()) == PAGE
    assert made_by(started_by(html_url=address)) == "https://github.com/octo/shop/actions/runs/20"
    assert made_by(GitHubContext(event={"workflow_run": "x"})).endswith("/runs/0")


# ---------------------------------------------------------------- its config


def test_publishing_needs_no_release_and_reads_none_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text(
        "mode: publish\npublish_report: in/report.json\ncanary: { thresholds: absent.yml, metrics: absent.csv }\n"
        "experiments: [ { id: a, unit: u, split: '50,50', data: absent.csv } ]\n".replace("'50,50'", "'a=50,b=50'"),
        encoding="utf-8",
    )
    assert load_config(Path("base.yml"), {}, workspace=tmp_path).publish_report == "in/report.json"
    given_report = {"mode": "publish", "report": "x.json"}
    assert load_config(Path("base.yml"), given_report, workspace=tmp_path).publish_report == "x.json"
    assert load_config(None, {"mode": "publish"}, workspace=tmp_path).publish_report == NAME


def test_a_release_yml_that_came_with_the_artifact_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "release.yml").write_text("pull_request: 1\npost_to: deployment\n", encoding="utf-8")
    config = load_config(None, {"mode": "publish"}, workspace=tmp_path)
    assert (config.pull_request, config.post_to) == (None, ("auto",))


def test_an_unknown_key_is_still_an_error(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("mode: publish\npublish_reprot: x\n", encoding="utf-8")
    with pytest.raises(InputError, match="publish_report"):
        load_config(Path("base.yml"), {}, workspace=tmp_path)


@pytest.mark.parametrize(("mode", "said"), [("publish", "on GitHub only"), ("plan", "not in this version")])
def test_the_gate_itself_judges_no_release_in_another_mode(mode: Any, said: str, tmp_path: Path) -> None:
    report = run_gate(Config(mode=mode), World(tmp_path, datetime(2026, 5, 5, tzinfo=UTC)))
    assert (report.decision, report.exit_code) == (DecisionKind.REFUSED, 2)
    assert said in report.errors[0].message


# ---------------------------------------------------------------- its two workflows


def workflow(name: str) -> Any:
    return yaml.safe_load((ROOT / "examples" / "workflows" / name).read_text(encoding="utf-8"))


def test_the_docs_show_the_two_workflows_whole() -> None:
    shown = re.findall(r"```yaml\n(.+?)```", (ROOT / "docs" / "forks.md").read_text(encoding="utf-8"), re.DOTALL)
    files = [ROOT / "examples" / "workflows" / name for name in ("fork.yml", "publish.yml")]
    assert shown == [file.read_text(encoding="utf-8") for file in files]


def test_the_first_workflow_can_write_nothing_and_hands_over_what_the_second_takes() -> None:
    first, second = workflow("fork.yml"), workflow("publish.yml")
    [job] = first["jobs"].values()
    assert job["permissions"] == {"contents": "read"}
    assert [step["with"]["post-to"] for step in job["steps"] if "OWNER" in step.get("uses", "")] == ["none"]
    upload = job["steps"][-1]["with"]
    [publish] = second["jobs"].values()
    download, post = (step["with"] for step in publish["steps"])
    assert second[True]["workflow_run"]["workflows"] == [first["name"]]  # YAML 1.1 reads `on` as true
    assert (upload["name"], upload["path"]) == (download["name"], NAME)
    assert post == {"mode": "publish", "report": f"{download['path']}/report.json"}
    assert publish["permissions"] == {"actions": "read", "pull-requests": "write"}


def test_the_second_workflow_runs_no_code_of_the_first() -> None:
    [job] = workflow("publish.yml")["jobs"].values()
    assert not any("run" in step or "checkout" in step["uses"] for step in job["steps"])


def test_a_refused_report_has_no_build_and_is_posted_all_the_same(tmp_path: Path) -> None:
    put(tmp_path, refused_report())
    assert received(Config(), tmp_path, started_by()).release is None
