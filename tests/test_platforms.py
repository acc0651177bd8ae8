"""What GrowthBook's own config proves of layers, and what that means for the audit, end to end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coordinator.config import Config
from coordinator.errors import InputError
from coordinator.gate import World, run_gate
from coordinator.loader import load_config
from coordinator.model import AuditVerdict, DecisionKind, LayerFinding, Report
from coordinator.platforms import read_layers
from tests import releases


def space(first: Any, second: Any, name: str = "checkout", **more: Any) -> dict[str, Any]:
    return {"namespace": [name, first, second], **more}


def ranges(*parts: Any, seed: str = "checkout", **more: Any) -> dict[str, Any]:
    return {"filters": [{"seed": seed, "ranges": list(parts), "attribute": "id", "hashVersion": 2, **more}]}


def payload(canary: dict[str, Any] | None, banner: dict[str, Any] | None) -> dict[str, Any]:
    """An SDK payload with the canary's flag and one experiment."""
    features: dict[str, Any] = {"other": {"defaultValue": False}}
    if canary is not None:
        features["canary-rollout"] = {"defaultValue": False, "rules": [{"coverage": 0.2, **canary}]}
    if banner is not None:
        rules = [{"force": True}, {"key": "banner", "variations": [0, 1], **banner}]
        features["banner-flag"] = {"defaultValue": 0, "rules": rules}
    return {"features": features, "dateUpdated": "2026-05-01T00:00:00Z"}


def finding(folder: Path, document: dict[str, Any], canary: str | None = "canary-rollout") -> LayerFinding:
    path = folder / "growthbook.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    experiments = [{"id": "banner", "unit": "user_id", "split": {"control": 0.5, "treatment": 0.5}}]
    config = Config.model_validate({"experiments": experiments, "platform": {"canary": canary}})
    (found,) = read_layers([path], config, folder)
    return found


@pytest.mark.parametrize(
    ("canary", "banner"),
    [
        (space(0, 0.2), space(0.2, 1)),
        (space(0.5, 1), space(0, 0.5)),
        (space("0", "0.2"), space("0.2", "1.0")),
        (space(0, 0.2, hashAttribute="company"), space(0.2, 1, hashAttribute="company")),
        (ranges([0, 0.1], [0.9, 1]), ranges([0.1, 0.9])),
    ],
    ids=["touching", "swapped", "text", "attribute", "filters"],
)
def test_disjoint_ranges_of_one_layer_are_confirmed(
    tmp_path: Path, canary: dict[str, Any], banner: dict[str, Any]
) -> None:
    found = finding(tmp_path, payload(canary, banner))
    assert (found.experiment, found.isolation, found.disjoint) == ("banner", "confirmed", True)
    assert "`checkout`: the canary and `banner` have disjoint ranges of one layer" in found.evidence


@pytest.mark.parametrize(
    ("canary", "banner"),
    [
        (space(0, 0.3), space(0.2, 1)),
        (space(0, 1), space(0.4, 0.6)),
        (space(0, 0.5, hashAttribute="id"), space(0.5, 1, hashAttribute="device")),
        (space(0, 0.5), space(0.5, 1, "search")),
        (space(0, 0.5), {}),
        ({}, space(0.5, 1)),
        (space("a", "b"), space(0.5, 1)),
        ({"namespace": ["checkout", 0]}, space(0.5, 1)),
        ({"namespace": "checkout"}, space(0.5, 1)),
        (ranges([0, 0.5]), ranges([0.5, 1], attribute="device")),
        (ranges([0, 0.5]), ranges([0.5, 1], hashVersion=1)),
        (ranges([0, 0.5]), ranges([0.5, 1], seed="search")),
        (ranges([0]), ranges([0.5, 1])),
        (ranges([0, 0.5]), space(0.5, 1)),
        ({"filters": "all"}, ranges([0.5, 1])),
        (None, space(0.5, 1)),
        (space(0, 0.5), None),
    ],
)
def test_anything_less_than_a_proof_is_unconfirmed(
    tmp_path: Path, canary: dict[str, Any] | None, banner: dict[str, Any] | None
) -> None:
    found = finding(tmp_path, payload(canary, banner))
    assert (found.isolation, found.disjoint) == ("unconfirmed", False)
    assert found.evidence


def test_without_the_canarys_flag_no_shared_layer_is_shown(tmp_path: Path) -> None:
    assert finding(tmp_path, payload(space(0, 0.2), space(0.2, 1)), canary=None).isolation == "unconfirmed"


def test_one_rule_of_the_experiment_outside_the_layer_takes_the_proof_away(tmp_path: Path) -> None:
    document = payload(space(0, 0.2), space(0.2, 1))
    document["features"]["banner-flag"]["rules"].append({"key": "banner", "variations": [0, 1]})
    assert finding(tmp_path, document).isolation == "unconfirmed"


def test_one_overlapping_rule_takes_the_proof_away(tmp_path: Path) -> None:
    document = payload(space(0, 0.2), space(0.2, 1))
    document["features"]["banner-flag"]["rules"].append({"key": "banner", **space(0, 0.5)})
    assert finding(tmp_path, document).isolation == "unconfirmed"


@pytest.mark.parametrize("document", [{"flags": {}}, {"features": []}, {"segments": {"features": {}}}])
def test_a_config_of_an_unknown_platform_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"growthbook\.json: the platform of this config is not known"):
        finding(tmp_path, document)


@pytest.mark.parametrize("features", [{"a": None}, {"a": []}, {"a": {"rules": {"b": 1}}}, {"a": {"rules": ["b"]}}, {}])
def test_an_odd_payload_proves_nothing_and_breaks_nothing(tmp_path: Path, features: dict[str, Any]) -> None:
    assert finding(tmp_path, {"features": features}).isolation == "unconfirmed"


# ------------------------------------------------------------ through the whole gate


def gate(folder: Path, document: dict[str, Any], rows: list[tuple[str, str, str]] | None = None) -> Report:
    (folder / "growthbook.json").write_text(json.dumps(document), encoding="utf-8")
    platform = {"configs": "growthbook.json", "canary": "canary-rollout"}
    path = releases.make(folder, assignments=rows, release=releases.release_document(platform=platform))
    return run_gate(load_config(path, workspace=folder), World(folder, releases.NOW))


def test_overlap_in_a_disjoint_layer_is_contamination(tmp_path: Path) -> None:
    report = gate(tmp_path, payload(space(0, 0.2), space(0.2, 1)))
    assert report.audit is not None, report.errors
    assert report.audit.verdict is AuditVerdict.CONTAMINATED
    assert report.audit.layer_isolation == "confirmed"
    assert "layer_overlap" in {reason.code for reason in report.audit.reasons}
    assert (report.decision, report.exit_code) == (DecisionKind.REFUSED, 1)
    assert report.canary is None


def test_the_same_logs_without_a_shared_layer_are_clean(tmp_path: Path) -> None:
    report = gate(tmp_path, payload(space(0, 0.2), space(0.1, 1)))
    assert report.audit is not None, report.errors
    assert (report.audit.verdict, report.audit.layer_isolation) == (AuditVerdict.CLEAN, "unconfirmed")
    assert report.decision is DecisionKind.PROMOTE


def test_an_unknown_platform_refuses_the_whole_run(tmp_path: Path) -> None:
    report = gate(tmp_path, {"flags": {}})
    assert (report.exit_code, report.may_proceed) == (2, False)
    assert "the platform of this config is not known" in report.errors[0].message
