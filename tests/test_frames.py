"""The report as pandas frames: the same figures as in report.json, row by row."""

from __future__ import annotations

import pandas as pd

from coordinator import frames
from coordinator.report.json import to_dict
from tests.builders import base_report, refused_report


def test_each_table_holds_the_figures_of_report_json() -> None:
    report = base_report()
    plain = to_dict(report)
    metrics = frames.canary_metrics(report)
    assert list(metrics.index) == [item["name"] for item in plain["canary"]["metrics"]]
    assert metrics.loc["error_rate", "canary"] == plain["canary"]["metrics"][0]["canary"]
    assert metrics.loc["error_rate", "verdict"] == "OK"
    assert "class" in metrics.columns
    overlaps = frames.arms(report)
    assert overlaps.index.names == ["experiment", "arm"]
    assert list(overlaps["observed_overlap"]) == [arm["observed_overlap"] for arm in plain["audit"]["arms"]]
    effects = frames.experiment_metrics(report)
    assert list(effects["relative_effect"]) == [
        item["relative_effect"] for result in plain["experiments"] for item in result["metrics"]
    ]
    assert list(frames.sources(report)["sha256"]) == [source["sha256"] for source in plain["sources"]]


def test_what_did_not_run_is_an_empty_frame_with_its_index() -> None:
    report = refused_report()
    for made in (frames.canary_metrics(report), frames.experiment_metrics(report), frames.arms(report)):
        assert isinstance(made, pd.DataFrame)
        assert made.empty
    assert frames.experiment_metrics(report).index.names == ["experiment", "arm", "name"]
