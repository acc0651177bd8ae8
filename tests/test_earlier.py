"""Earlier reports: the promotion that the experiment's step builds on, and looks already taken."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator.config import Config
from coordinator.earlier import looked_before, promotion
from coordinator.errors import InputError
from coordinator.model import CanaryVerdict, SourceRecord

NOW = datetime(2026, 5, 6, 12, 0, tzinfo=UTC)
METRIC = {
    "name": "error_rate",
    "class": "reliability",
    "type": "rate",
    "test": "chi-square",
    "canary": 0.004,
    "baseline": 0.004,
    "relative_change": 0.0,
    "p_value": 1.0,
    "ci_low": -0.1,
    "ci_high": 0.1,
    "ci_level": 0.95,
    "limits": {"relative": {"max": 1.5}},
    "verdict": "OK",
    "reason": "inside every limit",
}


def report(**changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "decision": "promote",
        "release": {"canary_sha": "9f3c2abdeadbeef"},
        "canary": {
            "verdict": "PROMOTE",
            "window": {"start": "2026-05-06T10:00:00Z", "end": "2026-05-06T10:30:00Z"},
            "metrics": [METRIC],
        },
        "sources": [{"role": "canary metrics", "sha256": "aa"}],
        **changes,
    }


def config(**changes: Any) -> Config:
    return Config.model_validate(
        {
            "canary": {"sha": "9f3c2ab", "window": "30m"},
            "step": "experiment",
            "canary_promoted_at": NOW - timedelta(minutes=45),
            "canary_report": "earlier.json",
            **changes,
        }
    )


def write(folder: Path, data: object, name: str = "earlier.json") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


def test_only_the_experiments_step_needs_a_promotion(tmp_path: Path) -> None:
    assert promotion(config(step="canary"), tmp_path, NOW) is None


def test_the_step_opens_one_observation_window_after_promotion(tmp_path: Path) -> None:
    write(tmp_path, report())
    found = promotion(config(), tmp_path, NOW)
    assert found is not None
    assert found.window_passed
    assert found.canary.verdict is CanaryVerdict.PROMOTE
    assert found.canary.metrics[0].name == "error_rate"
    assert found.source.sha256


def test_before_the_window_has_passed_the_reason_says_when_it_opens(tmp_path: Path) -> None:
    write(tmp_path, report())
    found = promotion(config(canary_promoted_at=NOW - timedelta(minutes=29)), tmp_path, NOW)
    assert found is not None
    assert not found.window_passed
    assert "2026-05-06 12:01 UTC" in found.reason.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (report(release={"canary_sha": "4d01e77"}), "build 4d01e77"),
        (report(release=None), "build None"),
        (report(decision="hold"), "expected PROMOTE"),
        (report(canary={"verdict": "PAUSE", "metrics": []}), "expected PROMOTE"),
        (report(canary=None), "expected PROMOTE"),
        (report(schema_version=2), "schema version 1"),
        (report(canary={"verdict": "PROMOTE", "metrics": [{"name": "x"}]}), "cannot be read"),
        ([1, 2], "schema version 1"),
    ],
)
def test_a_report_that_does_not_prove_the_promotion_is_refused(tmp_path: Path, data: object, message: str) -> None:
    write(tmp_path, data)
    with pytest.raises(InputError, match=message):
        promotion(config(), tmp_path, NOW)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"canary_report": None}, "canary-report"),
        ({"canary_promoted_at": None}, "canary-promoted-at"),
        ({"canary_promoted_at": NOW + timedelta(minutes=1)}, "future"),
        ({"canary_report": "../earlier.json"}, "outside the workspace"),
        ({"canary_report": "absent.json"}, "cannot be read"),
    ],
)
def test_what_is_missing_or_contradictory_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write(tmp_path, report())
    with pytest.raises(InputError, match=message):
        promotion(config(**changes), tmp_path, NOW)


@pytest.mark.parametrize(
    ("data", "checksum", "again"),
    [
        (report(), "bb", True),  # the same release with other data: a second look
        (report(), "aa", False),  # the same data: the same look
        (report(release={"canary_sha": "4d01e77"}), "bb", False),  # another build
        (report(canary=None), "bb", False),  # the canary was not judged then
        ("broken", "bb", False),
    ],
)
def test_a_report_of_the_same_build_from_other_data_counts_as_a_look(
    tmp_path: Path, data: object, checksum: str, again: bool
) -> None:
    write(tmp_path, data, "release-gate/report.json")
    sources = [SourceRecord("canary metrics", "metrics.csv", 10, checksum, None)]
    assert looked_before(config(), tmp_path, sources) is again


def test_without_an_earlier_report_this_is_the_first_look(tmp_path: Path) -> None:
    assert not looked_before(config(), tmp_path, [])
