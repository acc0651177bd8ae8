"""The JSON Schema of ``release.yml``, for editors and for ``python -m coordinator schema``."""

from __future__ import annotations

import json
from typing import Any

from coordinator.config import ReleaseFile

SCHEMA_FILE = "release.schema.json"
_TEXT = {"type": ["string", "number"]}
_LIST = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


def release_schema() -> dict[str, Any]:
    """The schema (Draft 2020-12), in the forms that people write: ``5%``, ``30m``, one path or a list of them."""
    schema = ReleaseFile.model_json_schema()
    _as_written(schema)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "release.yml"
    return schema


def schema_text() -> str:
    """The schema as text, as it is committed in ``coordinator/release.schema.json``."""
    return json.dumps(release_schema(), indent=2, ensure_ascii=False) + "\n"


def _as_written(node: Any) -> None:
    """Replace what the models hold (fractions, seconds, tuples) by what a file may say."""
    if isinstance(node, list):
        for item in node:
            _as_written(item)
    if not isinstance(node, dict):
        return
    properties = node.get("properties")
    for name, field in properties.items() if isinstance(properties, dict) else ():
        _loosen(name, field)
    for value in node.values():
        _as_written(value)


def _loosen(name: str, field: dict[str, Any]) -> None:
    kinds = [field, *field.get("anyOf", [])]
    for kind in kinds:
        if kind.get("format") == "duration" or kind.get("type") == "number":
            for key in ("type", "format"):
                kind.pop(key, None)
            kind.update(_TEXT)
        elif kind.get("type") == "array" and kind.get("items", {}).get("type") == "string":
            kind.pop("type")
            kind.pop("items")
            kind.update(_LIST)
        elif name == "split" and kind.get("type") == "object":
            kind.pop("additionalProperties", None)
            kind.pop("type")
            kind["anyOf"] = [{"type": "string"}, {"type": "object", "additionalProperties": _TEXT}]
        elif kind.get("type") in {"boolean", "integer"}:
            pass
        elif kind.get("format") == "date-time":
            kind.pop("format")
            kind["type"] = ["string", "number"]
    default = field.get("default")
    if isinstance(default, str) and default.startswith("PT"):
        field["default"] = {"PT30M": "30m", "PT2M": "120s"}.get(default, default)
