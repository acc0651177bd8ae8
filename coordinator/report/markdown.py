"""The report as Markdown, for a comment, a job summary and a file.

The comment has a limit. Detail is dropped in the order of ``view.LADDER`` until it fits; the verdict, the metrics
that breach and the steps stay, and the last line says what was left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby

from tabulate import tabulate

from coordinator import wording as fmt
from coordinator.model import Report
from coordinator.report import escape
from coordinator.report.blocks import Alert, Block, Details, Heading, Items, Paragraph, Rich, Span, Table
from coordinator.report.sections import build
from coordinator.report.view import LADDER, View

COMMENT_BYTES = 65_000  # GitHub refuses a body of more than 65,536 characters
SUMMARY_BYTES = 1_048_576 - 1024  # a job summary above 1 MiB is dropped whole
FOOTER = "_Report of "  # how the one line that differs between equal reports begins
_LINKS = {
    "run": "workflow run",
    "summary": "job summary",
    "report": "Markdown report",
    "report-html": "HTML report",
    "report-json": "report.json",
}
_NAME_LENGTH = 64


def render(report: Report, *, limit_bytes: int = COMMENT_BYTES, links: Mapping[str, str] | None = None) -> str:
    """The report as GitHub Markdown, in at most ``limit_bytes`` bytes of UTF-8 (and so characters).

    Args:
        report: what was found.
        limit_bytes: the limit; at least 16,000, so that the smallest form fits.
        links: addresses for the last line: ``run``, ``summary``, ``report``, ``report-html``, ``report-json``, or a
            label of your own. An address that is not http(s) is left out.

    Returns:
        The text, each tag closed, with a line end. Without the publisher's hidden marker.
    """
    text = ""
    for view in LADDER:
        text = _page(report, view, links or {})
        if len(text.encode()) <= limit_bytes:
            break
    return text


def summary(report: Report, *, links: Mapping[str, str] | None = None) -> str:
    """The report for the job summary: up to 1 MiB of bytes, above which GitHub drops it whole."""
    return render(report, limit_bytes=SUMMARY_BYTES, links=links)


def unchanging(text: str) -> str:
    r"""A rendered report without its last line, the time and links of one run: equal reports have equal texts.

    >>> unchanging("## Title\n\n_Report of 2026-11-23 09:04 UTC_\n")
    '## Title'
    """
    lines = text.rstrip().splitlines()
    return "\n".join(line for line in lines if not line.startswith(FOOTER)).rstrip()


def _page(report: Report, view: View, links: Mapping[str, str]) -> str:
    parts = [_block(block, view) for block in build(report, view)]
    if view.left_out:
        parts.append(f"_Left out here to fit: {view.left_out}. The job summary and `report.json` have them._")
    footer = _footer(report, links)
    return "\n\n".join([part for part in parts if part] + ([footer] if footer else [])) + "\n"


def _footer(report: Report, links: Mapping[str, str]) -> str:
    shown = [
        f"[{escape.markdown(_LINKS.get(name, name))}]({address})"
        for name, given in links.items()
        if (address := escape.url(given))
    ]
    made = [f"{fmt.time(report.created_at)} UTC"] if report.created_at else []
    facts = " · ".join(made + shown)
    return f"{FOOTER}{facts}_" if facts else ""


# ---------------------------------------------------------------- blocks


def _block(block: Block, view: View) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {_line(block.text, view)}"
        case Paragraph():
            return "\n".join(_breaks(_line(line, view) for line in block.lines))
        case Alert():
            lines = [f"[!{block.kind.upper()}]", *_breaks(_line(line, view) for line in block.lines)]
            return "\n".join(f"> {line}" for line in lines)
        case Items():
            marks = (f"{number}." if block.ordered else "-" for number in range(1, len(block.items) + 1))
            return "\n".join(f"{mark} {_line(item, view)}" for mark, item in zip(marks, block.items, strict=True))
        case Table():
            return _table(block, view)
        case Details():
            inner = "\n\n".join(_block(part, view) for part in block.blocks)
            return f"<details><summary>{escape.html(block.summary)}</summary>\n\n{inner}\n\n</details>"


def _breaks(lines: Iterator[str]) -> list[str]:
    """Lines with a hard break between them: a comment breaks at a line end by itself, a file does not."""
    whole = list(lines)
    return [line + "\\" for line in whole[:-1]] + whole[-1:]


def _table(table: Table, view: View) -> str:
    sides = {"l": "left", "r": "right"}
    text = tabulate(
        [[fmt.unbroken(_line(cell, view, line_start=False)) for cell in row] for row in table.rows],
        headers=[escape.markdown(column, line_start=False) for column in table.columns],
        tablefmt="pipe",
        colalign=[sides[letter] for letter in table.align],
        disable_numparse=True,
    )
    more = f"\n\n_And {escape.markdown(table.more, line_start=False)}._" if table.more else ""
    return _compact(text) + more


def _compact(text: str) -> str:
    r"""The table without the padding of its cells, which would cost as much as its content.

    >>> _compact("| a   |\n|:----|\n| b c |")
    '| a |\n|:--|\n| b c |'
    """
    return re.sub(r"-{3,}(?=:?\|)", "--", re.sub(r" {2,}", " ", text))


def _line(line: Rich, view: View, *, line_start: bool = True) -> str:
    parts: list[str] = []
    for bold, spans in groupby(_shortened(line, view.text), key=lambda span: span.strong):
        text = "".join(_span(span, view, line_start=line_start and not parts and not bold) for span in spans)
        core = text.strip()
        if bold and core:
            text = text.replace(core, f"**{core}**", 1)
        parts.append(text)
    return "".join(parts).strip()


def _shortened(line: Rich, most: int) -> Rich:
    """The line up to ``most`` characters: a message in many spans is as long as one in a single span."""
    kept: list[Span] = []
    left = most
    for span in line:
        if left <= 0:
            return (*kept, Span("…"))
        kept.append(span)
        left -= min(len(span.text), _NAME_LENGTH) if span.code else len(span.text)
    return tuple(kept)


def _span(span: Span, view: View, *, line_start: bool) -> str:
    if span.code:
        return escape.markdown_code(escape.cut_middle(span.text, _NAME_LENGTH))
    text = escape.cut(span.text, view.text)
    safe = escape.markdown(text, line_start=line_start)
    if span.href and (address := escape.url(span.href)):
        return f"[{safe}]({address})"
    before = " " if text[:1].isspace() else ""
    after = " " if text[-1:].isspace() and safe else ""
    return f"{before}{safe}{after}"
