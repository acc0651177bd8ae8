"""How a verdict came about, in words: every verdict, one metric, and reports that are no reports."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coordinator.cli import main
from coordinator.errors import InputError
from coordinator.explain import explain
from coordinator.report.json import schema, to_dict
from tests.builders import VARIANTS

REPORTS: dict[str, dict[str, Any]] = {name: json.loads(json.dumps(to_dict(VARIANTS[name]()))) for name in VARIANTS}
WHOLE = REPORTS["promote-ship"]


def words(name: str, metric: str | None = None) -> str:
    """The text on one line, as lines are wrapped."""
    return " ".join(explain(REPORTS[name], metric).split())


def changed(place: list[Any], value: object, name: str = "promote-ship") -> dict[str, Any]:
    report = copy.deepcopy(REPORTS[name])
    node: Any = report
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    return report


# ------------------------------------------------------------ what is said


@pytest.mark.parametrize("name", VARIANTS)
def test_every_report_is_explained_to_its_exit_code(name: str) -> None:
    text, report = words(name), REPORTS[name]
    assert f"4. Decision: {report['decision']}" in text
    assert f"Exit code {report['exit_code']}: " in text
    assert " ".join(report["action"].replace("`", "").split()) in text
    for number in (1, 2, 3):
        assert f" {number}. " in text


def test_the_audit_shows_both_expectations_p_and_the_rule() -> None:
    text = words("contaminated")
    assert "1. Audit: CONTAMINATED" in text
    assert "Declared (canary share × arm share): 2.50%, deviation +94.4%" in text
    assert "Independent (the split sizes that were seen): 2.50%, deviation +94.1% 95% CI [+90.2%, +98.0%]" in text
    assert "Luck: p < 0.0001 of the larger deviation" in text
    assert "Rule 'evidence'" in text
    assert "the tolerance is 10%" in text
    assert "a salt (seed) of the canary's own" in text
    assert text.count("The audit is CONTAMINATED: neither validator runs.") == 2


def test_units_that_are_still_needed_are_counted() -> None:
    assert "8,320 more units (9,120 in all)" in words("inconclusive")


def test_a_breach_names_each_limit_and_what_held_first() -> None:
    text = words("rollback")
    assert "Limit ≤ 0.5%: the canary has 1.19%, beyond it" in text
    assert "Limit ≤ 1.5× baseline: the canary has 3.09×, beyond it" in text
    assert "NO DATA no, DATA ERROR no, BREACH yes (a limit is passed, and not by luck)" in text
    assert "a build that is back within ≤ 0.5% and ≤ 1.5× baseline" in text
    assert "Here: 1 BREACH, 2 OK." in text
    assert "audit CLEAN, canary ROLLBACK, whatever the experiment says" in text


@pytest.mark.parametrize(
    ("verdict", "held"),
    [("NO_DATA", "NO DATA yes"), ("TREND", "BREACH no, TREND yes"), ("THIN", "TREND no, THIN yes")],
)
def test_the_ladder_ends_at_the_first_rung_that_held(verdict: str, held: str) -> None:
    report = changed(["canary", "metrics", 0, "verdict"], verdict)
    report["canary"]["metrics"][0] |= {"minutes_needed": {"5%": 125.0}, "units_needed": 140_000}
    text = " ".join(explain(report).split())
    assert held in text
    assert ("more minutes: about 2 h 5 min at 5% in all." in text) is (verdict != "NO_DATA")
    assert ("more units: about 140,000" in text) is (verdict != "NO_DATA")


def test_a_limit_of_thousands_is_shown_whole() -> None:
    report = changed(["canary", "metrics", 1, "limits"], {"absolute": {"max": 1500.0}})
    report["canary"]["metrics"][1] |= {"verdict": "BREACH", "canary": 1600.0}
    assert "back within ≤ 1,500 ms, or another limit" in " ".join(explain(report).split())


def test_against_a_baseline_of_zero_no_factor_is_made_up() -> None:
    report = changed(["canary", "metrics", 0, "baseline"], 0.0)
    report["canary"]["metrics"][0]["relative_change"] = None
    assert "of this baseline no factor can be told" in explain(report)


def test_an_experiment_shows_exclusion_effect_mde_and_guardrails() -> None:
    text = words("promote-ship")
    assert "Canary users left out: yes (overlap 2.54% is above 2%), 10,012 units" in text
    assert "Effect: +3.5% 95% CI [+1.8%, +5.2%]; good is: increase" in text
    assert "Minimum effect (MDE): +1.0%, reached by the effect; power to see it 84%, 11,020 users" in text
    assert "(guardrail): HOLDS" in text
    assert "The arm to ship: 'treatment_a'" in text


def test_what_would_turn_mixed_into_ship_is_the_hurt_guardrail() -> None:
    report = changed(["experiments", 0, "metrics", 1, "verdict"], "HURT")
    report["experiments"][0] |= {"verdict": "MIXED", "winning_arm": None}
    text = " ".join(explain(report).split())
    assert "'support_tickets_per_user' no longer against 'treatment_a': it would ship." in text


def test_users_that_are_missing_for_the_mde_are_counted() -> None:
    report = changed(["experiments", 0, "metrics", 0, "verdict"], "INCONCLUSIVE")
    report["experiments"][0] |= {"verdict": "MIXED", "winning_arm": None}
    report["experiments"][0]["metrics"][0] |= {"required_n": 20_000, "mde_met": False}
    assert "7,620 more units a variant (20,000 in all)" in " ".join(explain(report).split())


def test_an_error_is_shown_with_file_and_cure() -> None:
    assert "Error: metrics/part-3.parquet: the file ends" in words("error")


# ------------------------------------------------------------ one metric


def test_with_a_metric_only_its_path_is_told() -> None:
    text = words("promote-ship", "error_rate")
    assert "'error_rate' (reliability): OK" in text
    assert "p95_latency" not in text
    assert "3. Experiment" not in text
    assert "4. Decision: promote" in text


def test_an_unknown_metric_names_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"'error_rat'.*'error_rate', 'p95_latency'"):
        explain(WHOLE, "error_rat")
    with pytest.raises(InputError, match=r"no metric was judged. The audit is CONTAMINATED"):
        explain(REPORTS["contaminated"], "error_rate")


# ------------------------------------------------------------ what is no report


@pytest.mark.parametrize(
    ("place", "value", "field"),
    [
        (["schema_version"], 2, "schema_version"),
        (["audit", "units"], "many", "audit.units"),
        (["audit", "units"], True, "audit.units"),
        (["audit", "arms", 0, "p_value"], 1.5, r"audit.arms\[0\].p_value"),
        (["canary", "metrics", 1], None, r"canary.metrics\[1\]"),
        (["canary", "metrics", 0, "limits"], {"absolute": {"max": "x"}}, r"limits.absolute.max"),
        (["canary", "metrics", 0, "canary"], 10**400, r"metrics\[0\].canary"),
        (["experiments", 0, "verdict"], "SHIPS", r"experiments\[0\].verdict"),
        (["window", "start"], "yesterday", "window.start"),
        (["exit_code"], 9, "exit_code"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_its_file(place: list[Any], value: object, field: str) -> None:
    with pytest.raises(InputError, match=field) as caught:
        explain(changed(place, value), file="a/report.json")
    assert caught.value.problems[0].file == "a/report.json"


@pytest.mark.parametrize("field", sorted(WHOLE))
def test_a_field_that_is_missing_is_named(field: str) -> None:
    with pytest.raises(InputError, match=f"`{field}`: the field is missing"):
        explain({key: value for key, value in WHOLE.items() if key != field})


def test_foreign_text_stays_one_harmless_line() -> None:
    report = changed(["canary", "metrics", 0, "name"], "a\n::error::x\u202e\x1b[31m")
    report["audit"]["reasons"] = [{"code": "x", "message": "word " * 30 + "\ud800 ::add-mask::secret"}]
    text = explain(report)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "::add-mask" not in text
    text.encode()


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [[], {}, [None], {"max": None}, {"absolute": {"odd": 1}}, 1e308, -1e308, 5e-324, 10**300, "BREACH"]
    ),
)


@given(st.sampled_from(["two-experiments", "rollback", "inconclusive"]), st.data())
def test_whatever_stands_in_a_field_it_is_explained_or_refused_as_the_schema_says(name: str, data: Any) -> None:
    place = data.draw(st.sampled_from(list(places(REPORTS[name]))))
    report = changed(list(place), data.draw(ODD), name)
    told = schema()
    told.pop("allOf")  # what contradicts itself can still be explained
    if Draft202012Validator(told).is_valid(report) and not huge_or_no_time(place, report):
        assert explain(report).endswith("\n")
    else:
        with pytest.raises(InputError, match=r"report\.json: "):
            explain(report)


def huge_or_no_time(place: tuple[Any, ...], report: dict[str, Any]) -> bool:
    """What jsonschema lets pass here: a number that no float holds or is not finite, a text that is no time."""
    node: Any = report
    for key in place:
        node = node[key]
    if place[-1] in {"start", "end", "created_at"}:
        return isinstance(node, str)
    return isinstance(node, (int, float)) and not abs(node) <= sys.float_info.max


# ------------------------------------------------------------ the command


def test_the_command_reads_the_last_report_of_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "release-gate").mkdir()
    (tmp_path / "release-gate" / "report.json").write_text(json.dumps(WHOLE), encoding="utf-8")
    assert main(["explain"]) == 0
    assert "1. Audit: CLEAN" in capsys.readouterr().out
    assert main(["explain", "--metric", "error_rate"]) == 0
    assert "1. Audit" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"\xff", b"[]", b'{"a": NaN}', b"[" * 100_000, b"{}", b"9" * 9_000]
)
def test_the_command_refuses_what_is_no_report(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_bytes(content)
    assert main(["explain", str(path)]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert "report.json: " in shown.err
    assert shown.out == ""


def test_the_commands_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["explain", "--help"])
    text = capsys.readouterr().out
    assert "python -m coordinator explain report.json --metric error_rate" in text
    assert "default: release-gate/report.json" in text
