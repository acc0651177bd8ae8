"""Every bad input of the config's side: one message that names place, finding and expectation; all in one go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coordinator.errors import InputError, describe
from coordinator.loader import load_config
from coordinator.model import Problem
from tests import releases


def refused(folder: Path, overrides: dict[str, str] | None = None, *, config: str | None = "release.yml") -> list[str]:
    """The messages of a load that is refused, as a person reads them."""
    with pytest.raises(InputError) as caught:
        load_config(Path(config) if config else None, overrides or {}, workspace=folder)
    assert caught.value.exit_code == 2
    lines = [describe(problem) for problem in caught.value.problems]
    assert len(lines) == len(set(lines)), "no error twice"
    assert str(folder) not in "\n".join(lines)
    return lines


def only(lines: list[str]) -> str:
    assert len(lines) == 1, lines
    return lines[0]


def released(folder: Path, **changes: Any) -> Path:
    return releases.make(folder, assignments=releases.independent(20), release=releases.release_document(**changes))


def line_of(folder: Path, name: str, text: str) -> int:
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def replace(folder: Path, name: str, **changes: Any) -> None:
    """Lay changes over a JSON document of a release."""
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps(releases.merge(document, changes), indent=1), encoding="utf-8")


# ------------------------------------------------------------ values of release.yml


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"canary": {"share": "0%"}}, '"share"', "`canary.share`: found 0%, expected a share between 0% and 100%"),
        ({"canary": {"share": "100%"}}, '"share"', "`canary.share`: found 100%, expected a share between"),
        ({"canary": {"share": "-5%"}}, '"share"', "`canary.share`: found -5%, expected a share between"),
        ({"canary": {"share": "120%"}}, '"share"', "`canary.share`: found 120%, expected a share between"),
        ({"canary": {"share": "1"}}, '"share"', "`canary.share`: found 1, which is ambiguous, expected 1%"),
        ({"canary": {"share": "half"}}, '"share"', "`canary.share`: found 'half', expected a share such as 5%"),
        ({"canary": {"window": "often"}}, '"window"', "expected a length of time such as 30m, 2h or 3d, or { start"),
        ({"canary": {"window": ["30m"]}}, '"window"', "found a list, expected a length of time"),
        ({"canary": {"looks": "often"}}, '"looks"', "found 'often', expected `auto`, `many` or a whole number"),
        ({"canary": {"looks": "0"}}, '"looks"', "found '0', expected `auto`, `many` or a whole number from 1"),
        ({"canary": {"on_thin": "ignore"}}, '"on_thin"', "found 'ignore', expected 'pause' or 'note'"),
        ({"canary": {"complete": "perhaps"}}, '"complete"', "found 'perhaps', expected true or false"),
        ({"canary": {"alpha": "0"}}, '"alpha"', "found 0, expected a level between 0 and 1"),
        ({"canary": {"metrics": ["a", "b"]}}, '"metrics"', "found a list, expected text"),
        ({"canary": {"assignments": {"a": "b"}}}, '"assignments"', "found a mapping, expected one text or a list"),
        ({"canary": {"columns": "user_id"}}, '"columns"', "found 'user_id', expected a mapping of keys"),
        (
            {"canary": {"cohorts": {"canary": "a", "baseline": ["A", "b"]}}},
            '"cohorts"',
            "`a` stands for the canary and for the baseline",
        ),
        ({"experiment": {"split": "a=50%,b=40%"}}, '"split"', "the shares add up to 90%, expected 100%"),
        ({"experiment": {"split": "a=60,b=60"}}, '"split"', "the shares add up to 120%, expected 100%"),
        ({"experiment": {"split": "a=100"}}, '"split"', "found one arm, expected at least two"),
        ({"experiment": {"split": ["a", "b"]}}, '"split"', "found a list, expected arm: share pairs"),
        ({"experiment": {"split": "a=50%,b=0.5"}}, '"split"', "with and without a per cent sign"),
        (
            {"experiment": {"control": "contrl"}},
            '"control": "contrl"',
            "is no arm of the split. Did you mean `control`?",
        ),
        ({"experiment": {"correction": "sidak"}}, '"correction"', "found 'sidak', expected 'fdr_bh', 'bonferroni'"),
        ({"experiment": {"ignore_variants": ["control"]}}, '"ignore_variants"', "is an arm of the split and ignored"),
        (
            {"experiment": {"metrics": {"m": {"role": "boss"}}}},
            '"role"',
            "found 'boss', expected 'primary', 'secondary' or 'guardrail'",
        ),
        (
            {"experiment": {"metrics": {"m": {"role": "primary"}}}},
            '"m"',
            "`m` and `checkout_completion_rate` are both the primary metric",
        ),
        ({"audit": {"rule": "guess"}}, '"rule"', "found 'guess', expected 'evidence' or 'threshold'"),
        ({"audit": {"layer_noise": "-1"}}, '"layer_noise"', "found '-1', expected 0 or more"),
        ({"audit": {"tolerance": "150%"}}, '"tolerance"', "expected a fraction between 0 and 1"),
        ({"post_to": "slack"}, '"post_to"', "found 'slack', expected 'auto', 'pull-request'"),
        ({"fail_on": ["pause", "rain"]}, '"rain"', "found 'rain', expected 'contaminated', 'rollback'"),
        ({"pull_request": "seven"}, '"pull_request"', "found 'seven', expected a whole number"),
        ({"engine": {"threads": "0"}}, '"threads"', "found 0, expected 1 or more"),
        ({"engine": {"memory_limit": "lots"}}, '"memory_limit"', "found 'lots', expected an amount such as 4GB"),
        ({"engine": {"sample": "1%"}}, '"sample"', "sampling is not in this version"),
        ({"report": {"directory": "../elsewhere"}}, '"directory"', "expected a folder of the workspace"),
        ({"limits": {"run": "soon"}}, '"run"', "found 'soon', expected a length of time such as 30m"),
        ({"experiments": {"id": "banner"}}, '"experiments"', "found a mapping, expected a list"),
        ({"experiments": ["banner"]}, '"banner"', "found 'banner', expected a mapping of keys"),
    ],
)
def test_a_wrong_value_is_one_message_with_its_line(
    tmp_path: Path, changes: dict[str, Any], place: str, words: str
) -> None:
    released(tmp_path, **changes)
    line = only(refused(tmp_path))
    assert words in line
    assert line.startswith(f"release.yml:{line_of(tmp_path, 'release.yml', place)}:")


def test_a_canary_that_is_no_mapping_is_one_message(tmp_path: Path) -> None:
    path = released(tmp_path)
    document = json.loads(path.read_text(encoding="utf-8")) | {"canary": "9f3c2ab"}
    path.write_text(json.dumps(document), encoding="utf-8")
    assert "`canary`: found '9f3c2ab', expected a mapping of keys" in only(refused(tmp_path))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"canary": {"shar": "5%", "share": None}}, "unknown key `shar`. Did you mean `share`?"),
        ({"canary": {"routing-unit": "user_id", "routing_unit": None}}, "Did you mean `routing_unit`?"),
        ({"experiment": {"splitt": "a=50,b=50", "split": None}}, "Did you mean `split`?"),
        ({"experiment": {"metrics": {"m": {"roll": "primary"}}}}, "Did you mean `role`?"),
        ({"audit": {"tolerence": "10%"}}, "`audit`: unknown key `tolerence`. Did you mean `tolerance`?"),
        ({"experimnets": []}, "unknown key `experimnets`. Did you mean `experiments`?"),
        ({"canary": {"columns": {"zebra": "x"}}}, "Known here: `canary`, `cohort`, `timestamp`, `unit`."),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one_and_is_not_called_missing_as_well(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    released(tmp_path, **changes)
    assert words in only(refused(tmp_path))


@pytest.mark.parametrize("times", [["2026-05-03", "2026-05-01"], ["2026-05-01", "2026-05-01"]])
def test_steps_that_do_not_increase_are_refused(tmp_path: Path, times: list[str]) -> None:
    steps = [{"at": time, "share": "20%"} for time in times]
    splits = [{"at": time, "split": "control=50,treatment=50"} for time in times]
    released(tmp_path, canary={"steps": steps}, experiment={"steps": splits})
    lines = refused(tmp_path)
    assert len(lines) == 2
    assert all("the steps' times must increase" in line for line in lines)


def test_a_share_that_no_step_has_is_refused(tmp_path: Path) -> None:
    released(tmp_path, canary={"steps": [{"at": "2026-05-01", "share": "5%"}]})
    assert "`share: 20%` is none of the shares in `steps`" in only(refused(tmp_path))


def test_steps_with_other_arms_than_the_split_are_refused(tmp_path: Path) -> None:
    released(tmp_path, experiment={"steps": [{"at": "2026-05-01", "split": "control=50,treatmnt=50"}]})
    assert "are not those of the split" in only(refused(tmp_path))


@pytest.mark.parametrize(
    "window", [{"start": "2026-05-05T15:00", "end": "2026-05-05T14:00"}, {"start": "today", "end": "2026-05-05"}]
)
def test_a_window_that_cannot_be_is_refused(tmp_path: Path, window: dict[str, str]) -> None:
    released(tmp_path, canary={"window": window})
    assert "release.yml:" in only(refused(tmp_path))


def test_the_same_experiment_twice_is_refused(tmp_path: Path) -> None:
    experiment = releases.release_document()["experiments"][0]
    released(tmp_path, experiments=[experiment, experiment])
    assert "the experiment `banner` stands twice" in only(refused(tmp_path))


# ------------------------------------------------------------ what is missing


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"canary": {"thresholds": None}}, "the canary thresholds are missing, so no metric can be judged"),
        ({"experiment": {"data": None}}, "the experiment data is missing, so no variant can be judged"),
        ({"canary": {"sha": None}}, "Give the config's key `canary.sha` or the input `canary-sha`."),
        ({"canary": {"share": None}}, "or the input `canary-share`, or `canary.steps` for a ramp."),
        ({"canary": {"assignments": None}}, "or the input `canary-assignments`."),
        ({"experiment": {"unit": None}}, "`experiments[0].unit` or the input `experiment-unit`."),
        ({"experiment": {"id": None}}, "the key `id` is missing"),
        ({"canary": {"sha": ""}}, "Give the config's key `canary.sha`"),
    ],
)
def test_a_missing_key_says_how_to_give_it(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    released(tmp_path, **changes)
    assert words in only(refused(tmp_path))


def test_the_experiments_step_needs_both_of_its_inputs(tmp_path: Path) -> None:
    released(tmp_path)
    lines = refused(tmp_path, {"step": "experiment"})
    assert [line for line in lines if "`canary-promoted-at`" in line or "`canary-report`" in line] == lines
    assert len(lines) == 2


def test_no_config_and_no_input_is_one_message(tmp_path: Path) -> None:
    assert "there is no `release.yml` in the workspace, and no input is given" in only(refused(tmp_path, config=None))


def test_inputs_without_a_config_that_do_not_say_all_are_told_what_is_left(tmp_path: Path) -> None:
    lines = refused(tmp_path, {"canary-sha": "9f3c2ab"}, config=None)
    for name in ("canary-share", "canary-routing-unit", "canary-thresholds", "experiment-id", "experiment-split"):
        assert sum(f"`{name}`" in line for line in lines) == 1
    assert not any("`canary-sha`" in line for line in lines)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("canary-share", "150%", "input `canary-share`: found 150%, expected a share"),
        ("experiment-split", "control=50", "input `experiment-split`: found one arm"),
        ("experiment-split", "control", "input `experiment-split`: found 'control', expected arm=share"),
        ("step", "dance", "input `step`: found 'dance', expected 'canary', 'experiment' or 'both'"),
        ("fail-on", "pause,rain", "input `fail-on`: found 'rain', expected"),
        ("canary-thresholds", "limits.yml", "input `canary-thresholds`: the canary thresholds is missing"),
        ("canary-promoted-at", "noon", "input `canary-promoted-at`: found 'noon', expected a time such as"),
        ("threads", "0", "input `threads`: found 0, expected 1 or more"),
        ("colour", "red", "input `colour` is not known"),
    ],
)
def test_a_problem_of_an_input_names_the_input_and_no_line(tmp_path: Path, name: str, value: str, words: str) -> None:
    released(tmp_path)
    line = only(refused(tmp_path, {name: value}))
    assert words in line.replace("thresholds are missing", "thresholds is missing")
    assert "release.yml" not in line


def test_inputs_of_one_experiment_are_refused_where_the_config_has_several(tmp_path: Path) -> None:
    first = releases.release_document()["experiments"][0]
    released(tmp_path, experiments=[first, first | {"id": "button"}])
    lines = refused(tmp_path, {"experiment-split": "control=50,treatment=50"})
    assert any("input `experiment-split` is given, but the config has 2 experiments" in line for line in lines)


# ------------------------------------------------------------ files


FILES = [
    (("canary", "thresholds"), "canary-thresholds"),
    (("canary", "metrics"), "canary-metrics"),
    (("canary", "assignments"), "canary-assignments"),
    (("experiment", "data"), "experiment-data"),
    (("experiment", "mde"), "mde"),
    (("experiment", "assignments"), "experiment-assignments"),
]


@pytest.mark.parametrize(("key", "name"), FILES)
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere.yml", "there is no such file: `nowhere.yml`"),
        ("nowhere-*.csv", "the pattern matches no file: `nowhere-*.csv`"),
        ("folder", "is a folder, expected a file: `folder`"),
        ("../secrets.yml", "lies outside the workspace: `../secrets.yml`"),
        ("link.yml", "lies outside the workspace: `link.yml`"),
        ("/home/runner/work/app/logs.csv", "does not exist in the action's container"),
        ("s3://bucket/logs.parquet", "is a source of kind `s3:`, which this version does not read"),
        ("prometheus+https://host/", "is a source of kind `prometheus+https:`"),
        ("artifact:logs", "is a source of kind `artifact:`"),
        ("x" * 5_000, "found what is no path"),
        ("a\0b", "found what is no path"),
    ],
    ids=["missing", "empty-glob", "folder", "outside", "link", "host", "s3", "prometheus", "artifact", "long", "nul"],
)
def test_a_file_that_cannot_be_read_is_named_with_the_line_or_the_input(
    tmp_path: Path, key: tuple[str, str], name: str, path: str, words: str
) -> None:
    work = tmp_path / "work"
    (work / "folder").mkdir(parents=True)
    (tmp_path / "secrets.yml").write_text("a: 1", encoding="utf-8")
    (work / "link.yml").symlink_to(tmp_path / "secrets.yml")
    released(work)
    line = only(refused(work, {name: path}))
    assert line.startswith(f"input `{name}`: ")
    assert words in line
    released(work, **{key[0]: {key[1]: path}})
    line = only(refused(work))
    assert line.startswith("release.yml:")
    assert words in line
    place = f"`experiments[0].{key[1]}`" if key[0] == "experiment" else f"`canary.{key[1]}`"
    assert place in line


def test_each_bad_path_of_a_list_is_named_with_its_own_line(tmp_path: Path) -> None:
    released(tmp_path, canary={"assignments": ["canary.csv", "a.csv", "b.csv"]})
    first, second = refused(tmp_path)
    assert first.startswith(f"release.yml:{line_of(tmp_path, 'release.yml', 'a.csv')}:")
    assert second.startswith(f"release.yml:{line_of(tmp_path, 'release.yml', 'b.csv')}:")


@pytest.mark.parametrize(
    "uri",
    [
        "postgres://me:hunter2@db/logs?table=a",
        "https://me:hunter2@example.com/a.csv",
        "clickhouse://me:hun/ter@hunter2@db/a",
        "https://hunter2@example.com/a.csv",
        "https://example.com/a.csv?token=hunter2",
        "https://example.com/a.csv?X-Amz-Signature=hunter2",
        "snowflake://db?password=hunter2",
    ],
)
@pytest.mark.parametrize("name", ["canary-assignments", "experiment-data", "canary-thresholds", "canary-share"])
def test_a_secret_in_a_uri_is_never_printed(tmp_path: Path, uri: str, name: str) -> None:
    released(tmp_path)
    assert "hunter2" not in only(refused(tmp_path, {name: uri}))


def test_a_password_in_a_uri_is_refused_as_such(tmp_path: Path) -> None:
    released(tmp_path, canary={"assignments": "postgres://me:hunter2@db/logs"})
    line = only(refused(tmp_path))
    assert "is a URI with a password in it" in line
    assert line.startswith("release.yml:")


def test_a_folder_outside_the_workspace_can_be_allowed(tmp_path: Path) -> None:
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere"
    work.mkdir()
    elsewhere.mkdir()
    released(work, canary={"assignments": "../elsewhere/canary.csv"}, limits={"allow_paths": "../elsewhere"})
    (work / "canary.csv").rename(elsewhere / "canary.csv")
    config = load_config(Path("release.yml"), workspace=work)
    assert config.canary.assignments == ("../elsewhere/canary.csv",)


@pytest.mark.parametrize("name", ["../release.yml", "link.yml"])
def test_a_config_outside_the_workspace_is_refused(tmp_path: Path, name: str) -> None:
    work = tmp_path / "work"
    work.mkdir()
    released(tmp_path)
    (work / "link.yml").symlink_to(tmp_path / "release.yml")
    with pytest.raises(InputError, match="the config lies outside the workspace"):
        load_config(Path(name), workspace=work)


@pytest.mark.parametrize("name", ["canary-thresholds.yml", "canary-metrics.yml", "experiment-data.yml", "mde.yml"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("# nothing but a comment\n", "the file is empty"),
        ("- a\n- b\n", ":1:1: found a list, expected a mapping of keys"),
        ("just words\n", ":1:1: found a single value, expected a mapping of keys"),
        ("metrics:\n\ta: 1\n", ":2:1: not YAML: while scanning"),
        ("a: 1\nb: 2\na: 3\n", ":3:1: the key `a` stands here and in line 1"),
        ("a: [1, 2\n", "not YAML"),
        ("\x89PNG\x0d\x0a", "not YAML: found the character U+0089"),
    ],
    ids=["empty", "comment", "list", "scalar", "tabs", "twice", "open", "control"],
)
def test_a_document_that_is_no_mapping_says_so_with_its_line(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    released(tmp_path)
    (tmp_path / name).write_text(content, encoding="utf-8")
    line = only(refused(tmp_path))
    assert line.startswith(name)
    assert words in line


def test_a_release_config_that_cannot_be_read_is_one_message(tmp_path: Path) -> None:
    released(tmp_path)
    (tmp_path / "release.yml").write_text("- canary\n", encoding="utf-8")
    assert only(refused(tmp_path)) == "release.yml:1:1: found a list, expected a mapping of keys"
    assert "there is no such file" in only(refused(tmp_path, config="other.yml"))


@pytest.mark.parametrize("document", ["metrics", "data"])
def test_a_pattern_that_matches_two_documents_is_refused(tmp_path: Path, document: str) -> None:
    side = {"canary": {"metrics": "doc-*.yml"}} if document == "metrics" else {"experiment": {"data": "doc-*.yml"}}
    released(tmp_path, **side)
    for number in (1, 2):
        (tmp_path / f"doc-{number}.yml").write_text("a: 1", encoding="utf-8")
    assert "the pattern matches 2 files, expected one document" in only(refused(tmp_path))


# ------------------------------------------------------------ thresholds


@pytest.mark.parametrize(
    ("threshold", "place", "words"),
    [
        ({}, '"error_rate"', "`error_rate` has no limit. Give `absolute` or `relative`"),
        ({"relative": {"max": 0.9}}, '"max"', "a relative max of 0.9 is passed by no change at all"),
        ({"relative": {"max": 1}}, '"max"', "a relative max of 1 is passed by no change at all"),
        (
            {"relative": {"min": 1.2}, "direction": "increase"},
            '"min"',
            "a relative min of 1.2 is passed by no change at all",
        ),
        ({"absolute": {"max": ".nan"}}, '"max"', "found nan, expected a number"),
        ({"absolute": {"max": "lots"}}, '"max"', "`metrics.error_rate.absolute.max`: found 'lots', expected a number"),
        ({"absolute": {"min": 90}}, '"min"', "its name says that lower is better, but `absolute` limits it by `min`"),
        (
            {"direction": "increase", "relative": {"max": 1.5}},
            '"max"',
            "its `direction` says that higher is better, but `relative` limits it by `max`",
        ),
        (
            {"relative": {"max": 1.5}, "on_thin": "note"},
            '"on_thin"',
            "`on_thin: note` would let the reliability metric `error_rate` pass with too little data",
        ),
        (
            {"relative": {"max": 1.5}, "class": "business", "critical": "true", "on_thin": "note"},
            '"on_thin"',
            "would let the critical metric `error_rate` pass",
        ),
        (
            {"relative": {"max": 1.5}, "class": "busines"},
            '"class"',
            "found 'busines', expected 'reliability', 'performance' or 'business'",
        ),
        ({"relative": {"max": 1.5}, "alfa": 0.1}, '"alfa"', "unknown key `alfa`. Did you mean `alpha`?"),
        ({"relative": {"max": 1.5}, "alpha": 5}, '"alpha"', "found '5', expected a fraction between 0 and 1"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused_with_its_line(
    tmp_path: Path, threshold: dict[str, Any], place: str, words: str
) -> None:
    released(tmp_path)
    content = {"metrics": {"error_rate": threshold}}
    (tmp_path / "canary-thresholds.yml").write_text(json.dumps(content, indent=1), encoding="utf-8")
    line = only(refused(tmp_path))
    assert words in line
    number = line_of(tmp_path, "canary-thresholds.yml", place)
    assert line.startswith(f"canary-thresholds.yml:{number}:")


def test_one_wrong_limit_does_not_hide_another(tmp_path: Path) -> None:
    released(tmp_path)
    replace(tmp_path, "canary-thresholds.yml", metrics={"error_rate": {"clas": "x"}, "a": {"relative": {"max": 0.5}}})
    first, second = refused(tmp_path)
    assert "unknown key `clas`" in first
    assert "`a`: a relative max of 0.5" in second


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ({}, "`checkout_completion_rate`: expected `mde_relative`, `mde_absolute` or both"),
        ({"mde_relative": 0}, "found 0, expected a size above 0"),
        ({"mde_absolute": -0.5}, "found -0.5, expected a size above 0"),
        ({"mde": 1}, "`checkout_completion_rate`: unknown key `mde`"),
        ({"mde_relative": "1 %"}, "`checkout_completion_rate.mde_relative`: found '1 %', expected a number"),
    ],
)
def test_a_minimum_effect_that_cannot_be_meant_is_refused(tmp_path: Path, effect: dict[str, Any], words: str) -> None:
    released(tmp_path)
    (tmp_path / "mde.yml").write_text(json.dumps({"checkout_completion_rate": effect}), encoding="utf-8")
    line = only(refused(tmp_path))
    assert words in line
    assert line.startswith("mde.yml:1:")


# ------------------------------------------------------------ data documents


def test_metrics_of_another_build_are_refused(tmp_path: Path) -> None:
    released(tmp_path)
    replace(tmp_path, "canary-metrics.yml", canary={"sha": "4d01e77"})
    line = only(refused(tmp_path))
    assert "the metrics are of build `4d01e77`, the release says `9f3c2ab`" in line
    assert line.startswith("canary-metrics.yml:7:")


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ({"numerator": 5}, "expected one of { numerator, denominator }, { n, mean, std }"),
        ({"n": 5, "mean": 1}, "expected one of { numerator, denominator }, { n, mean, std }"),
        ({"numeratr": 5, "denominator": 10}, "unknown key `numeratr`. Did you mean `numerator`?"),
        ({"numerator": "many", "denominator": 10}, "numerator`: found 'many', expected a number"),
        ({"samples": [1, 2, "x"]}, "`canary.metrics.error_rate.samples[2]`: found 'x', expected a number"),
        ({"samples": {"a": 1}}, "found a mapping, expected a list of numbers or the path of a file"),
        ([1, 2], "found a list, expected a mapping of keys"),
    ],
)
def test_a_metric_of_no_known_form_is_refused(tmp_path: Path, metric: Any, words: str) -> None:
    released(tmp_path)
    document = releases.canary_document(error_rate=metric)
    (tmp_path / "canary-metrics.yml").write_text(json.dumps(document, indent=1), encoding="utf-8")
    line = only(refused(tmp_path))
    assert words in line
    assert line.startswith("canary-metrics.yml:")


def change_experiment(folder: Path, **changes: Any) -> None:
    document = releases.experiment_document() | changes
    (folder / "experiment-data.yml").write_text(json.dumps(document, indent=1), encoding="utf-8")


def variant(name: str, **metrics: Any) -> dict[str, Any]:
    return {"name": name, "cohort_size": 1000, "metrics": {"checkout_completion_count": 680, **metrics}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"experiment_id": "button"}, ["the data is of experiment `button`, the release says `banner`"]),
        ({"running_until": "2026-04-01"}, ["`running_until` is before `running_since`"]),
        ({"running_until": "soon"}, ["`running_until`: found 'soon', expected a time such as"]),
        (
            {"variants": [variant("control"), variant("tretment")]},
            ["has no variant `treatment`, an arm of the split. Did you mean `tretment`?", "`tretment` is no arm"],
        ),
        ({"variants": [variant("control")]}, ["the data has no variant `treatment`, an arm of the split"]),
        (
            {"variants": [variant("control"), variant("treatment"), variant("control")]},
            ["the variant `control` stands twice"],
        ),
        (
            {"variants": [variant("control", orders_count=1200), variant("treatment")]},
            ["`orders_count` is 1200, above its cohort's size of 1000: it is not a proportion. Give { n, mean, std }"],
        ),
        (
            {"variants": [variant("control", clicks="few"), variant("treatment")]},
            ["clicks`: found 'few', expected a number (a count), a list of numbers, or { n, mean, std }"],
        ),
        (
            {"variants": [{"name": "control"}, variant("treatment")]},
            ["`cohort_size` is missing", "`metrics` is missing"],
        ),
        ({"canary_users_exclude": True}, ["Did you mean `canary_users_excluded`?"]),
    ],
)
def test_data_that_contradicts_the_release_is_refused_with_its_line(
    tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    released(tmp_path)
    change_experiment(tmp_path, **changes)
    lines = refused(tmp_path)
    assert len(lines) == len(words), lines
    for line, part in zip(lines, words, strict=True):
        assert part in line
        assert line.startswith("experiment-data.yml:")


def test_a_primary_metric_that_the_data_lacks_is_refused(tmp_path: Path) -> None:
    released(tmp_path, experiment={"primary": "checkout_rate"})
    line = only(refused(tmp_path))
    assert "the primary metric `checkout_rate` is not in the data. Did you mean `checkout_completion_rate`?" in line


# ------------------------------------------------------------ all of it at once


def test_all_errors_of_all_files_come_in_one_go(tmp_path: Path) -> None:
    released(
        tmp_path,
        canary={"share": "120%", "assignments": "nowhere.csv", "looks": "often"},
        experiment={"control": "nobody"},
        audit={"rul": "evidence"},
    )
    replace(tmp_path, "canary-thresholds.yml", metrics={"error_rate": {"relative": {"max": 0.5}}})
    replace(tmp_path, "canary-metrics.yml", canary={"sha": "4d01e77"})
    change_experiment(tmp_path, experiment_id="button")
    (tmp_path / "mde.yml").write_text("- a list\n", encoding="utf-8")
    text = "\n".join(lines := refused(tmp_path, {"step": "dance"}))
    for words in (
        "found 120%",
        "nowhere.csv",
        "found 'often'",
        "`nobody` is no arm",
        "unknown key `rul`",
        "a relative max of 0.5",
        "of build `4d01e77`",
        "of experiment `button`",
        "mde.yml:1:1: found a list",
        "input `step`",
    ):
        assert words in text
    assert len(lines) == 10


def test_two_experiments_with_one_broken_file_name_it_once(tmp_path: Path) -> None:
    first = releases.release_document()["experiments"][0]
    released(tmp_path, experiments=[first | {"data": "t.csv"}, first | {"id": "button", "data": "t.csv"}])
    (tmp_path / "t.csv").write_text("user_id,a\n", encoding="utf-8")
    (tmp_path / "mde.yml").write_text("- a list\n", encoding="utf-8")
    assert only(refused(tmp_path)).startswith("mde.yml:1:1: found a list")


def test_a_problem_is_a_value_with_file_line_and_column(tmp_path: Path) -> None:
    released(tmp_path, canary={"share": "120%"})
    with pytest.raises(InputError) as caught:
        load_config(Path("release.yml"), workspace=tmp_path)
    (problem,) = caught.value.problems
    assert isinstance(problem, Problem)
    assert (problem.file, problem.line, problem.column) == ("release.yml", 4, 12)
