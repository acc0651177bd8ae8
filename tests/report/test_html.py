"""The page: one file that loads and runs nothing, and says what the comment says."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.report.escape import plain
from coordinator.report.html import render_html
from tests.builders import (
    VARIANTS,
    base_canary,
    base_canary_metric,
    base_report,
    rollback_report,
    two_experiments_report,
)
from tests.report.test_escape import HOSTILE

VOID = {"meta", "br"}
LOADING = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "video", "audio", "source", "svg"}


class Tree(HTMLParser):
    """Tags, attributes, and whether each tag is closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", VARIANTS)
def test_the_page_loads_and_runs_nothing(name: str) -> None:
    page = render_html(VARIANTS[name]())
    tree = Tree(page)
    assert not LOADING & set(tree.seen)
    assert not [key for key, _ in tree.attributes if key.startswith("on") or key in {"src", "href", "style"}]
    assert "url(" not in page
    assert "@import" not in page


def test_the_policy_allows_nothing_but_its_own_styles() -> None:
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', render_html(base_report()))
    assert policy
    assert policy[1].startswith("default-src 'none'; style-src 'unsafe-inline'; ")
    assert render_html(base_report()).index("Content-Security-Policy") < render_html(base_report()).index("<style>")


def test_the_page_follows_the_readers_light_or_dark_and_prints() -> None:
    page = render_html(base_report())
    assert "@media (prefers-color-scheme: dark)" in page
    assert "@media print" in page
    assert '<meta name="color-scheme" content="light dark">' in page


@pytest.mark.parametrize("name", VARIANTS)
def test_the_sections_are_the_missions(name: str) -> None:
    page = render_html(VARIANTS[name]())
    assert re.findall(r"<h2>(.*?)</h2>", page) == [
        "Contamination audit",
        "Canary verdict",
        "Experiment verdict",
        "Reconciled action",
        "Sequencing instructions",
    ]
    assert len(re.findall(r"<h1>", page)) == 1


def test_the_full_tables_are_open() -> None:
    page = render_html(base_report())
    for header in ("p raw", "p adjusted", "MDE met?", "p-value", "Interval of the change", "SHA-256"):
        assert f">{header}</th>" in page
    assert "a41c" * 16 in page
    assert page.count("<details>") == 0
    assert page.count("<details open>") > 3


def test_verdicts_have_a_colour_and_a_word() -> None:
    page = render_html(rollback_report())
    assert '<td class="txt bad">⛔\u00a0BREACH</td>' in page
    assert '<main class="bad">' in page


def test_equal_reports_give_equal_pages() -> None:
    assert render_html(two_experiments_report()) == render_html(two_experiments_report())


@settings(max_examples=60)
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=8), min_size=1, max_size=4).map("".join).filter(plain))
def test_no_foreign_text_opens_a_tag(text: str) -> None:
    def page(word: str) -> Tree:
        metric = base_canary_metric(name=word, reason=word, unit=word, test=word)
        return Tree(render_html(rollback_report(action=word, canary=base_canary(metrics=(metric,)), warnings=(word,))))

    def shape(tree: Tree) -> list[str]:
        return [tag for tag in tree.seen if tag != "code"]

    assert shape(page(text)) == shape(page("plain"))
