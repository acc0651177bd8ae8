"""A report as a small tree of blocks: built once by the sections, drawn by Markdown and HTML.

Text in the tree is raw. Only the renderers escape, each for its own sink, so nothing is escaped twice or never.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line: raw text, and how it looks."""

    text: str
    code: bool = False
    strong: bool = False
    href: str = ""


Rich = tuple[Span, ...]


def rich(*parts: str | Rich) -> Rich:
    """A line of parts. In a text part, what stands between two backticks is code.

    >>> rich("set `step`")
    (Span(text='set ', code=False, strong=False, href=''), Span(text='step', code=True, strong=False, href=''))
    """
    return tuple(span for part in parts for span in (_spans(part) if isinstance(part, str) else part))


def _spans(text: str) -> Iterator[Span]:
    for index, piece in enumerate(_CODE.split(text)):
        if piece:
            yield Span(piece, code=index % 2 == 1)


def code(name: str) -> Rich:
    """A name (metric, arm, build, file) set as code, whatever is in it."""
    return (Span(name, code=True),)


def strong(*parts: str | Rich) -> Rich:
    """A line in bold."""
    return tuple(replace(span, strong=True) for span in rich(*parts))


def link(text: str, href: str) -> Rich:
    """A link; the renderers drop an address that is not http(s)."""
    return (Span(text, href=href),)


def join(separator: str, lines: list[Rich]) -> Rich:
    """Lines joined by a separator."""
    return tuple(span for index, line in enumerate(lines) for span in ((*rich(separator), *line) if index else line))


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 2 is the report's own."""

    level: int
    text: Rich


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of a paragraph, each on its own line."""

    lines: tuple[Rich, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """The box at the top. ``kind`` is one of GitHub's alert kinds, lower case."""

    kind: str
    lines: tuple[Rich, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``align`` has one letter a column, l or r. ``more`` says what rows are not shown."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Rich, ...], ...]
    align: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list; ordered where its order is an order to follow."""

    items: tuple[Rich, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks folded under a summary line. No heading inside, by rule: GitHub shows it at the wrong size."""

    summary: str
    blocks: tuple[Block, ...]


Block = Heading | Paragraph | Alert | Table | Items | Details


def paragraph(*lines: str | Rich) -> Paragraph:
    """A paragraph of lines."""
    return Paragraph(tuple(rich(line) for line in lines))


def merged(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks with neighbouring lists made one, folded blocks too: Markdown would run them together anyhow."""
    result: list[Block] = []
    for given in blocks:
        block = replace(given, blocks=merged(given.blocks)) if isinstance(given, Details) else given
        last = result[-1] if result else None
        if isinstance(block, Items) and isinstance(last, Items) and not block.ordered and not last.ordered:
            result[-1] = Items(last.items + block.items)
        elif not isinstance(block, Items) or block.items:
            result.append(block)
    return tuple(result)
