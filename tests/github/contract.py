"""GitHub's own description of its API: checks requests and answers, and makes examples of its objects."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.responses.exceptions import ResponseFinderError
from openapi_core.testing import MockRequest, MockResponse

HOST = "https://api.github.com"
_FORMATS = {"uri": "https://example.org/x", "date-time": "2026-05-05T14:00:00Z", "email": "a@example.org"}
_PLAIN: dict[str, Any] = {"integer": 1, "number": 1.0, "boolean": False, "array": []}


@cache
def _spec() -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(Path(__file__).with_name("openapi.json").read_text(encoding="utf-8"))
    return spec | {"servers": [{"url": HOST}]}


@cache
def _openapi() -> OpenAPI:
    return OpenAPI.from_dict(_spec(), config=Config(spec_validator_cls=None))


def request(verb: str, path: str, query: dict[str, str], body: bytes) -> MockRequest:
    """A request as the checker wants it; ``path`` without the prefix of an Enterprise Server."""
    return MockRequest(HOST, verb.lower(), path, args=query, data=body or None)


def request_problem(asked: MockRequest) -> str | None:
    """What GitHub's description has against a request; None if nothing."""
    try:
        _openapi().validate_request(asked)
    except OpenAPIError as error:
        return f"{asked.method} {asked.path}: {error}"
    return None


def answer_problem(asked: MockRequest, status: int, body: bytes) -> str | None:
    """What GitHub's description has against an answer; None if nothing. It does not list every error."""
    try:
        _openapi().validate_response(asked, MockResponse(body, status))
    except ResponseFinderError as error:
        return None if status >= 400 else f"{asked.method} {asked.path}: {error!r}"
    except OpenAPIError as error:
        return f"{asked.method} {asked.path} -> {status}: {error}"
    return None


def example(name: str, **values: Any) -> dict[str, Any]:
    """The smallest object of a named schema, with some values set."""
    smallest = _smallest(_spec()["components"]["schemas"][name], required=True)
    return {**smallest, **values}


def _smallest(schema: dict[str, Any], *, required: bool = False) -> Any:
    if "$ref" in schema:
        return _smallest(_spec()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            return _smallest(schema[key][0], required=True)
    if schema.get("nullable") and not required:
        return None
    if schema.get("type") == "string":
        return _FORMATS.get(schema.get("format", ""), "x")
    if schema.get("type") in _PLAIN:
        return _PLAIN[schema["type"]]
    properties = schema.get("properties", {})
    return {key: _smallest(properties[key]) for key in schema.get("required", ()) if key in properties}
