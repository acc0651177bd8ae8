"""The JSON Schema that editors read: committed as it is made, and in step with what the loader takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import coordinator
from coordinator.config import ReleaseFile
from coordinator.schema import SCHEMA_FILE, release_schema, schema_text
from tests import releases

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("release*.yml"))


class EditorLoader(yaml.SafeLoader):
    """YAML as editors read it: times stay text."""


EditorLoader.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def complaints(document: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(release_schema()).iter_errors(document)]


def test_the_committed_schema_is_the_one_that_is_made() -> None:
    committed = Path(coordinator.__file__).parent / SCHEMA_FILE
    again = "python -m coordinator schema > coordinator/release.schema.json"
    assert committed.read_text(encoding="utf-8") == schema_text(), again


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(release_schema())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_valid(path: Path) -> None:
    assert complaints(yaml.load(path.read_text(encoding="utf-8"), EditorLoader)) == []  # a safe loader of our own


def test_the_examples_pass_the_checker_that_people_use() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", "coordinator/release.schema.json"]
    done = subprocess.run([*command, *map(str, EXAMPLES)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_release_of_the_contract_is_valid() -> None:
    text = """\
canary:
  sha: 9f3c2ab
  share: 5%
  steps: [ { at: 2026-05-01T00:00:00Z, share: 1% }, { at: 2026-05-03T00:00:00Z, share: 5% } ]
  routing_unit: user_id
  assignments: logs/canary-*.parquet
  columns: { unit: user_id, cohort: cohort, timestamp: first_seen }
  cohorts: { canary: [ canary, 9f3c2ab ], baseline: [ stable, 4d01e77 ] }
  complete: true
  metrics: canary-metrics.yml
  thresholds: canary-thresholds.yml
  window: 30m
  min_power: 0.5
  looks: auto
experiments:
  - id: checkout-promo-banner-v2
    unit: user_id
    split: { control: 50%, treatment: 50% }
    steps: [ { at: 2026-04-15T00:00:00Z, split: { control: 90%, treatment: 10% } } ]
    assignments: logs/experiment-*.parquet
    columns: { unit: user_id, variant: variant, timestamp: exposed_at, experiment: experiment_id }
    ignore_variants: [ holdout ]
    data: experiment-data.yml
    mde: mde.yml
    primary: checkout_completion_rate
    correction: fdr_bh
    looks: auto
    metrics: { support_tickets_per_user: { role: guardrail, direction: decrease, margin: 5%, type: mean,
      winsorize: 99.9%, covariate: tickets_before } }
audit: { rule: evidence, tolerance: 10%, alpha: 0.001, require_proof: false, layer_noise: 0, exclusion_threshold: 2%,
  max_crossover: 1%, min_coverage: 90%, max_bad_rows: 0.1%, unit_aliases: { user_id: [ uid ] } }
platform: { configs: [ growthbook.json, rollout.yaml ] }
report: { html: true, exclusions: false, directory: release-gate }
engine: { memory_limit: 4GB, threads: 2, sample: none }
limits: { run: 30m, posting: 120s, allow_paths: [] }
"""
    assert complaints(yaml.load(text, EditorLoader)) == []
    as_text = yaml.load(text, yaml.BaseLoader)  # every scalar as text, as the loader reads it
    assert ReleaseFile.model_validate(as_text).experiments[0].id == "checkout-promo-banner-v2"


@pytest.mark.parametrize(
    "changes",
    [
        {"canary": {"sha": 1234567}},
        {"canary": {"share": 5}},
        {"canary": {"share": 0.05}},
        {"canary": {"window": {"start": "2026-05-05T14:00:00Z", "end": "2026-05-05T14:30:00Z"}}},
        {"canary": {"looks": 3}},
        {"canary": {"assignments": ["a.csv", "b.csv"]}},
        {"canary": {"cohorts": {"canary": "v2"}}},
        {"experiment": {"split": "control=50,treatment=50"}},
        {"experiment": {"ignore_variants": [True, "holdout"]}},
        {"experiment": {"id": 17}},
        {"post_to": "pull-request,commit"},
        {"fail_on": ["pause", "mixed"]},
        {"step": "canary"},
    ],
)
def test_every_form_that_the_loader_takes_is_valid(changes: dict[str, Any]) -> None:
    assert complaints(releases.release_document(**changes)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"canry": {}},
        {"canary": {"shar": "5%"}},
        {"canary": {"on_thin": "ignore"}},
        {"canary": {"looks": "often"}},
        {"canary": {"share": ["5%"]}},
        {"canary": {"window": {"start": "2026-05-05"}}},
        {"audit": {"rule": "guess"}},
        {"experiment": {"metrics": {"m": {"role": "boss"}}}},
        {"experiment": {"split": ["control", "treatment"]}},
        {"fail_on": ["rain"]},
    ],
)
def test_what_the_loader_refuses_is_marked_in_the_editor(changes: dict[str, Any]) -> None:
    assert complaints(releases.release_document(**changes))


def test_every_key_of_the_config_is_in_the_schema() -> None:
    schema = json.loads(schema_text())
    assert set(schema["properties"]) == set(ReleaseFile.model_fields)
    assert schema["additionalProperties"] is False
