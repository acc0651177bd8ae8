"""What pydantic found wrong, said for people: where it stands, what was found, what was expected, what to do."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from coordinator.model import Problem
from coordinator.overrides import Where
from coordinator.yamlfile import Document

_MISSING = object()
_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "dict_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "list_type": "a list",
    "tuple_type": "a list",
}


def problems_of(
    error: ValidationError,
    raw: Any,
    model: type[BaseModel],
    document: Document | None,
    origin: Mapping[str, Where] | None = None,
) -> list[Problem]:
    """Each thing that is wrong, once.

    Args:
        error: what pydantic found.
        raw: what was validated.
        model: by which model.
        document: the file that ``raw`` came from, for line and column; None where inputs say it all.
        origin: inputs that went into ``raw``, and where; a problem there names the input, not the file.
    """
    found: dict[Where, tuple[str, dict[str, Any]]] = {}
    for item in error.errors(include_url=False, include_context=True):
        path = _real(item["loc"], raw, item["type"])
        kind, details = str(item["type"]), dict(item)
        if path not in found or (kind == "value_error" and found[path][0] != "value_error"):
            found[path] = (kind, details)
    # of a union that fits nothing the deepest complaint says most
    leaves = [path for path in found if not any(other != path and other[: len(path)] == path for other in found)]
    return [_problem(path, *found[path], raw, model, document, origin or {}) for path in leaves]


def nearest(word: str, known: Sequence[str]) -> str:
    """What to do about an unknown word: the nearest known one, or all of them.

    >>> nearest("shar", ["share", "sha_1"])
    'Did you mean `share`?'
    """
    close = get_close_matches(word.lower().replace("-", "_"), known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean `{close[0]}`?"
    return f"Known here: {', '.join(f'`{name}`' for name in sorted(known))}." if known else ""


def dotted(path: Sequence[str | int]) -> str:
    """A path as people write it.

    >>> dotted(("experiments", 0, "split"))
    'experiments[0].split'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _real(loc: Sequence[str | int], raw: Any, kind: str) -> Where:
    """The location without pydantic's names of union members: only what stands, or is missing, in the data."""
    node, path = raw, []
    for index, part in enumerate(loc):
        child = _child(node, part)
        if child is not _MISSING:
            path.append(part)
            node = child
        elif index == len(loc) - 1 and kind in {"missing", "extra_forbidden"}:
            path.append(part)
    return tuple(path)


def _child(node: Any, part: str | int) -> Any:
    if isinstance(node, dict) and part in node:
        return node[part]
    if isinstance(node, (list, tuple)) and isinstance(part, int) and part < len(node):
        return node[part]
    return _MISSING


def _problem(
    path: Where,
    kind: str,
    details: dict[str, Any],
    raw: Any,
    model: type[BaseModel],
    document: Document | None,
    origin: Mapping[str, Where],
) -> Problem:
    value = raw
    for part in path:
        value = _child(value, part)
    message, fix = _said(path, kind, details, value, model)
    given = next((name for name, where in origin.items() if path[: len(where)] == where), None)
    if given:
        return Problem(kind, f"input `{given}`: {message}", fix=fix)
    key = dotted(path[:-1]) if kind in {"missing", "extra_forbidden"} else dotted(path)
    text = f"`{key}`: {message}" if key else message
    if document is None:
        return Problem(kind, text, fix=fix)
    line, column = document.locate(path, key=kind == "extra_forbidden")
    return Problem(kind, text, document.name, line, column, fix)


def _said(
    path: Where, kind: str, details: dict[str, Any], value: Any, model: type[BaseModel]
) -> tuple[str, str | None]:
    if kind == "extra_forbidden":
        return f"unknown key `{path[-1]}`", nearest(str(path[-1]), _keys(model, path[:-1])) or None
    if kind == "missing":
        return f"the key `{path[-1]}` is missing", None
    if kind == "value_error":
        return str(details["msg"]).removeprefix("Value error, "), None
    if kind == "literal_error":
        return f"found {_shown(value)}, expected {details['ctx']['expected']}", None
    expected = _EXPECTED.get(kind)
    if expected is None:
        text = str(details["msg"])
        return f"found {_shown(value)}: {text[0].lower()}{text[1:]}", None
    return f"found {_shown(value)}, expected {expected}", None


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _keys(model: type[BaseModel], path: Where) -> list[str]:
    models = {model}
    for part in path:
        models = {inner for outer in models for inner in _below(outer, part)}
    return [field.alias or name for kind in models for name, field in kind.model_fields.items()]


def _below(model: type[BaseModel], part: str | int) -> set[type[BaseModel]]:
    for name, field in model.model_fields.items():
        if part in {name, field.alias}:
            return _models(field.annotation)
    return {model}  # a list position or a free key: the models were found one level up


def _models(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for part in typing.get_args(annotation) for model in _models(part)}
