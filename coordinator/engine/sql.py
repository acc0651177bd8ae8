"""Pieces of SQL: quoting, ids, times and labels. Text in, text out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_HEX = re.compile(r"^[0-9a-f]{7,40}$")
_NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|REAL|BOOLEAN|DECIMAL\(.*\))", re.IGNORECASE)
_WHOLE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|UUID", re.IGNORECASE)
_NO_ID = ("", "null", "nan", "none")  # how exporters write an id that is not there


def name(identifier: str) -> str:
    """A quoted identifier.

    >>> name("user id")
    '"user id"'
    """
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """A quoted literal.

    >>> text("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def texts(values: Iterable[str]) -> str:
    """Literals with commas between them."""
    return ", ".join(text(value) for value in values)


def unit_id(column: str, kind: str = "") -> str:
    """An id as text: trimmed, ``123.0`` as ``123``, a UUID in lower case; NULL where there is none.

    Args:
        column: a quoted column, of any type.
        kind: its DuckDB type, where it is known.
    """
    plain = f"CAST({column} AS VARCHAR)"
    if _WHOLE.fullmatch(kind):  # its text has nothing to trim, to cut or to fold
        return plain
    raw = f"(CASE WHEN starts_with({plain}, ' ') OR ends_with({plain}, ' ') THEN trim({plain}) ELSE {plain} END)"
    whole = rf"regexp_replace({raw}, '^(-?[0-9]+)\.0+$', '\1')"
    uuid = f"length({raw}) = 36 AND substr({raw}, 9, 1) = '-' AND substr({raw}, 24, 1) = '-'"
    longest = max(len(word) for word in _NO_ID)
    # This runs on every row and costs more than reading it. The first two cases say no more than the others do:
    # they settle what nearly every id is by the cheapest tests there are ('!' is the first sign after the space).
    neat = f"{plain} >= '!' AND NOT ends_with({plain}, ' ')"
    dashed = f"length({plain}) = 36 AND position('-' IN {plain}) = 9 AND substr({plain}, 24, 1) = '-'"
    undotted = f"NOT contains({plain}, '.')"
    cases = [
        f"WHEN {dashed} AND {neat} THEN lower({plain})",
        f"WHEN strlen({plain}) > {longest} AND strlen({plain}) <> 36 AND {neat} AND {undotted} THEN {plain}",
        f"WHEN {uuid} THEN lower({raw})",
        f"WHEN length({raw}) <= {longest} AND lower({raw}) IN ({texts(_NO_ID)}) THEN NULL",
        f"WHEN ends_with({raw}, '0') AND contains({raw}, '.') THEN {whole}",
    ]
    return f"CASE {' '.join(cases)} ELSE {raw} END"


def epoch_us(column: str, kind: str) -> str:
    """Microseconds since 1970, UTC; NULL where the value is no time.

    Args:
        column: a quoted column.
        kind: its DuckDB type. Text may be ISO 8601 or a number; a number is s, ms, µs or ns by its size.
    """
    upper = kind.upper()
    if upper.startswith("TIMESTAMP") or upper == "DATE":
        # a time without a zone is UTC as it stands: no cast through the calendar, which costs more than the scan
        zoned = upper.startswith(("TIMESTAMPTZ", "TIMESTAMP WITH TIME"))
        return f"epoch_us(CAST({column} AS {'TIMESTAMPTZ' if zoned else 'TIMESTAMP'}))"
    number = f"TRY_CAST({column} AS DOUBLE)"
    size = f"abs({number})"
    epoch = (
        f"CASE WHEN {size} < 1e11 THEN {number} * 1e6 WHEN {size} < 1e14 THEN {number} * 1e3 "
        f"WHEN {size} < 1e17 THEN {number} WHEN {size} < 1e20 THEN {number} / 1e3 END"
    )
    # whole numbers stay exact: a double holds microseconds until the year 2255
    if upper in {"VARCHAR", "JSON"}:
        return f"COALESCE(epoch_us(TRY_CAST({column} AS TIMESTAMPTZ)), CAST(round({epoch}) AS BIGINT))"
    return f"CAST(round({epoch}) AS BIGINT)"


def is_number(kind: str) -> bool:
    """Whether a DuckDB type holds numbers, or flags.

    >>> is_number("BIGINT"), is_number("DECIMAL(18,2)"), is_number("INTERVAL")
    (True, True, False)
    """
    return _NUMBERS.fullmatch(kind) is not None


def number(column: str, kind: str) -> str:
    """A number; NULL where the cell is empty, NaN where it holds something else.

    Args:
        column: a quoted column.
        kind: its DuckDB type.
    """
    if is_number(kind):
        return f"CAST({column} AS DOUBLE)"
    raw = f"trim(CAST({column} AS VARCHAR))"
    flag = f"CASE lower({raw}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE 'nan'::DOUBLE END"
    return f"CASE WHEN {column} IS NULL OR {raw} = '' THEN NULL ELSE COALESCE(TRY_CAST({raw} AS DOUBLE), {flag}) END"


def label(column: str) -> str:
    """A label as trimmed lower-case text; an empty one is NULL."""
    return f"NULLIF(lower(trim(CAST({column} AS VARCHAR))), '')"


def matches(expression: str, words: Sequence[str]) -> str:
    """Whether a label is one of the words. A word that looks like a SHA also matches by prefix, from 7 characters on.

    Args:
        expression: from ``label``.
        words: lower-case words.
    """
    tests = [f"{expression} IN ({texts(words)})"] if words else ["FALSE"]
    for word in words:
        if _HEX.match(word):
            tests.append(f"starts_with({expression}, {text(word)})")
            tests.append(f"(length({expression}) >= 7 AND starts_with({text(word)}, {expression}))")
    return "(" + " OR ".join(tests) + ")"


def shape(expression: str) -> str:
    """The shape of an id: a UUID, words ``a``, numbers ``9``, mixed tokens ``#``, and what stands between them."""
    mixed = r"[A-Za-z]+[0-9][A-Za-z0-9]*|[0-9]+[A-Za-z][A-Za-z0-9]*"
    pattern = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    uuid = f"regexp_full_match({expression}, '{pattern}')"
    plain = expression
    for run, sign in ((mixed, "#"), ("[A-Za-z]+", "a"), ("[0-9]+", "9")):
        plain = f"regexp_replace({plain}, '{run}', '{sign}', 'g')"
    return f"CASE WHEN {uuid} THEN 'UUID' ELSE substr({plain}, 1, 40) END"
