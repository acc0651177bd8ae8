"""Every variant of the report as it is written, to be read by eye when it changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coordinator.report.html import render_html
from coordinator.report.json import to_json
from coordinator.report.markdown import render
from coordinator.report.text import render_text
from tests.builders import VARIANTS

Golden = Callable[[str, str], None]


@pytest.mark.parametrize("name", VARIANTS)
def test_report_json_is_as_recorded(name: str, golden: Golden) -> None:
    golden(f"{name}.json", to_json(VARIANTS[name]()))


@pytest.mark.parametrize("name", VARIANTS)
def test_the_markdown_is_as_recorded(name: str, golden: Golden) -> None:
    links = {"run": "https://github.com/acme/shop/actions/runs/19482"}
    golden(f"{name}.md", render(VARIANTS[name](), links=links))


@pytest.mark.parametrize("name", VARIANTS)
def test_the_terminals_text_is_as_recorded(name: str, golden: Golden) -> None:
    golden(f"{name}.txt", render_text(VARIANTS[name](), {"report-json": "release-gate/report.json"}))


def test_the_html_page_is_as_recorded(golden: Golden) -> None:
    golden("rollback.html", render_html(VARIANTS["rollback"]()))
