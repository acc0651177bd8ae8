"""What pydantic found wrong, said for people: where it stands, what was found, what was expected, what to do."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, RootModel, ValidationError

from coordinator.model import Problem
from coordinator.overrides import Where
from coordinator.values import short
from coordinator.yamlfile import Document

_MISSING = object()
_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "string_sub_type": "text",
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
        kind, details = str(item["type"]), dict(item)
        path = _real(item["loc"], raw, kind)
        if kind == "list_item":  # one value of a list that was read as a whole
            path = (*path, int(item["ctx"]["index"]))
        if path not in found or (kind == "value_error" and found[path][0] != "value_error"):
            found[path] = (kind, details)
    # of a union that fits nothing the deepest complaint says most
    leaves = [path for path in found if not any(other != path and other[: len(path)] == path for other in found)]
    return [_problem(path, *found[path], model, document, origin or {}) for path in leaves]


def near(word: str, known: Iterable[str]) -> str | None:
    """The known word that the unknown one is likely to mean.

    >>> near("routing-unit", ["routing_unit", "share"]), near("colour", ["share"])
    ('routing_unit', None)
    """
    close = get_close_matches(word.lower().replace("-", "_"), list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def nearest(word: str, known: Iterable[str]) -> str:
    """What to do about an unknown word: the nearest known one, or all of them.

    >>> nearest("shar", ["share", "sha_1"])
    'Did you mean `share`?'
    """
    known = list(known)
    close = near(word, known)
    if close:
        return f"Did you mean `{close}`?"
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
    model: type[BaseModel],
    document: Document | None,
    origin: Mapping[str, Where],
) -> Problem:
    message, fix = _said(path, kind, details, model)
    if not _given(path, origin):
        key = dotted(path[:-1]) if kind in {"missing", "extra_forbidden"} else dotted(path)
        message = f"`{key}`: {message}" if key else message
    return placed(path, Problem(kind, message, fix=fix), document, origin, key=kind == "extra_forbidden")


def placed(
    path: Where, problem: Problem, document: Document | None, origin: Mapping[str, Where], *, key: bool = False
) -> Problem:
    """The problem with the line of the file, or the input, that it belongs to.

    Args:
        path: its place in the config or document.
        problem: what is wrong.
        document: the file that it belongs to, if any.
        origin: inputs that went into the config, and where.
        key: the place of the key, not of the value.
    """
    given = _given(path, origin)
    if given:
        text = problem.message.removeprefix(f"`{dotted(path)}`: ")
        return Problem(problem.code, f"input `{given}`: {text}", fix=problem.fix)
    if document is None:
        return problem
    line, column = document.locate(path, key=key)
    return Problem(problem.code, problem.message, document.name, line, column, problem.fix)


def _given(path: Where, origin: Mapping[str, Where]) -> str | None:
    return next((name for name, where in origin.items() if path[: len(where)] == where), None)


def _said(path: Where, kind: str, details: dict[str, Any], model: type[BaseModel]) -> tuple[str, str | None]:
    value = details.get("input")
    if kind == "extra_forbidden":
        return f"unknown key `{path[-1]}`", nearest(str(path[-1]), _keys(model, path[:-1])) or None
    if kind == "missing":
        return f"the key `{path[-1]}` is missing", None
    if kind == "value_error":
        return str(details["msg"]).removeprefix("Value error, "), None
    if kind == "list_item":
        return str(details["msg"]), None
    if kind in {"literal_error", "enum"}:
        return f"found {short(value)}, expected {details['ctx']['expected']}", None
    if kind == "greater_than_equal":
        return f"found {short(value)}, expected {details['ctx']['ge']} or more", None
    expected = _EXPECTED.get(kind)
    if expected is None:
        text = str(details["msg"])
        return f"found {short(value)}: {text[0].lower()}{text[1:]}", None
    return f"found {short(value)}, expected {expected}", None


def _keys(model: type[BaseModel], path: Where) -> list[str]:
    models = {model}
    for part in path:
        models = {inner for outer in models for inner in _below(outer, part)}
    return [field.alias or name for kind in models for name, field in kind.model_fields.items()]


def _below(model: type[BaseModel], part: str | int) -> set[type[BaseModel]]:
    if issubclass(model, RootModel):
        return _models(model.model_fields["root"].annotation)
    for name, field in model.model_fields.items():
        if part in {name, field.alias}:
            return _models(field.annotation)
    return {model}  # a list position or a free key: the models were found one level up


def _models(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for part in typing.get_args(annotation) for model in _models(part)}
