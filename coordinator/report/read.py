"""Reads ``report.json`` back into a ``Report``. The file may be anyone's: size, depth, types and words are checked.

Nothing of the file is taken as it stands: the frozen dataclasses are built anew by their type hints, and unknown
fields are left out.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Union, get_args, get_origin, get_type_hints

from coordinator.errors import InputError
from coordinator.model import Audit, DecisionKind, ExitCode, ExperimentResult, Report
from coordinator.report.escape import encodable
from coordinator.values import short

MAX_BYTES = 10_000_000
MAX_DEPTH = 16  # of lists and objects; a report has 7
MAX_ITEMS = 5_000  # of one list or mapping
MAX_TEXT = 20_000  # characters of one text
MAX_NAME = 1_000  # characters of one key of a mapping
MAX_NUMBER = 2**63

# Texts and numbers of the model that report.schema.json limits to a few.
WORDS: Mapping[tuple[type, str], tuple[str | int, ...]] = {
    (Report, "schema_version"): (1,),
    (Report, "exit_code"): tuple(int(code) for code in ExitCode),
    (Report, "step"): ("canary", "experiment", "both"),
    (Audit, "rule"): ("evidence", "threshold"),
    (Audit, "layer_isolation"): ("confirmed", "unconfirmed"),
    (ExperimentResult, "correction"): ("fdr_bh", "bonferroni", "holm", "none"),
}
_NOT_READ = {"extra"}  # anything at all may stand there, and no report shows it
_EXPECTED = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


def read_report(path: Path, name: str) -> Report:
    """The report that a file holds; equal to the one that ``write_json`` wrote there, but for ``extra``.

    Args:
        path: the file.
        name: the file as messages name it.

    Raises:
        InputError: the file cannot be read, is too large, is no JSON, or a field is not what a report has there; the
            message names the field.
    """
    return _Reader(name).report(_parsed(_bytes(path, name), name))


def _bytes(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        fix = "Download the artifact that holds it first, and give its path."
        raise InputError.of("missing_file", "the report cannot be read", file=name, fix=fix) from None
    if len(raw) > MAX_BYTES:
        raise InputError.of("too_large", f"the report is larger than {MAX_BYTES // 1_000_000} MB", file=name)
    return raw


def _parsed(raw: bytes, name: str) -> object:
    try:
        data: object = json.loads(raw.decode("utf-8"), parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError, MemoryError):  # a UnicodeDecodeError is a ValueError
        fix = "Give the report.json that the gate wrote."
        raise InputError.of("bad_report", "the report is not JSON", file=name, fix=fix) from None
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node)]
        if not level:
            return data
    raise InputError.of("bad_report", f"the report is nested deeper than {MAX_DEPTH} levels", file=name)


def _children(node: object) -> list[object]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


class _Reader:
    """Builds the dataclasses from plain JSON; every method knows the field that it reads."""

    def __init__(self, name: str) -> None:
        self.name = name

    def report(self, data: object) -> Report:
        built = self.record(Report, data, "")
        assert isinstance(built, Report)  # noqa: S101 - for the type checker
        if reason := _contradiction(built):
            raise InputError.of("bad_report", f"the report contradicts itself: {reason}", file=self.name)
        return built

    def fail(self, where: str, expected: str, found: object) -> NoReturn:
        place = f"`{where}`: " if where else ""
        text = f"{place}found {short(found)}, expected {expected}"
        raise InputError.of("bad_report", text, file=self.name, fix="Give the report.json that the gate wrote.")

    def record(self, kind: type, data: object, where: str) -> object:
        if not isinstance(data, dict):
            self.fail(where, "an object", data)
        values: dict[str, object] = {}
        hints = _hints(kind)
        for field in dataclasses.fields(kind):
            key = field.name.rstrip("_")
            place = f"{where}.{key}" if where else key
            if field.name in _NOT_READ:
                continue
            if key in data:
                values[field.name] = self.value(hints[field.name], data[key], place)
                words = WORDS.get((kind, field.name))
                if words and values[field.name] is not None and values[field.name] not in words:
                    self.fail(place, f"one of {', '.join(map(str, words))}", data[key])
            elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                self.fail(place, "this field", None)
        return kind(**values)

    def value(self, hint: Any, data: object, where: str) -> object:
        """One value by its type hint."""
        origin = get_origin(hint)
        if origin in {Union, types.UnionType}:
            (inner,) = (part for part in get_args(hint) if part is not types.NoneType)
            return None if data is None else self.value(inner, data, where)
        if origin is tuple:
            return self.items(get_args(hint), data, where)
        if origin is not None:  # the only other one of the model is a mapping
            return self.mapping(get_args(hint)[1], data, where)
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            return self.record(hint, data, where)
        if hint is datetime:
            return self.time(data, where)
        if issubclass(hint, Enum):
            return self.word(hint, data, where)
        return self.text(data, where) if hint is str else self.number(hint, data, where)

    def items(self, parts: tuple[Any, ...], data: object, where: str) -> tuple[object, ...]:
        if not isinstance(data, list):
            self.fail(where, "a list", data)
        if parts[-1] is Ellipsis:
            self.length(data, MAX_ITEMS, where, "entries")
            parts = (parts[0],) * len(data)
        elif len(parts) != len(data):
            self.fail(where, f"a list of {len(parts)}", data)
        return tuple(
            self.value(part, item, f"{where}[{index}]")
            for index, (part, item) in enumerate(zip(parts, data, strict=True))
        )

    def mapping(self, hint: Any, data: object, where: str) -> dict[str, object]:
        if not isinstance(data, dict):
            self.fail(where, "an object", data)
        self.length(data, MAX_ITEMS, where, "entries")
        for key in data:
            self.length(key, MAX_NAME, f"{where}, a name", "characters")
        return {
            encodable(key): self.value(hint, item, f"{where}[{number}]")
            for number, (key, item) in enumerate(data.items())
        }

    def length(self, data: list[object] | dict[str, object] | str, most: int, where: str, what: str) -> None:
        if len(data) > most:
            text = f"`{where}`: found {len(data)} {what}, expected at most {most}"
            raise InputError.of("bad_report", text, file=self.name)

    def text(self, data: object, where: str) -> str:
        if not isinstance(data, str):
            self.fail(where, "a text", data)
        self.length(data, MAX_TEXT, where, "characters")
        return encodable(data)

    def word(self, kind: type[Enum], data: object, where: str) -> Enum:
        words = [member.value for member in kind]
        if not isinstance(data, str) or data not in words:
            self.fail(where, f"one of {', '.join(words)}", data)
        return kind(data)

    def time(self, data: object, where: str) -> datetime:
        try:
            read = datetime.fromisoformat(data if isinstance(data, str) else "")
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(where, "a time such as 2026-05-05T14:40:00Z", data)

    def number(self, kind: type, data: object, where: str) -> object:
        """A number or a truth value; where a report's figure was not finite, JSON has null, and it is NaN again."""
        if kind is float and data is None:
            return math.nan
        fits = isinstance(data, bool) if kind is bool else isinstance(data, (int, kind)) and not isinstance(data, bool)
        if not fits:
            self.fail(where, _EXPECTED[kind], data)
        if isinstance(data, int) and abs(data) > MAX_NUMBER:
            raise InputError.of("bad_report", f"`{where}`: the number is too large", file=self.name)
        return data


def _contradiction(report: Report) -> str | None:
    """What no run of the gate can say; the same rules stand in ``report.schema.json``."""
    promote = report.decision is DecisionKind.PROMOTE
    stages = (report.audit, report.canary, report.experiments)
    if report.may_proceed and (not promote or report.errors):
        return "`may_proceed` is true without the decision `promote`, or with errors"
    if promote and (None in stages or report.errors):
        return "the decision is `promote`, but a stage is missing or there are errors"
    failed = report.decision in {DecisionKind.REFUSED, DecisionKind.ERROR} and bool(report.errors)
    if report.exit_code >= ExitCode.REFUSED and not failed:
        return f"`exit_code` is {report.exit_code} without an error that says why"
    return None


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
