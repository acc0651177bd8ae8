"""How much of a report is shown: everything, or less and less until it fits where it has to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class View:
    """What to show.

    Attributes:
        full: wide tables open and complete (HTML), instead of narrow ones with the rest folded (Markdown).
        background: the decision table, sources and notes.
        tests: the folded tests, power, interval and check tables.
        passed: rows and sentences of metrics that are fine.
        tables: the folded full table of each validator.
        rows: rows of a table, items of a list and experiments at most; None for all. Metrics that decide come first.
        text: characters of one message at most.
        left_out: what this view leaves out, in words.
    """

    full: bool = False
    background: bool = True
    tests: bool = True
    passed: bool = True
    tables: bool = True
    rows: int | None = None
    text: int = 4000
    left_out: str = ""

    def some(self, items: Sequence[T]) -> Sequence[T]:
        """The items that are shown."""
        return items if self.rows is None else items[: self.rows]

    def more(self, items: Sequence[object], noun: str) -> str:
        """What is said of the items that are not shown; "" where all are."""
        hidden = len(items) - len(self.some(items))
        return f"{hidden:,} more {noun}" if hidden else ""


# The order in which detail is dropped. Verdicts, metrics that breach, and steps are in every view; only the last
# four views, for reports of hundreds of failing metrics or experiments, cap how many of them are written out.
LADDER: tuple[View, ...] = (
    View(),
    View(background=False, left_out="the decision table, notes and sources"),
    View(background=False, tests=False, left_out="tests and power, the decision table, notes and sources"),
    View(
        background=False,
        tests=False,
        passed=False,
        left_out="metrics that passed, tests and power, the decision table, notes and sources",
    ),
    View(
        background=False,
        tests=False,
        passed=False,
        tables=False,
        text=600,
        left_out="metrics that passed, the full tables, tests and power, the decision table, notes and sources",
    ),
    *(
        View(
            background=False,
            tests=False,
            passed=False,
            tables=False,
            rows=rows,
            text=text,
            left_out=f"all but {rows} rows of each table and list, metrics that passed, tests, notes and sources",
        )
        for rows, text in ((50, 300), (15, 200), (4, 120), (2, 80))
    ),
)
