"""report.json: the contract's names, plain values, its schema."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from coordinator import model
from coordinator.model import DecisionKind, Report
from coordinator.report.json import schema, to_dict, to_json, write_json
from tests.builders import (
    VARIANTS,
    base_arm,
    base_audit,
    base_canary,
    base_canary_metric,
    base_experiment,
    base_experiment_metric,
    base_report,
    error_report,
    promote_report,
    rollback_report,
    two_experiments_report,
)

VALIDATOR = jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker())

# Contract, section 6, in its own order.
CONTRACT = {
    "Report": "schema_version decision may_proceed action exit_code release audit canary experiments "
    "sequencing sources "
    "errors warnings",
    "Release": "canary_sha canary_share canary_routing_unit experiments",
    "ExperimentHeader": "id split unit",
    "Audit": "verdict rule reasons same_routing_unit layer_isolation units canary_units "
    "crossover_units canary_only_units "
    "experiment_only_units overlap arms pairs",
    "ArmOverlap": "experiment arm overlap_units observed_overlap expected_overlap relative_deviation "
    "independent_overlap "
    "independent_deviation ci_low ci_high p_value chance_of_false_alarm units_needed",
    "CanaryResult": "verdict window metrics",
    "CanaryMetric": "name class type test canary baseline relative_change p_value ci_low ci_high "
    "ci_level limits verdict "
    "reason",
    "ExperimentResult": "id verdict action canary_users_excluded excluded_units correction metrics",
    "ExperimentMetric": "name arm role type test control treatment relative_effect p_value p_adjusted ci_low ci_high "
    "ci_level mde_met required_n power verdict reason",
    "SourceRecord": "role uri rows sha256 window",
    "Problem": "code message file line fix",
    "Reason": "code message",
}
DEFINITIONS = {
    "Release": "release",
    "Audit": "audit",
    "ArmOverlap": "arm",
    "PairOverlap": "pair",
    "SampleRatioCheck": "sample_ratio",
    "CanaryResult": "canary",
    "CanaryMetric": "canary_metric",
    "ExperimentResult": "experiment",
    "ExperimentMetric": "experiment_metric",
    "SourceRecord": "source",
    "Problem": "error",
    "Reason": "reason",
    "Window": "window",
}


def definition(kind: str) -> dict[str, Any]:
    whole = schema()
    if kind == "ExperimentHeader":
        return dict(whole["$defs"]["release"]["properties"]["experiments"]["items"])
    return dict(whole if kind == "Report" else whole["$defs"][DEFINITIONS[kind]])


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_valid(name: str) -> None:
    VALIDATOR.validate(json.loads(to_json(VARIANTS[name]())))


@pytest.mark.parametrize("kind", CONTRACT)
def test_the_schema_requires_every_name_of_the_contract(kind: str) -> None:
    assert set(CONTRACT[kind].split()) <= set(definition(kind)["required"])


@pytest.mark.parametrize("kind", [*DEFINITIONS, "Report", "ExperimentHeader"])
def test_the_schema_describes_every_field_of_the_model(kind: str) -> None:
    fields = {field.name.rstrip("_") for field in dataclasses.fields(getattr(model, kind))}
    assert fields == set(definition(kind)["properties"])
    assert definition(kind)["additionalProperties"] is True  # fields may be added


def test_every_enum_of_the_schema_is_the_models() -> None:
    assert definition("Report")["properties"]["decision"]["enum"] == [kind.value for kind in DecisionKind]
    assert definition("CanaryMetric")["properties"]["verdict"]["enum"] == [
        "BREACH",
        "TREND",
        "THIN",
        "NO_DATA",
        "DATA_ERROR",
        "OK",
    ]
    assert definition("ExperimentResult")["properties"]["verdict"]["enum"] == ["SHIP", "DON'T-SHIP", "MIXED"]


def test_the_fields_of_the_contract_come_first_and_in_its_order() -> None:
    data = to_dict(two_experiments_report())
    parts = {
        "Report": data,
        "Audit": data["audit"],
        "ArmOverlap": data["audit"]["arms"][0],
        "CanaryMetric": data["canary"]["metrics"][0],
        "ExperimentMetric": data["experiments"][0]["metrics"][0],
    }
    for kind, part in parts.items():
        names = CONTRACT[kind].split()
        assert list(part)[: len(names)] == names


def test_a_metrics_class_is_called_class() -> None:
    metric = to_dict(base_report())["canary"]["metrics"][0]
    assert metric["class"] == "reliability"
    assert "class_" not in metric


def test_fractions_are_not_rounded() -> None:
    data = json.loads(to_json(base_report()))
    assert data["canary"]["metrics"][0]["canary"] == 52 / 12_400
    assert data["release"]["canary_share"] == 0.05


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_figure_that_is_not_finite_is_null(odd: float) -> None:
    metric = base_canary_metric(canary=odd, relative_change=odd, minutes_needed={"5%": odd}, p_value=odd)
    arm = base_arm(observed_overlap=odd, relative_deviation=odd)
    report = base_report(canary=base_canary(metrics=(metric,)), audit=base_audit(arms=(arm,), overlap=odd))
    data = json.loads(to_json(report), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert data["canary"]["metrics"][0]["canary"] is None
    assert data["canary"]["metrics"][0]["minutes_needed"] == {"5%": None}
    assert data["audit"]["arms"][0]["observed_overlap"] is None
    VALIDATOR.validate(data)


def test_numpy_numbers_become_plain_ones() -> None:
    metric = base_experiment_metric(n_control=np.int64(12), mde_met=np.bool_(True), power=np.float32(0.5))
    data = to_dict(base_report(experiments=(base_experiment(metrics=(metric,)),)))
    shown = data["experiments"][0]["metrics"][0]
    assert [type(shown[name]) for name in ("n_control", "mde_met", "power")] == [int, bool, float]


def test_times_are_utc_with_a_z() -> None:
    local = datetime(2026, 5, 5, 16, 40, 1, 500_000, tzinfo=timezone(timedelta(hours=2)))
    assert to_dict(base_report(created_at=local))["created_at"] == "2026-05-05T14:40:01.500000Z"
    assert to_dict(base_report(created_at=datetime(2026, 5, 5, tzinfo=UTC)))["created_at"] == "2026-05-05T00:00:00Z"


def test_text_that_utf8_cannot_hold_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_json(base_report(warnings=("a\ud800b", "naïve ✅")), path)
    assert json.loads(path.read_text(encoding="utf-8"))["warnings"] == ["a\ufffdb", "naïve ✅"]


def test_equal_reports_have_equal_bytes() -> None:
    assert to_json(promote_report()) == to_json(promote_report())


def test_something_added_stands_under_extra_and_only_then() -> None:
    assert "extra" not in to_dict(base_report())
    data = to_dict(base_report(extra={"ticket": "OPS-1"}))
    assert data["extra"] == {"ticket": "OPS-1"}
    VALIDATOR.validate(data)


def test_a_value_without_a_place_in_json_is_an_error() -> None:
    with pytest.raises(TypeError, match="object has no place"):
        to_dict(base_report(extra={"x": object()}))


@pytest.mark.parametrize(
    "contradiction",
    [
        rollback_report(may_proceed=True),
        error_report(decision=DecisionKind.PROMOTE),
        error_report(errors=()),
        base_report(canary=None),
        base_report(experiments=None),
        base_report(exit_code=7),
    ],
    ids=["proceeds on rollback", "promotes on error", "error without reason", "no canary", "no experiment", "code 7"],
)
def test_the_schema_refuses_a_report_that_contradicts_itself(contradiction: Report) -> None:
    assert not VALIDATOR.is_valid(to_dict(contradiction))
