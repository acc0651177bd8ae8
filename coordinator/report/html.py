"""The report as one self-contained HTML page: nothing is loaded, nothing runs, light and dark, fit for print."""

from __future__ import annotations

from coordinator import wording as fmt
from coordinator.model import Report
from coordinator.report import escape, headline
from coordinator.report.blocks import Alert, Block, Details, Heading, Items, Paragraph, Rich, Span, Table
from coordinator.report.sections import TITLE, build
from coordinator.report.style import CSS
from coordinator.report.view import View

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main class="{tone}">
{body}
</main>
<footer>{footer}</footer>
</body>
</html>
"""


def render_html(report: Report) -> str:
    """The report as one HTML page with the full tables.

    Args:
        report: what was found. Equal reports give equal pages.
    """
    body = "\n".join(_block(block) for block in build(report, View(full=True)))
    made = f"Report of {fmt.time(report.created_at)} UTC. " if report.created_at else ""
    return _PAGE.format(
        policy=_POLICY,
        title=escape.html(f"{TITLE}: {headline.sentence(report)}"),
        style=CSS.lstrip(),
        tone=headline.tone(report.decision),
        body=body,
        footer=escape.html(f"{made}Times are UTC. The same figures, unrounded, are in report.json."),
    )


def _block(block: Block) -> str:
    match block:
        case Heading():
            level = block.level - 1
            return f"<h{level}>{_line(block.text)}</h{level}>"
        case Paragraph():
            return f"<p>{'<br>'.join(_line(line) for line in block.lines)}</p>"
        case Alert():
            lines = "".join(f"<p>{_line(line)}</p>" for line in block.lines)
            return f'<div class="alert {block.kind}">{lines}</div>'
        case Items():
            tag = "ol" if block.ordered else "ul"
            return f"<{tag}>{''.join(f'<li>{_line(item)}</li>' for item in block.items)}</{tag}>"
        case Table():
            return _table(block)
        case Details():
            inner = "\n".join(_block(part) for part in block.blocks)
            return f"<details open><summary>{escape.html(block.summary)}</summary>\n{inner}\n</details>"


def _table(table: Table) -> str:
    kinds = ["num" if letter == "r" else "txt" for letter in table.align]
    head = "".join(
        f'<th scope="col" class="{kind}">{escape.html(column)}</th>'
        for kind, column in zip(kinds, table.columns, strict=True)
    )
    rows = "\n".join(
        "<tr>"
        + "".join(
            f'<td class="{kind}{_tone(cell)}">{fmt.unbroken(_line(cell))}</td>'
            for kind, cell in zip(kinds, row, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    more = f'<p class="more">And {escape.html(table.more)}.</p>' if table.more else ""
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>{more}'


def _tone(cell: Rich) -> str:
    """The colour of a verdict's cell, by its symbol; the word stands in it as well."""
    text = cell[0].text if cell else ""
    return next((f" {tone}" for tone, symbol in headline.SYMBOLS.items() if text.startswith(f"{symbol} ")), "")


def _line(line: Rich) -> str:
    return "".join(_span(span) for span in line)


def _span(span: Span) -> str:
    text = escape.html(span.text)
    if span.code:
        text = f"<code>{text or fmt.NONE}</code>"
    else:
        text = (" " if span.text[:1].isspace() else "") + text + (" " if span.text[-1:].isspace() and text else "")
    if span.href and (address := escape.url(span.href)):
        text = f'<a href="{escape.html(address)}" rel="noopener noreferrer">{text}</a>'
    return f"<strong>{text}</strong>" if span.strong else text
