"""What people write is read as they mean it: inputs over config, odd but right values, the sample files of the docs."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator.config import Config
from coordinator.documents import Value
from coordinator.errors import InputError
from coordinator.loader import load_config
from coordinator.model import Direction, MetricClass
from tests import releases

THRESHOLDS = """\
# canary-thresholds.yml
metrics:
  error_rate:
    absolute: { max: 0.5 }      # %, whatever the baseline is
    relative: { max: 1.5 }      # x baseline
  p95_latency:
    absolute: { max: 500 }      # ms
    relative: { max: 1.2 }
  checkout_completion_rate:
    absolute: { min: 90 }       # %
    relative: { min: 0.95 }     # at least 95 % of the baseline
"""
EXPERIMENT_DATA = """\
# experiment-data.yml
experiment_id: checkout-promo-banner-v2
running_since: 2026-04-15
running_until: 2026-05-05
hypothesis: "Promo banner increases checkout completion."
variants:
  - name: control
    cohort_size: 12450
    metrics:
      checkout_completion_count: 8523            # *_count over cohort_size: a proportion, reported as *_rate
      avg_session_duration_sec: [31.2, 40.8]     # a list: a continuous metric
  - name: treatment_a
    cohort_size: 12380
    metrics: { checkout_completion_count: 8771, avg_session_duration_sec: [33.0, 41.5, 2] }
"""
MDE = """\
# mde.yml: what is worth shipping
checkout_completion_rate: { mde_relative: 1.0, mde_absolute: 0.5 }   # % and pp; either one is enough
avg_revenue_per_user:     { mde_absolute: 0.50 }
"""
CANARY_METRICS = """\
window: { start: 2026-05-05T14:00:00Z, end: 2026-05-05T14:30:00Z }
canary:
  sha: abc123
  metrics:
    error_rate: { numerator: 52, denominator: 12400 }
    p95_latency: { samples: [243.1, 251.0, 240.2] }
    order_value: { n: 900, mean: 41.2, std: 12.9 }
baseline:
  sha: def456
  metrics:
    error_rate: { numerator: 912, denominator: 236100 }
    p95_latency: { samples: p95.csv }
"""
INPUTS = {
    "canary-sha": "9f3c2ab",
    "canary-share": "5%",
    "canary-routing-unit": "user_id",
    "canary-assignments": "canary.csv",
    "canary-metrics": "canary-metrics.yml",
    "canary-thresholds": "canary-thresholds.yml",
    "experiment-id": "banner",
    "experiment-split": "control=50,treatment=50",
    "experiment-unit": "user_id",
    "experiment-assignments": "experiment.csv",
    "experiment-data": "experiment-data.yml",
}


def load(folder: Path, overrides: dict[str, str] | None = None, **changes: Any) -> Config:
    """A healthy release with changes, read back."""
    releases.make(folder, assignments=releases.independent(20), release=releases.release_document(**changes))
    return load_config(Path("release.yml"), overrides or {}, workspace=folder)


def load_text(folder: Path, text: str, overrides: dict[str, str] | None = None) -> Config:
    """A ``release.yml`` as text; the files beside it are healthy."""
    releases.make(folder, assignments=releases.independent(20))
    (folder / "release.yml").write_text(text, encoding="utf-8")
    return load_config(Path("release.yml"), overrides or {}, workspace=folder)


def release_text(*, sha: str = "9f3c2ab", split: str = "{ control: 50%, treatment: 50% }", more: str = "") -> str:
    return f"""\
canary:
  sha: {sha}
  share: 20%
  routing_unit: user_id
  assignments: canary.csv
  metrics: metrics.csv
  thresholds: canary-thresholds.yml
experiments:
  - id: banner
    unit: user_id
    split: {split}
    assignments: experiment.csv
    data: table.csv
{more}
"""


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A folder with the tables that ``release_text`` names."""
    (tmp_path / "metrics.csv").write_text("timestamp,metric,cohort,value\n", encoding="utf-8")
    (tmp_path / "table.csv").write_text("user_id,a\n", encoding="utf-8")
    return tmp_path


# ------------------------------------------------------------ the sample files of mission.md


def mission(folder: Path) -> Config:
    releases.make(folder, assignments=releases.independent(20))
    for name, text in (
        ("canary-thresholds.yml", THRESHOLDS),
        ("experiment-data.yml", EXPERIMENT_DATA),
        ("mde.yml", MDE),
        ("canary-metrics.yml", CANARY_METRICS),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    given = {
        "canary-sha": "abc123",
        "experiment-id": "checkout-promo-banner-v2",
        "experiment-split": "control=50,treatment_a=50",
    }
    return load_config(Path("release.yml"), given, workspace=folder)


def test_the_sample_thresholds_are_read_as_they_stand(tmp_path: Path) -> None:
    thresholds = mission(tmp_path).thresholds
    assert list(thresholds) == ["error_rate", "p95_latency", "checkout_completion_rate"]
    error, latency, completion = thresholds.values()
    assert (error.absolute and error.absolute.max, error.relative and error.relative.max) == (0.5, 1.5)
    assert (latency.absolute and latency.absolute.max, latency.relative and latency.relative.max) == (500, 1.2)
    assert (completion.absolute and completion.absolute.min, completion.relative and completion.relative.min) == (
        90,
        0.95,
    )


def test_the_sample_experiment_is_read_as_it_stands(tmp_path: Path) -> None:
    document = mission(tmp_path).experiment_documents["checkout-promo-banner-v2"]
    assert document.hypothesis == "Promo banner increases checkout completion."
    assert document.running_since == datetime(2026, 4, 15, tzinfo=UTC)
    control, treatment = document.variants
    assert (control.name, control.cohort_size, control.metrics["checkout_completion_count"]) == ("control", 12450, 8523)
    assert treatment.metrics["avg_session_duration_sec"] == (33.0, 41.5, 2.0)


def test_the_sample_minimum_effects_are_read_as_they_stand(tmp_path: Path) -> None:
    config = mission(tmp_path)
    effects = config.mdes["checkout-promo-banner-v2"]
    assert effects["checkout_completion_rate"].model_dump() == {"mde_relative": 1.0, "mde_absolute": 0.5}
    assert effects["avg_revenue_per_user"].mde_absolute == 0.5
    assert any("`avg_revenue_per_user` is given, but the data has no such metric" in note for note in config.notes)


def test_the_sample_canary_metrics_are_read_as_they_stand(tmp_path: Path) -> None:
    document = mission(tmp_path).canary_document
    assert document is not None
    assert document.window is not None
    assert document.window.end == datetime(2026, 5, 5, 14, 30, tzinfo=UTC)
    assert document.canary.metrics["p95_latency"].samples == (243.1, 251.0, 240.2)
    assert document.canary.metrics["order_value"].std == 12.9
    assert document.baseline.metrics["p95_latency"].samples == "p95.csv"


def test_a_date_running_until_includes_that_day(tmp_path: Path) -> None:
    config = mission(tmp_path)
    assert config.experiment_documents["checkout-promo-banner-v2"].running_until == datetime(2026, 5, 6, tzinfo=UTC)
    assert config.still_running("checkout-promo-banner-v2", datetime(2026, 5, 5, 23, 59, tzinfo=UTC))
    assert not config.still_running("checkout-promo-banner-v2", datetime(2026, 5, 6, tzinfo=UTC))


@pytest.mark.parametrize("until", ["2026-05-05T12:00:00Z", "2026-05-05T14:00:00+02:00", "2026-05-05T12:00"])
def test_a_time_running_until_is_taken_to_the_second(tmp_path: Path, until: str) -> None:
    document = releases.experiment_document() | {"running_until": until}
    releases.make(tmp_path, assignments=releases.independent(20), experiment=document)
    config = load_config(Path("release.yml"), workspace=tmp_path)
    assert config.experiment_documents["banner"].running_until == datetime(2026, 5, 5, 12, tzinfo=UTC)


def test_an_experiment_of_one_day_is_no_contradiction(tmp_path: Path) -> None:
    document = releases.experiment_document() | {"running_since": "2026-05-05", "running_until": "2026-05-05"}
    releases.make(tmp_path, assignments=releases.independent(20), experiment=document)
    assert load_config(Path("release.yml"), workspace=tmp_path).experiment_documents


# ------------------------------------------------------------ words that look like something else


@pytest.mark.parametrize(("first", "second"), [("off", "on"), ("false", "true"), ("no", "yes"), ("0", "1")])
def test_arms_keep_their_names(tables: Path, first: str, second: str) -> None:
    config = load_text(tables, release_text(split=f"{{ {first}: 90%, {second}: 10% }}"))
    assert config.experiments[0].split == {first: 0.9, second: 0.1}
    assert config.experiments[0].control_arm == first


def test_arms_called_true_and_false_keep_their_names_in_json_too(tmp_path: Path) -> None:
    document = releases.release_document(experiment={"split": "false=50,true=50"})
    variants = [
        {"name": False, "cohort_size": 10, "metrics": {"checkout_completion_count": 5}},
        {"name": True, "cohort_size": 10, "metrics": {"checkout_completion_count": 5}},
    ]
    releases.make(tmp_path, assignments=releases.independent(20), release=document)
    data = releases.experiment_document() | {"variants": variants}
    (tmp_path / "data.json").write_text(json.dumps(data), encoding="utf-8")
    config = load_config(Path("release.yml"), {"experiment-data": "data.json"}, workspace=tmp_path)
    assert [variant.name for variant in config.experiment_documents["banner"].variants] == ["false", "true"]


@pytest.mark.parametrize("sha", ["1234567", "0123456", "00000000", "1e10000", "9f3c2ab"])
def test_a_sha_stays_as_it_is_written(tables: Path, sha: str) -> None:
    assert load_text(tables, release_text(sha=sha)).canary.sha == sha
    assert load_text(tables, release_text(), {"canary-sha": sha}).canary.sha == sha


@pytest.mark.parametrize(
    ("release", "metrics"), [("9f3c2ab", "9f3c2ab0123456789"), ("9F3C2AB01234", "9f3c2ab"), ("0123456", "01234567")]
)
def test_a_short_and_a_full_sha_are_one_build(tmp_path: Path, release: str, metrics: str) -> None:
    releases.make(
        tmp_path,
        assignments=releases.independent(20),
        release=releases.release_document(canary={"sha": release}),
        canary=releases.merge(releases.canary_document(), {"canary": {"sha": metrics}}),
    )
    assert load_config(Path("release.yml"), workspace=tmp_path).canary.sha == release


@pytest.mark.parametrize("sha", ["9f3c", "9f3c2ac", "4d01e77"])
def test_too_short_or_another_sha_is_another_build(tmp_path: Path, sha: str) -> None:
    document = releases.merge(releases.canary_document(), {"canary": {"sha": sha}})
    releases.make(tmp_path, assignments=releases.independent(20), canary=document)
    with pytest.raises(InputError, match="the metrics are of build"):
        load_config(Path("release.yml"), workspace=tmp_path)


# ------------------------------------------------------------ shares and splits


def test_a_fraction_as_a_share_is_noted(tmp_path: Path) -> None:
    config = load(tmp_path, {"canary-share": "0.5"})
    assert config.canary.share == 0.5
    assert "`canary.share: 0.5` was read as 50%." in config.notes


@pytest.mark.parametrize("share", ["5%", "5"])
def test_a_share_in_per_cent_needs_no_note(tmp_path: Path, share: str) -> None:
    config = load(tmp_path, {"canary-share": share})
    assert config.canary.share == 0.05
    assert not any("was read as" in note for note in config.notes)


def test_a_fraction_in_a_ramp_is_noted_with_its_step(tmp_path: Path) -> None:
    steps = [{"at": "2026-05-01", "share": "1%"}, {"at": "2026-05-03", "share": "0.05"}]
    config = load(tmp_path, canary={"share": None, "steps": steps})
    assert "`canary.steps[1].share: 0.05` was read as 5%." in config.notes


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("control=99,treatment=1", {"control": 0.99, "treatment": 0.01}),
        ("control=0.5,treatment=0.5", {"control": 0.5, "treatment": 0.5}),
        ("control=50%, treatment=50%", {"control": 0.5, "treatment": 0.5}),
        ("control=50\ntreatment=50\n", {"control": 0.5, "treatment": 0.5}),
        ("control=99.5,treatment=0.5", {"control": 0.995, "treatment": 0.005}),
    ],
)
def test_a_split_is_read_in_per_cent_or_fractions_by_its_sum(
    tmp_path: Path, split: str, expected: dict[str, float]
) -> None:
    found = load(tmp_path, {"experiment-split": split}).experiments[0].split
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()))


def test_a_split_in_thirds_adds_up(tables: Path) -> None:
    config = load_text(tables, release_text(split="{ a: 33.3%, b: 33.3%, c: 33.3% }"))
    assert sum(config.experiments[0].split.values()) == pytest.approx(1, abs=1e-12)


# ------------------------------------------------------------ inputs over config


def test_an_input_wins_over_the_config(tmp_path: Path) -> None:
    given = {"canary-sha": "4d01e77", "canary-share": "10%", "audit-rule": "threshold", "fail-on": "pause, mixed"}
    document = releases.merge(releases.canary_document(), {"canary": {"sha": "4d01e77"}})
    releases.make(tmp_path, assignments=releases.independent(20), canary=document)
    config = load_config(Path("release.yml"), given, workspace=tmp_path)
    assert (config.canary.sha, config.canary.share, config.audit.rule) == ("4d01e77", 0.1, "threshold")
    assert config.fail_on == ("pause", "mixed")


def test_a_share_input_drops_the_steps_of_the_config(tmp_path: Path) -> None:
    steps = [{"at": "2026-05-01", "share": "1%"}, {"at": "2026-05-03", "share": "5%"}]
    config = load(tmp_path, {"canary-share": "10%"}, canary={"share": None, "steps": steps})
    assert (config.canary.share, config.canary.steps) == (0.1, ())
    assert "Input `canary-share` replaces the config's `canary.steps`." in config.notes


def test_a_split_input_drops_the_steps_of_the_experiment(tmp_path: Path) -> None:
    steps = [{"at": "2026-05-01", "split": "control=90,treatment=10"}]
    config = load(tmp_path, {"experiment-split": "control=50,treatment=50"}, experiment={"steps": steps})
    assert config.experiments[0].steps == ()
    assert "Input `experiment-split` replaces the experiment's `steps`." in config.notes


def test_a_split_may_come_from_the_last_step(tmp_path: Path) -> None:
    steps = [
        {"at": "2026-05-01", "split": "control=90,treatment=10"},
        {"at": "2026-05-02", "split": "control=50,treatment=50"},
    ]
    config = load(tmp_path, experiment={"split": None, "steps": steps})
    assert config.experiments[0].split == {"control": 0.5, "treatment": 0.5}


def test_inputs_alone_make_a_release(tmp_path: Path) -> None:
    releases.make(tmp_path, assignments=releases.independent(20))
    (tmp_path / "release.yml").unlink()
    config = load_config(None, INPUTS, workspace=tmp_path)
    assert (config.canary.sha, config.canary.share, config.canary.window) == ("9f3c2ab", 0.05, timedelta(minutes=30))
    assert config.experiments[0].split == {"control": 0.5, "treatment": 0.5}
    assert config.thresholds
    assert config.canary_document
    assert config.experiment_documents


def test_an_input_may_name_several_logs_one_a_line(tmp_path: Path) -> None:
    config = load(tmp_path, {"canary-assignments": "canary.csv\n  experiment.csv\n"})
    assert config.canary.assignments == ("canary.csv", "experiment.csv")


@pytest.mark.parametrize("form", ["canary.csv", ["canary.csv"], "can*.csv", "./canary.csv", "logs/../canary.csv"])
def test_a_path_may_be_one_text_or_a_list_or_a_pattern(tmp_path: Path, form: Any) -> None:
    (tmp_path / "logs").mkdir()
    config = load(tmp_path, canary={"assignments": form})
    assert config.canary.assignments == ((form,) if isinstance(form, str) else tuple(form))


def test_an_absolute_path_of_the_workspace_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, {"canary-thresholds": str(tmp_path / "canary-thresholds.yml")}).thresholds


def test_keys_without_a_value_are_not_given(tables: Path) -> None:
    text = release_text(more="    mde:\n    primary: ~\naudit:\n  rule:\nstep: ''\nreport: null\nassignments:\n")
    config = load_text(tables, text)
    assert (config.audit.rule, config.step, config.report.html, config.assignments) == ("evidence", None, True, ())


def test_a_config_in_a_folder_is_found_from_the_workspace_and_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.make(tmp_path, assignments=releases.independent(20))
    (tmp_path / "deploy").mkdir()
    (tmp_path / "release.yml").rename(tmp_path / "deploy" / "gate.yml")
    assert load_config(Path("deploy/gate.yml"), workspace=tmp_path).canary.sha == "9f3c2ab"
    monkeypatch.chdir(tmp_path / "deploy")
    assert load_config(Path("gate.yml"), workspace=tmp_path).canary.sha == "9f3c2ab"


def test_json_documents_are_read_like_yaml(tmp_path: Path) -> None:
    plain = load(tmp_path)
    names = {"canary-metrics.yml": "m.json", "canary-thresholds.yml": "t.json", "experiment-data.yml": "d.json"}
    for old, new in names.items():
        (tmp_path / old).rename(tmp_path / new)
    given = {"canary-metrics": "m.json", "canary-thresholds": "t.json", "experiment-data": "d.json"}
    config = load_config(Path("release.yml"), given, workspace=tmp_path)
    assert config.canary_document == plain.canary_document
    assert config.thresholds == plain.thresholds
    assert config.experiment_documents == plain.experiment_documents


def test_a_json_file_of_rows_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text('{"user_id": "a", "x": 1}\n{"user_id": "b", "x": 0}\n', encoding="utf-8")
    (tmp_path / "list.json").write_text('[{"user_id": "a", "x": 1}]', encoding="utf-8")
    for name in ("rows.json", "list.json"):
        assert load(tmp_path, {"experiment-data": name}, experiment={"mde": None}).experiment_documents == {}


def test_settings_of_a_threshold_are_read(tmp_path: Path) -> None:
    threshold = {"relative": {"max": 1.5}, "class": "performance", "direction": "decrease", "critical": "on"}
    releases.make(tmp_path, assignments=releases.independent(20), thresholds={"metrics": {"queue": threshold}})
    (queue,) = load_config(Path("release.yml"), workspace=tmp_path).thresholds.values()
    assert (queue.class_, queue.direction, queue.critical) == (MetricClass.PERFORMANCE, Direction.DECREASE, True)


def test_a_setting_of_a_metric_that_the_data_lacks_is_noted_with_the_nearest_one(tmp_path: Path) -> None:
    config = load(tmp_path, experiment={"metrics": {"checkout_completion_rat": {"role": "guardrail"}}})
    (note,) = [note for note in config.notes if "The setting of" in note]
    assert "Did you mean `checkout_completion_rate`?" in note


# ------------------------------------------------------------ outcomes, not errors


@pytest.mark.parametrize(
    "metric",
    [
        {"numerator": ".nan", "denominator": 10},
        {"numerator": "NaN", "denominator": "Infinity"},
        {"numerator": -5, "denominator": 10},
        {"numerator": 11, "denominator": 10},
        {"numerator": 0, "denominator": 0},
        {"n": -1, "mean": ".inf", "std": "-.inf"},
        {"samples": []},
        {"samples": [1, ".nan", ".inf"]},
        {"value": ".nan"},
        {"numerator": None, "denominator": 10},
        None,
    ],
)
def test_a_figure_that_makes_no_sense_is_read_and_judged_later(tmp_path: Path, metric: Any) -> None:
    document = releases.canary_document(error_rate=metric)
    releases.make(tmp_path, assignments=releases.independent(20), canary=document)
    config = load_config(Path("release.yml"), workspace=tmp_path)
    assert config.canary_document is not None
    found = config.canary_document.canary.metrics.get("error_rate")
    assert (found is None) == (metric is None)


def test_nan_of_json_is_read(tmp_path: Path) -> None:
    releases.make(tmp_path, assignments=releases.independent(20))
    document = releases.canary_document(error_rate={"numerator": math.nan, "denominator": math.inf})
    (tmp_path / "m.json").write_text(json.dumps(document), encoding="utf-8")
    config = load_config(Path("release.yml"), {"canary-metrics": "m.json"}, workspace=tmp_path)
    assert config.canary_document is not None
    rate = config.canary_document.canary.metrics["error_rate"]
    assert rate.numerator is not None
    assert math.isnan(rate.numerator)
    assert rate.denominator == math.inf


@pytest.mark.parametrize("count", [".nan", ".inf", -3, None])
@pytest.mark.parametrize("size", [".nan", 0, -1])
def test_counts_and_sizes_that_make_no_sense_are_judged_later(tmp_path: Path, count: Any, size: Any) -> None:
    document = releases.experiment_document()
    document["variants"][0] |= {"cohort_size": size, "metrics": {"checkout_completion_count": count}}
    releases.make(tmp_path, assignments=releases.independent(20), experiment=document)
    assert load_config(Path("release.yml"), workspace=tmp_path).experiment_documents


def test_a_threshold_for_a_metric_that_the_data_lacks_is_an_outcome(tmp_path: Path) -> None:
    thresholds = {"metrics": {"error_rate": {"relative": {"max": 1.5}}, "signup_rate": {"relative": {"min": 0.9}}}}
    releases.make(tmp_path, assignments=releases.independent(20), thresholds=thresholds)
    assert set(load_config(Path("release.yml"), workspace=tmp_path).thresholds) == {"error_rate", "signup_rate"}


def test_a_metric_has_one_of_four_forms() -> None:
    assert Value.model_validate({"samples": ["1", "2.5"]}).samples == (1.0, 2.5)


# ------------------------------------------------------------ the audit alone


def test_the_audit_alone_needs_no_metrics_thresholds_or_data(tmp_path: Path) -> None:
    document = releases.release_document(
        canary={"metrics": None, "thresholds": None}, experiment={"data": None, "mde": None}
    )
    releases.make(tmp_path, assignments=releases.independent(20), release=document)
    config = load_config(Path("release.yml"), workspace=tmp_path, audit_only=True)
    assert (config.thresholds, config.canary_document) == ({}, None)
    with pytest.raises(InputError) as caught:
        load_config(Path("release.yml"), workspace=tmp_path)
    assert len(caught.value.problems) == 3


def test_the_audit_alone_does_not_read_files_that_it_does_not_need(tmp_path: Path) -> None:
    releases.make(tmp_path, assignments=releases.independent(20))
    (tmp_path / "canary-thresholds.yml").unlink()
    (tmp_path / "experiment-data.yml").write_text("- broken\n", encoding="utf-8")
    assert load_config(Path("release.yml"), workspace=tmp_path, audit_only=True).experiments


def test_the_audit_alone_still_needs_its_logs(tmp_path: Path) -> None:
    releases.make(tmp_path, assignments=releases.independent(20))
    (tmp_path / "canary.csv").unlink()
    with pytest.raises(InputError, match=r"`canary\.csv`"):
        load_config(Path("release.yml"), workspace=tmp_path, audit_only=True)
