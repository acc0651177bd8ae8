"""The JSON Schema of ``release.yml``, for editors and for ``python -m coordinator schema``."""

from __future__ import annotations

import json
from typing import Any

from coordinator.config import ReleaseFile

SCHEMA_FILE = "release.schema.json"
_WORD = {"type": ["string", "number", "boolean"]}  # names are read as text: a SHA 0123456, an arm called on
_FIGURE = {"type": ["string", "number"]}
_DURATIONS = {"PT30M": "30m", "PT2M": "120s"}


def release_schema() -> dict[str, Any]:
    """The schema (Draft 2020-12), in the forms that people write: ``5%``, ``30m``, one path or a list of them."""
    schema: dict[str, Any] = _as_written(ReleaseFile.model_json_schema())
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "release.yml"
    return schema


def schema_text() -> str:
    """The schema as text, as it is committed in ``coordinator/release.schema.json``."""
    return json.dumps(release_schema(), indent=2, ensure_ascii=False) + "\n"


def _as_written(node: Any, name: str = "") -> Any:
    """What the models hold (fractions, seconds, tuples) replaced by what a file may say.

    Args:
        node: a schema or a part of one.
        name: the property that it describes.
    """
    if isinstance(node, list):
        return [_as_written(item, name) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: value for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    default = plain.pop("default", None)
    for key in ("properties", "$defs"):
        if key in plain:
            plain[key] = {inner: _as_written(value, inner) for inner, value in plain[key].items()}
    for key in ("items", "anyOf", "oneOf", "additionalProperties"):
        if key in plain:
            plain[key] = _as_written(plain[key], name)
    result = _loosened(plain, name)
    if isinstance(default, (str, int, float, bool)):
        result["default"] = _DURATIONS.get(str(default), default)
    return result


def _loosened(kind: dict[str, Any], name: str) -> dict[str, Any]:
    told = {key: value for key, value in kind.items() if key == "description"}
    if "enum" in kind or "$ref" in kind:
        return kind
    if kind.get("type") == "number" or kind.get("format") in {"duration", "date-time"}:
        return told | _FIGURE
    if kind.get("type") == "string":
        return told | _WORD
    if kind.get("type") == "array" and _is_text(kind["items"]):
        return told | {"anyOf": [kind["items"] if kind["items"] == _WORD else _WORD, kind]}
    if name == "split" and kind.get("type") == "object":
        return told | {"anyOf": [{"type": "string"}, kind]}
    return kind


def _is_text(items: dict[str, Any]) -> bool:
    """Whether a list holds words: one of them may stand alone, or several with commas."""
    return items == _WORD or "enum" in items
