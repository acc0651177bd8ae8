"""Nothing is undocumented: every key, input, output, exit code and verdict stands in the docs."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from coordinator import model
from coordinator.config import AuditConfig, CanaryConfig, ExperimentConfig, MetricConfig, ReleaseFile
from coordinator.documents import Threshold
from coordinator.model import ExitCode

ROOT = Path(__file__).parent.parent
DOCS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
README = (ROOT / "README.md").read_text(encoding="utf-8")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


def keys(kind: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in kind.model_fields.items()]


@pytest.mark.parametrize("kind", [CanaryConfig, ExperimentConfig, MetricConfig, AuditConfig, Threshold, ReleaseFile])
def test_every_key_of_the_config_is_documented(kind: type[BaseModel]) -> None:
    missing = [key for key in keys(kind) if not re.search(rf"`(audit\.)?{key}[`.]|## `{key}`", DOCS["config.md"])]
    assert not missing


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_the_readmes_table_is_the_actions(part: str) -> None:
    table = README.split(f"<!-- {part}: begin -->")[1].split(f"<!-- {part}: end -->")[0]
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.+?) \|$", table, flags=re.MULTILINE))
    declared = {name: " ".join(str(entry["description"]).split()) for name, entry in ACTION[part].items()}
    assert rows == {name: text.replace("|", "\\|") for name, text in declared.items()}


def test_every_exit_code_is_documented() -> None:
    for code in ExitCode:
        assert re.search(rf"^\| .*\b{int(code)}\b", README, flags=re.MULTILINE), code


VERDICTS = [kind for kind in vars(model).values() if isinstance(kind, type) and issubclass(kind, StrEnum)]


@pytest.mark.parametrize("kind", [kind for kind in VERDICTS if kind.__name__.endswith("Verdict")])
def test_every_verdict_is_explained(kind: type[StrEnum]) -> None:
    missing = [member.value for member in kind if member.value not in DOCS["statistics.md"]]
    assert not missing


def test_every_page_is_reachable_and_every_relative_link_leads_somewhere() -> None:
    pages = {ROOT / "README.md": README, **{ROOT / "docs" / name: text for name, text in DOCS.items()}}
    broken = [
        (page.name, target)
        for page, text in pages.items()
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        if not (page.parent / target).exists()
    ]
    assert not broken
