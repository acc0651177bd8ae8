"""``report.json`` read back: equal to what was written, and closed to anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.errors import InputError
from coordinator.model import Report
from coordinator.report.json import schema, to_dict, to_json, write_json
from coordinator.report.read import MAX_BYTES, MAX_DEPTH, MAX_ITEMS, MAX_TEXT, WORDS, read_report
from tests.builders import VARIANTS, base_report, promote_report, rollback_report

Where = tuple[str | int, ...]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("read") / "report.json"


def put(data: object, where: Where, value: object) -> Any:
    """A report's plain JSON with one value replaced."""
    changed = json.loads(json.dumps(data))
    node = changed
    for key in where[:-1]:
        node = node[key]
    node[where[-1]] = value
    return changed


def refused(path: Path, text: str | bytes) -> str:
    """Why a file is refused."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        read_report(path, "in/report.json")
    [problem] = caught.value.problems
    assert problem.file == "in/report.json"
    return problem.message


def places(data: object, where: Where = ()) -> list[Where]:
    """The place of every value."""
    if isinstance(data, dict):
        inner = [place for key, item in data.items() for place in places(item, (*where, key))]
    elif isinstance(data, list):
        inner = [place for index, item in enumerate(data) for place in places(item, (*where, index))]
    else:
        inner = []
    return ([where] if where else []) + inner


# ---------------------------------------------------------------- what we wrote ourselves


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_was_written_is_read_back_equal_and_writes_the_same_bytes(variant: str, path: Path) -> None:
    report = VARIANTS[variant]()
    write_json(report, path)
    read = read_report(path, "report.json")
    assert read == report
    assert to_json(read) == to_json(report)


def test_every_text_of_the_schema_that_is_one_of_a_few_is_checked() -> None:
    whole = schema()
    parts = {"Report": whole, "Audit": whole["$defs"]["audit"], "ExperimentResult": whole["$defs"]["experiment"]}
    for (kind, name), words in WORDS.items():
        rule = parts[kind.__name__]["properties"][name]
        allowed = rule.get("enum", [rule.get("const")])
        assert {word for word in allowed if word is not None} == set(words), name


def test_a_figure_that_was_not_finite_is_nan_again(path: Path) -> None:
    data = put(to_dict(promote_report()), ("audit", "overlap"), None)
    path.write_text(json.dumps(data), encoding="utf-8")
    read = read_report(path, "x")
    assert read.audit is not None
    assert read.audit.overlap != read.audit.overlap
    assert to_dict(read) == data


def test_a_time_with_an_offset_is_the_same_moment(path: Path) -> None:
    moment = datetime(2026, 5, 5, 16, 40, tzinfo=timezone(timedelta(hours=2)))
    write_json(base_report(created_at=moment), path)
    read = read_report(path, "x").created_at
    assert read == moment
    assert read is not None
    assert read.tzinfo is UTC


def test_unknown_fields_and_extra_are_left_out(path: Path) -> None:
    data = to_dict(replace(promote_report(), extra={"html": "<b>"}))
    data |= {"markdown": "# Ship it", "body": ["x"]}
    data["audit"]["proof"] = {"deep": [1]}
    path.write_text(json.dumps(data), encoding="utf-8")
    assert read_report(path, "x") == promote_report()


def test_a_field_with_a_default_may_be_missing(path: Path) -> None:
    data = to_dict(promote_report())
    for name in ("notes", "reasons", "window", "created_at", "step"):
        del data[name]
    path.write_text(json.dumps(data), encoding="utf-8")
    assert (read_report(path, "x").notes, read_report(path, "x").window) == ((), None)


# ---------------------------------------------------------------- what others write


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("decision",), "ship-it", "`decision`: found 'ship-it', expected one of promote"),
        (("decision",), ["promote"], "`decision`: found a list"),
        (("schema_version",), 2, "`schema_version`"),
        (("schema_version",), True, "`schema_version`: found 'True', expected a whole number"),
        (("may_proceed",), "true", "`may_proceed`: found 'true', expected true or false"),
        (("may_proceed",), 1, "`may_proceed`"),
        (("exit_code",), 7, "`exit_code`"),
        (("exit_code",), 0.0, "`exit_code`"),
        (("action",), {"a": 1}, "`action`: found a mapping, expected a text"),
        (("action",), "x" * (MAX_TEXT + 1), "`action`: found 20001 characters"),
        (("step",), "deploy", "`step`"),
        (("release",), "x", "`release`: found 'x', expected an object"),
        (("release", "experiments"), {}, "`release.experiments`: found a mapping, expected a list"),
        (("release", "experiments", 0, "split"), [1], "`release.experiments[0].split`"),
        (("release", "experiments", 0, "split"), {"a" * 2000: 1}, "`release.experiments[0].split, a name`"),
        (("release", "experiments", 0, "split"), {"a": "half"}, "`release.experiments[0].split[0]`"),
        (("audit", "verdict"), "SPOTLESS", "`audit.verdict`"),
        (("audit", "rule"), "luck", "`audit.rule`"),
        (("audit", "units"), 10**30, "`audit.units`: the number is too large"),
        (("audit", "overlap"), 10**400, "`audit.overlap`: the number is too large"),
        (("audit", "arms"), None, "`audit.arms`: found nothing, expected a list"),
        (("audit", "arms", 0, "p_value"), "0.5", "`audit.arms[0].p_value`: found '0.5', expected a number"),
        (("audit", "arms", 0, "p_value"), False, "`audit.arms[0].p_value`"),
        (("canary", "metrics", 0, "class"), "vibes", "`canary.metrics[0].class`"),
        (("canary", "metrics", 0, "limits"), {"absolute": 3}, "`canary.metrics[0].limits[0]`"),
        (("canary", "metrics", 0, "verdict"), None, "`canary.metrics[0].verdict`: found nothing"),
        (("experiments", 0, "correction"), "lucky", "`experiments[0].correction`"),
        (("experiments", 0, "verdict"), "SHIP\n", "`experiments[0].verdict`"),
        (("warnings",), ["x"] * (MAX_ITEMS + 1), "`warnings`: found 5001 entries"),
        (("window", "start"), "yesterday", "`window.start`: found 'yesterday', expected a time"),
        (("created_at",), "0001-01-01T00:00:00+14:00", "`created_at`"),
        (("created_at",), 1746455000, "`created_at`"),
        (("sources", 0), None, "`sources[0]`: found nothing, expected an object"),
        (
            ("audit", "pairs"),
            [{"experiments": ["a"]}],
            "`audit.pairs[0].experiments`: found a list, expected a list of 2",
        ),
    ],
)
def test_a_field_that_is_not_what_it_should_be_is_named(where: Where, value: object, said: str, path: Path) -> None:
    assert said in refused(path, json.dumps(put(to_dict(promote_report()), where, value)))


def test_a_field_that_is_missing_is_named(path: Path) -> None:
    data = to_dict(promote_report())
    del data["audit"]["units"]
    assert refused(path, json.dumps(data)) == "`audit.units`: found nothing, expected this field"


@pytest.mark.parametrize(
    ("report", "changed", "said"),
    [
        (rollback_report, {"may_proceed": True}, "`may_proceed`"),
        (promote_report, {"canary": None}, "a stage is missing"),
        (promote_report, {"exit_code": 2}, "`exit_code`"),
        (VARIANTS["refused"], {"decision": "promote"}, "a stage is missing"),
    ],
)
def test_a_report_that_contradicts_itself_is_refused(
    report: Callable[[], Report], changed: dict[str, object], said: str, path: Path
) -> None:
    assert said in refused(path, json.dumps(to_dict(report()) | changed))


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "3", '"x"', "{", "{}", "<html></html>", "{'a': 1}", "\ufeff{}",
        '{"schema_version": NaN}', '{"schema_version": -Infinity}', '{"schema_version": 1e999}',
        '{"schema_version": ' + "9" * 5000 + "}", b"\xff\xfe{\x00}\x00", b"\x80", b"PK\x03\x04",
        "[" * 100_000, '{"a":' * 100_000, "[" * 900 + "]" * 900,
        '{"audit":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}",
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_what_is_no_report_is_refused(text: str | bytes, path: Path) -> None:
    assert refused(path, text)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "1e999"])
def test_a_figure_that_is_not_finite_is_refused(word: str, path: Path) -> None:
    data = put(to_dict(promote_report()), ("audit", "overlap"), "FIGURE")
    assert "not JSON" in refused(path, json.dumps(data).replace('"FIGURE"', word))


def test_a_file_that_is_too_large_is_not_parsed(path: Path) -> None:
    assert refused(path, b" " * (MAX_BYTES + 1)) == "the report is larger than 10 MB"


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    for file in (tmp_path / "none.json", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(InputError, match="cannot be read"):
            read_report(file, "x")


def test_a_message_shows_little_of_a_long_value(path: Path) -> None:
    assert len(refused(path, json.dumps(put(to_dict(promote_report()), ("decision",), "x" * 10_000)))) < 200


def test_half_a_character_is_replaced(path: Path) -> None:
    path.write_text(json.dumps(put(to_dict(promote_report()), ("action",), "a\ud800b")), encoding="utf-8")
    assert read_report(path, "x").action == "a\ufffdb"


# ---------------------------------------------------------------- junk

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
REPORTS = [to_dict(make()) for make in VARIANTS.values()]
CHANGES = st.sampled_from(REPORTS).flatmap(
    lambda data: st.tuples(st.just(data), st.lists(st.tuples(st.sampled_from(places(data)), JSON), max_size=3))
)


def read_or_refuse(path: Path) -> Report | None:
    try:
        return read_report(path, "x")
    except InputError:
        return None


@given(raw=st.binary(max_size=200) | JSON.map(lambda data: json.dumps(data).encode()))
def test_junk_is_refused_and_nothing_else_is_raised(raw: bytes, path: Path) -> None:
    path.write_bytes(raw)
    assert read_or_refuse(path) is None


@given(changes=CHANGES)
def test_a_changed_report_is_read_to_what_the_schema_allows_or_refused(
    changes: tuple[dict[str, Any], list[tuple[Where, object]]], path: Path
) -> None:
    data: Any = changes[0]
    for where, value in changes[1]:
        try:
            data = put(data, where, value)
        except (KeyError, IndexError, TypeError):  # an earlier change took the place away
            continue
    path.write_text(json.dumps(data), encoding="utf-8")
    report = read_or_refuse(path)
    if report is not None:
        write_json(report, path)
        again = read_report(path, "x")
        assert to_json(again) == to_json(report)
