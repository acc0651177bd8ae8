"""Reads a ``report.json`` as plain JSON and holds it against its own JSON Schema: what fits can be explained."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from coordinator.errors import InputError
from coordinator.report.escape import plain
from coordinator.report.json import schema
from coordinator.values import short, timestamp

MAX_BYTES = 50_000_000
_FIX = "Give the report.json that the gate wrote."
_WORDS = {"object": "an object", "array": "a list", "string": "a text", "boolean": "true or false", "null": "null"}
_NUMBERS = {"number": "a number", "integer": "a whole number"}


def read_json(path: Path) -> Mapping[str, Any]:
    """The object that a file holds; whether it is a report is not known yet.

    Args:
        path: the file, named as given in messages.

    Raises:
        InputError: there is no such file, it is too large, or it is no JSON object.
    """
    name = plain(str(path))
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        fix = "Run the gate first, or give the path of its report.json."
        raise InputError.of("missing_file", "the report cannot be read", file=name, fix=fix) from None
    if len(raw) > MAX_BYTES:
        raise InputError.of("too_large", f"the report is larger than {MAX_BYTES // 1_000_000} MB", file=name)
    try:
        data = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError):  # a UnicodeDecodeError is a ValueError
        raise InputError.of("bad_report", "the report is not JSON", file=name, fix=_FIX) from None
    if not isinstance(data, dict):
        raise InputError.of("bad_report", f"found {_shown(data)}, expected an object", file=name, fix=_FIX)
    return data


def must_fit(report: Mapping[str, Any], file: str) -> None:
    """Refuse what is no report of schema version 1.

    Args:
        report: the parsed file.
        file: the file as messages name it.

    Raises:
        InputError: the first field that does not fit, by its path.
    """
    rules = schema()
    for place, text in _faults(report, rules, rules["$defs"], ""):
        where = f"`{plain(place)}`: " if place else ""
        raise InputError.of("bad_report", f"{where}{text}", file=plain(file), fix=_FIX)


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _shown(value: object) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return "an object" if isinstance(value, Mapping) else "a list"
    try:
        return plain(short(value))
    except ValueError:  # an integer of more digits than Python prints
        return "a number that is too large"


def _faults(value: object, rule: Mapping[str, Any], defs: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    """What does not fit, as field and sentence; the keywords are those that the schema uses, but for its conditions."""
    if "$ref" in rule:
        rule = defs[str(rule["$ref"]).rpartition("/")[2]]
    if "anyOf" in rule:
        kinds = [part for part in rule["anyOf"] if part != {"type": "null"}]
        if value is not None:
            yield from _faults(value, kinds[0], defs, place)
        return
    wanted = rule.get("type")
    kinds = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if kinds and not any(_is(value, kind) for kind in kinds):
        words = " or ".join((_WORDS | _NUMBERS)[kind] for kind in kinds)
        yield place, f"found {_shown(value)}, expected {words}"
        return
    allowed = [rule["const"]] if "const" in rule else rule.get("enum")
    if allowed is not None and (isinstance(value, bool) or not any(value == item for item in allowed)):
        yield place, f"found {_shown(value)}, expected {' or '.join(short(item) for item in allowed)}"
    elif isinstance(value, Mapping):
        yield from _in_object(value, rule, defs, place)
    elif isinstance(value, (list, tuple)):
        if not rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value)):
            yield place, f"found {len(value)} entries, expected {rule.get('minItems', 'none')}"
        for index, item in enumerate(value):
            yield from _faults(item, rule.get("items", {}), defs, f"{place}[{index}]")
    elif isinstance(value, str):
        yield from _in_text(value, rule, place)
    elif isinstance(value, (int, float)) and not rule.get("minimum", value) <= value <= rule.get("maximum", value):
        yield (
            place,
            f"found {_shown(value)}, expected {rule['minimum']} or more, and at most {rule.get('maximum', '∞')}",
        )


def _in_object(
    value: Mapping[Any, Any], rule: Mapping[str, Any], defs: Mapping[str, Any], place: str
) -> Iterator[tuple[str, str]]:
    dot = f"{place}." if place else ""
    fields = rule.get("properties", {})
    for name in rule.get("required", ()):
        if name not in value:
            yield f"{dot}{name}", "the field is missing"
    others = rule.get("additionalProperties")
    for name, item in value.items():
        inner = fields.get(name, others if isinstance(others, Mapping) else None)
        if inner is not None:
            yield from _faults(item, inner, defs, f"{dot}{str(name)[:60]}")


def _in_text(value: str, rule: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    if len(value) < rule.get("minLength", 0):
        yield place, "found an empty text"
    if "pattern" in rule and not re.search(rule["pattern"], value):
        yield place, f"found {_shown(value)}, expected {rule['pattern']}"
    if rule.get("format") == "date-time":
        try:
            timestamp(value)
        except ValueError as error:
            yield place, plain(str(error))


def _is(value: object, kind: str) -> bool:
    if kind == "object":
        return isinstance(value, Mapping)
    if kind == "array":
        return isinstance(value, (list, tuple))
    if kind in {"boolean", "null"}:
        return isinstance(value, bool) if kind == "boolean" else value is None
    if kind == "string":
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value) and (kind == "number" or value == int(value))
    except OverflowError:  # an integer that no float can hold
        return False
