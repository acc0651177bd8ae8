"""Cuts GitHub's own OpenAPI description down to the paths in use.

Usage: ``npm pack @octokit/openapi``, unpack it, then
``python tests/github/trim_openapi.py package/generated/api.github.com.json tests/github/openapi.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

REPOSITORY = "/repos/{owner}/{repo}"
USED = {
    "/user": ("get",),
    f"{REPOSITORY}/issues/{{issue_number}}/comments": ("get", "post"),
    f"{REPOSITORY}/issues/comments/{{comment_id}}": ("patch", "delete"),
    f"{REPOSITORY}/commits/{{ref}}": ("get",),
    f"{REPOSITORY}/commits/{{commit_sha}}/comments": ("get", "post"),
    f"{REPOSITORY}/comments/{{comment_id}}": ("patch", "delete"),
    f"{REPOSITORY}/commits/{{commit_sha}}/pulls": ("get",),
    f"{REPOSITORY}/pulls": ("get",),
    f"{REPOSITORY}/deployments": ("get",),
    f"{REPOSITORY}/deployments/{{deployment_id}}/statuses": ("get", "post"),
}
PROSE = {"description", "summary", "example", "examples", "externalDocs", "title"}


def trim(source: dict[str, Any]) -> dict[str, Any]:
    """Keep the used operations, what they refer to, and no prose."""
    paths = {path: {method: source["paths"][path][method] for method in methods} for path, methods in USED.items()}
    paths = {path: {method: _plain(operation) for method, operation in item.items()} for path, item in paths.items()}
    kept: dict[str, Any] = {}
    waiting = _references(paths)
    while waiting:
        reference = waiting.pop()
        _, kind, name = reference.removeprefix("#").split("/")[1:]
        if name in kept.setdefault(kind, {}):
            continue
        kept[kind][name] = _plain(source["components"][kind][name])
        waiting |= _references(kept[kind][name])
    components = {kind: dict(sorted(items.items())) for kind, items in sorted(kept.items())}
    info = {"title": "GitHub v3 REST API, trimmed", "version": source["info"]["version"]}
    return {"openapi": source["openapi"], "info": info, "paths": paths, "components": components}


def _plain(node: Any, *, names: bool = False) -> Any:
    """The node without prose; ``names`` where the keys are names of properties, which may be called "title"."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: ""
        if key == "description" and not names and _is_response(node)
        else _plain(item, names=key == "properties")
        for key, item in node.items()
        if names or (_is_response(node) and key == "description") or not (key in PROSE or key.startswith("x-"))
    }


def _is_response(node: dict[str, Any]) -> bool:
    """A response must have a description."""
    return "description" in node and ("content" in node or "headers" in node or set(node) <= {"description", "$ref"})


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_references, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return own.union(*(_references(item) for item in node.values()))


if __name__ == "__main__":
    source_path, target_path = map(Path, sys.argv[1:])
    trimmed = trim(json.loads(source_path.read_text(encoding="utf-8")))
    target_path.write_text(json.dumps(trimmed, separators=(",", ":")) + "\n", encoding="utf-8")
