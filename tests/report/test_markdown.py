"""The comment: the mission's headings and columns, the limit, hostile names."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from coordinator.model import (
    CanaryMetricVerdict,
    CanaryVerdict,
    ExperimentMetricVerdict,
    Problem,
    Report,
    SourceRecord,
)
from coordinator.report.markdown import COMMENT_BYTES, SUMMARY_BYTES, render, summary, unchanging
from tests.builders import (
    BREACH,
    NOW,
    STEPS,
    VARIANTS,
    WINDOW,
    base_arm,
    base_audit,
    base_canary,
    base_canary_metric,
    base_experiment,
    base_experiment_metric,
    base_release,
    base_report,
    completion_metric,
    contaminated_report,
    error_report,
    pause_report,
    refused_report,
    rollback_report,
    two_experiments_report,
)
from tests.report.test_escape import HOSTILE

HEADINGS = [
    "Contamination audit",
    "Canary verdict",
    "Experiment verdict",
    "Reconciled action",
    "Sequencing instructions",
]
GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": False, "breaks": True})


def columns(text: str) -> list[list[str]]:
    """The header of each table, in order."""
    lines = text.splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line, after in itertools.pairwise(lines)
        if re.fullmatch(r"\|(:?-+:?\|)+", after)
    ]


def section(text: str, heading: str) -> str:
    return re.split(r"^### ", text.split(f"### {heading}\n", 1)[1], flags=re.MULTILINE)[0]


class Tags(HTMLParser):
    """Checks that every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[str] = []
        self.comments = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in {"br", "hr"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(GITHUB.render(text))
    tags.close()
    assert not tags.open
    return tags


@pytest.mark.parametrize("name", VARIANTS)
def test_the_headings_are_the_missions_in_its_order(name: str) -> None:
    text = render(VARIANTS[name]())
    found = re.findall(r"^(##+) (.+)$", text, flags=re.MULTILINE)
    assert found[0][0] == "##"
    assert re.fullmatch(r"Canary \+ experiment coordination report: .+", found[0][1])
    assert [title for level, title in found if level == "###"] == HEADINGS
    assert text.startswith("## Canary + experiment coordination report: ")


@pytest.mark.parametrize("name", VARIANTS)
def test_every_table_has_at_most_five_columns_where_it_is_open(name: str) -> None:
    shown = re.sub(r"<details>.*?</details>", "", render(VARIANTS[name]()), flags=re.DOTALL)
    assert all(len(header) <= 5 for header in columns(shown))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_tag_is_closed_and_there_is_no_marker(name: str) -> None:
    tags = parsed(render(VARIANTS[name]()))
    assert not tags.comments


def test_the_overview_has_four_rows_and_what_to_do_now() -> None:
    text = render(rollback_report())
    rows = text.split("| Stage | Verdict | Why, in one line |\n")[1].split("\n\n")[0].splitlines()[1:]
    assert [row.split("|")[1].strip(" *") for row in rows] == [
        "1. Contamination audit",
        "2. Canary",
        "3. Experiment",
        "Reconciled action",
    ]
    assert [re.sub(r"[^A-Z ]", "", row.split("|")[2]).strip() for row in rows] == [
        "CLEAN",
        "ROLLBACK",
        "NOT RUN",
        "ROLLBACK",
    ]
    assert "**Do now:** Canary: take build 9f3c2ab from 5% to 0% now." in text
    assert text.index("**Do now:**") < text.index("**Canary build:**") < text.index("### Contamination audit")


def test_the_header_lines_name_build_share_experiment_split_and_units() -> None:
    text = render(base_report())
    for line in (
        "**Canary build:** `9f3c2ab` · **Traffic share:** 5%",
        "**Experiment:** `checkout-promo-banner-v2` · **Split:** `control` 50% / `treatment_a` 50%",
        "**Routing unit (canary):** `user_id`",
        "**Routing unit (experiment):** `user_id`",
    ):
        assert line in text


def test_the_audit_shows_overlaps_deviation_unit_layer_and_verdict() -> None:
    part = section(render(base_report()), "Contamination audit")
    assert part.lstrip().startswith("**Verdict:** **✅ CLEAN.**")
    assert columns(part)[0] == [
        "Canary and arm",
        "Expected overlap",
        "Observed overlap",
        "Deviation",
        "From independence (CI)",
    ]
    assert "| `treatment_a` | 2.50% | 2.54% | +1.6% (+0.040\u00a0pp) |" in part
    assert "**Same routing unit:** yes" in part
    assert "**Platform layer isolation:** unconfirmed" in part


def test_the_canarys_section_has_the_missions_table() -> None:
    part = section(render(rollback_report()), "Canary verdict")
    assert part.lstrip().startswith("**Verdict:** **⛔ ROLLBACK.**")
    assert ["Metric", "Canary", "Baseline", "Change", "p-value", "Verdict"] in columns(part)
    assert "| `error_rate` | 1.194% | 0.386% | +209.0% | < 0.0001 | ⛔\u00a0BREACH |".replace("< ", "<\u00a0") in part


def test_the_experiments_section_has_the_missions_table_exclusion_and_power() -> None:
    part = section(render(base_report()), "Experiment verdict")
    header = ["Metric", "Type", "Control", "Treatment", "Effect (rel)", "p raw", "p adjusted", "MDE met?", "Verdict"]
    assert header in columns(part)
    assert "**Canary users excluded:** yes (10,012 units left out; overlap 2.54% is above 2%)" in part
    assert "**Power:** `checkout_completion_rate` (primary) 84% at the MDE; 11,020 users a variant give 80%" in part


def test_data_without_user_ids_says_that_nobody_was_left_out() -> None:
    result = base_experiment(
        canary_users_excluded=False, excluded_units=0, exclusion="no (aggregated data has no user ids)"
    )
    text = render(base_report(experiments=(result,)))
    assert "**Canary users excluded:** no (aggregated data has no user ids)" in text


def test_a_stage_that_was_not_run_says_why() -> None:
    text = render(contaminated_report())
    assert section(text, "Canary verdict").strip() == (
        "**Verdict:** **➖ NOT RUN.** The audit is CONTAMINATED: neither validator runs."
    )
    assert "The canary rolls back" in section(render(rollback_report()), "Experiment verdict")
    assert "The run could not finish." in section(render(error_report()), "Canary verdict")
    assert "The release was refused" in section(render(refused_report()), "Contamination audit")


def test_a_refusal_lists_every_error_with_its_place_and_its_fix() -> None:
    text = render(refused_report())
    assert "2 errors" in text
    assert "- `release.yml:3:3` unknown key 'shar'. **To do:** Did you mean 'share'?" in text
    assert "- `release.yml:9` the canary thresholds are missing" in text
    assert "The release is not known" in text


def test_two_experiments_are_told_apart_and_so_are_arms() -> None:
    text = render(two_experiments_report())
    part = section(text, "Experiment verdict")
    assert "#### `checkout-promo-banner-v2`" in part
    assert "#### `search-ranking`" in part
    assert "`revenue_per_user` in `ranker_b`" in part
    assert "`search-ranking`: `ranker_b`" in section(text, "Contamination audit")


def test_the_decision_table_marks_the_row_that_was_taken() -> None:
    assert "| **pause** | **any** | **Hold everything; resolve canary pause first.** |" in render(pause_report())


def test_the_gate_says_what_the_job_does() -> None:
    assert "this job fails on purpose (exit 1)" in render(rollback_report())
    assert "fails because the release was refused (exit 2)" in render(refused_report())
    assert "`step: experiment` may not proceed." in render(pause_report(step="experiment", exit_code=1))
    assert "the run was cancelled (exit 143)" in render(error_report(exit_code=143))


def test_steps_are_a_numbered_list() -> None:
    part = section(render(base_report()), "Sequencing instructions")
    assert re.findall(r"^(\d)\. (Canary|Experiment)", part, flags=re.MULTILINE) == [
        ("1", "Canary"),
        ("2", "Experiment"),
    ]


def test_the_last_line_holds_time_and_links_and_is_all_that_differs_between_runs() -> None:
    first = render(base_report(), links={"run": "https://github.com/a/b/actions/runs/1", "bad": "javascript:x"})
    second = render(
        base_report(created_at=NOW.replace(hour=23)), links={"run": "https://github.com/a/b/actions/runs/2"}
    )
    assert first.endswith("_Report of 2026-05-05 14:40 UTC · [workflow run](https://github.com/a/b/actions/runs/1)_\n")
    assert "javascript" not in first
    assert first != second
    assert unchanging(first) == unchanging(second)
    assert unchanging(first) != unchanging(render(pause_report()))


def test_no_figure_is_missing_without_a_dash() -> None:
    empty = base_canary_metric(
        canary=None,
        baseline=None,
        relative_change=None,
        p_value=None,
        ci_low=None,
        ci_high=None,
        ci_level=None,
        limits={},
        test=None,
        verdict=CanaryMetricVerdict.NO_DATA,
        reason="the metric is not in the data.",
    )
    canary = base_canary(verdict=CanaryVerdict.PAUSE, metrics=(empty,), window=None, window_enough=None)
    text = render(pause_report(canary=canary))
    assert "| ⚠️\u00a0NO DATA | `error_rate` | – →\u00a0– | – | – |" in text
    assert not re.search(r"\bnan\b|\bNone\b|\binf\b", text)


# ---------------------------------------------------------------- the limit


def many_metrics(passed: int, breached: int, *, name: str = "metric_{}", reason: str = "within its limits.") -> Report:
    metrics = [completion_metric(name=name.format(f"ok_{index}"), reason=reason) for index in range(passed)]
    metrics += [base_canary_metric(**BREACH | {"name": name.format(f"bad_{index}")}) for index in range(breached)]
    return rollback_report(canary=base_canary(verdict=CanaryVerdict.ROLLBACK, metrics=tuple(metrics)))


def assert_fits(text: str, limit: int) -> None:
    assert len(text.encode()) <= limit
    assert len(text) <= limit
    parsed(text)


def test_a_small_report_leaves_nothing_out() -> None:
    assert "Left out" not in render(base_report())


def test_detail_goes_first_and_what_decides_stays() -> None:
    report = many_metrics(passed=500, breached=12)
    text = render(report)
    assert_fits(text, COMMENT_BYTES)
    assert "⛔ ROLLBACK" in text
    assert all(f"`metric_bad_{index}`" in text for index in range(12))
    assert all(step.split(". ", 1)[1] in text for step in report.sequencing)
    assert "500 metrics passed" in text
    assert "Left out here to fit: " in text
    assert "report.json" in text.splitlines()[-3]


@pytest.mark.parametrize("limit", [65_000, 40_000, 25_000, 16_000])
@pytest.mark.parametrize("metrics", [40, 120, 400])
def test_every_limit_is_kept(limit: int, metrics: int) -> None:
    text = render(many_metrics(passed=metrics, breached=3), limit_bytes=limit)
    assert_fits(text, limit)
    assert "`metric_bad_2`" in text


def test_detail_is_dropped_in_the_documented_order() -> None:
    marks = {
        "SHA-256": "sources",
        "Tests, sizes and power": "tests",
        "`metric_ok_0`": "passed metrics",
        "All figures": "full tables",
        "`metric_bad_0`": "breaches",
    }
    report = many_metrics(passed=150, breached=2)
    sizes = range(min(len(render(report).encode()), COMMENT_BYTES), 15_999, -2_000)
    gone: list[str] = []
    for limit in sizes:
        text = render(report, limit_bytes=limit)
        gone += [mark for mark in marks if mark not in text and mark not in gone]
    assert gone == list(marks)[: len(gone)]
    assert len(gone) >= 3
    assert "`metric_bad_0`" not in gone


def monstrous(text: str) -> Report:
    """Thousands of everything, each with a hostile name and an endless message."""
    long = text * 60
    metrics = tuple(base_canary_metric(**BREACH | {"name": f"{text}{index}", "reason": long}) for index in range(300))
    lost = {"verdict": ExperimentMetricVerdict.LOSS, "reason": long}
    results = tuple(
        base_experiment(
            id=f"{text}{index}",
            metrics=tuple(base_experiment_metric(name=f"{text}{part}", arm=text, **lost) for part in range(6)),
            action=long,
        )
        for index in range(40)
    )
    arms = tuple(base_arm(arm=f"{text}{index}") for index in range(200))
    release = base_release(canary_sha=long, experiments=tuple(base_release().experiments[0] for _ in range(40)))
    return base_report(
        action=long,
        release=release,
        audit=base_audit(arms=arms, warnings=(long,) * 50),
        canary=base_canary(metrics=metrics),
        experiments=results,
        sequencing=tuple(f"{index}. {long}" for index in range(1, 200)),
        sources=tuple(SourceRecord("x", long, 1, "0" * 64, WINDOW) for _ in range(300)),
        errors=tuple(Problem("x", long, long, 1, 2, long) for _ in range(300)),
        warnings=(long,) * 300,
    )


@pytest.mark.parametrize("text", ["x" * 20, "|<&" * 6, "😀" * 10, "`@a #1 "])
def test_not_even_a_monstrous_report_passes_the_limit(text: str) -> None:
    body = render(monstrous(text))
    assert_fits(body, COMMENT_BYTES)
    assert "Left out here to fit: " in body


def test_the_summary_takes_more_than_the_comment_and_stays_below_a_mebibyte() -> None:
    report = many_metrics(passed=500, breached=12)
    assert "`metric_ok_499`" in summary(report)
    assert len(summary(many_metrics(passed=3000, breached=10)).encode()) <= SUMMARY_BYTES < 1024 * 1024


# ---------------------------------------------------------------- hostile text

BUILDERS: list[Callable[[str], Report]] = [
    lambda text: base_report(
        release=base_release(canary_sha=text, canary_routing_unit=text),
        audit=base_audit(arms=(base_arm(arm=text, experiment=text),), warnings=(text,), notes=(text,)),
        experiments=(
            base_experiment(
                id=text,
                winning_arm=text,
                exclusion=text,
                metrics=(base_experiment_metric(name=text, arm=text, reason=text, unit=text),),
                warnings=(text,),
            ),
        ),
        sequencing=(f"1. {text}", text),
        notes=(text,),
    ),
    lambda text: rollback_report(
        action=text,
        canary=base_canary(
            verdict=CanaryVerdict.ROLLBACK,
            metrics=(base_canary_metric(**BREACH | {"name": text, "reason": text, "unit": text, "test": text}),),
            warnings=(text,),
        ),
        sources=(SourceRecord(text, text, 1, "0" * 64, WINDOW),),
        warnings=(text,),
    ),
    lambda text: refused_report(action=text, errors=(Problem(text, text, text, 1, 2, text), Problem("x", text))),
]
ALLOWED = {
    "h2",
    "h3",
    "h4",
    "p",
    "br",
    "ul",
    "ol",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "code",
    "strong",
    "em",
    "blockquote",
    "details",
    "summary",
}


@settings(max_examples=60)
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), min_size=1, max_size=4).map("".join))
def test_no_foreign_text_changes_the_reports_shape(text: str) -> None:
    for build in BUILDERS:
        plain, hostile = parsed(render(build("plain"))), parsed(render(build(text)))
        assert set(hostile.seen) <= ALLOWED
        assert not hostile.comments
        for tag in ("table", "tr", "td", "details", "h2", "h3", "blockquote"):
            assert hostile.seen.count(tag) == plain.seen.count(tag), tag


@settings(max_examples=60)
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), min_size=1, max_size=4).map("".join))
def test_no_foreign_text_mentions_or_refers_to_anybody(text: str) -> None:
    for build in BUILDERS:
        outside = re.sub(r"<code>.*?</code>", "", GITHUB.render(render(build(text))), flags=re.DOTALL)
        assert not re.search(r"@[A-Za-z0-9]|(?<!&)#\d|https?://|<a ", outside)


def test_a_message_may_hold_code() -> None:
    text = render(base_report(sequencing=("1. run with `step: experiment`", *STEPS[1:])))
    assert "1. run with `step: experiment`" in text


def test_a_long_name_is_cut_in_its_middle() -> None:
    name = "checkout_" + "x" * 80 + "_rate"
    metric = replace(base_canary_metric(), name=name)
    text = render(base_report(canary=base_canary(metrics=(metric,))))
    assert name not in text
    assert re.search(r"`checkout_x+…x+_rate`", text)
