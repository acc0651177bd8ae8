"""YAML and JSON files as text, lists and mappings, with the line of every key and value.

Scalars stay text (arms called ``on``, a SHA ``0123456``); the config models turn text into numbers where they
expect one. Only a plain null (``null``, ``~``, nothing) is None.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from coordinator.errors import InputError
from coordinator.model import Problem
from coordinator.yamlguard import Loader, refuse_depth, refuse_explosion

MAX_BYTES = 50_000_000
_MAX_MARKED = 5_000_000
_WORDS = {True: "true", False: "false"}
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its name as people know it, its content, and where things stand in it."""

    name: str
    data: dict[str, Any]
    find_root: Callable[[], yaml.Node | None]

    def locate(self, path: Sequence[str | int], *, key: bool = False) -> tuple[int | None, int | None]:
        """Line and column (from 1) of the value at ``path``, or of its key; of the nearest parent where it is missing.

        Args:
            path: keys and list positions from the root.
            key: the place of the last key instead of its value's.
        """
        root = self.find_root()
        if root is None:
            return None, None
        node, mark = root, root.start_mark
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            key_node, node = found
            mark = (key_node or node).start_mark if key else node.start_mark
        return mark.line + 1, mark.column + 1


def read_document(path: Path, name: str) -> Document:
    """The file's content.

    Args:
        path: where it is.
        name: what messages call it.

    Raises:
        InputError: missing, a folder, larger than 50 MB, not text, not YAML, not a mapping, a duplicate key, or
            aliases that expand without bound; with line and column where there is one.
    """
    raw = _bytes(path, name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError.of(
            "not_text", "found a binary file, expected YAML or JSON text", file=name, fix="Check the path."
        ) from None
    if not text.strip():
        raise InputError.of("empty_file", "the file is empty, expected a mapping of keys", file=name)
    if path.suffix.lower() == ".json":
        return _json(text, name)
    root = _compose(text, name)
    if isinstance(root, yaml.MappingNode):
        return Document(name, _content(root, name), lambda: root)
    raise _no_mapping(name, isinstance(root, yaml.SequenceNode))


def _no_mapping(name: str, is_list: bool) -> InputError:
    found = "a list" if is_list else "a single value"
    return InputError.of("not_a_mapping", f"found {found}, expected a mapping of keys", file=name, line=1, column=1)


def _content(root: yaml.MappingNode, name: str) -> dict[str, Any]:
    refuse_explosion(root, name)
    problems: list[Problem] = []
    data: dict[str, Any] = _Builder(name, problems).build(root)
    if problems:
        raise InputError(problems)
    return data


def _bytes(path: Path, name: str) -> bytes:
    try:
        if path.is_dir():
            raise InputError.of("is_a_folder", "found a folder, expected a file", file=name)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError.of(
                "too_large",
                f"the file has {size / 1e6:.1f} MB, at most 50 MB are read",
                file=name,
                fix="Give a per-unit table as Parquet or CSV instead of a document.",
            )
        return path.read_bytes()
    except FileNotFoundError:
        hint = " (an absolute path of the host does not exist in the container)" if Path(name).is_absolute() else ""
        raise InputError.of(
            "missing_file", f"there is no such file{hint}", file=name, fix="Give a path relative to the workspace."
        ) from None
    except OSError as error:
        raise InputError.of("unreadable", f"the file cannot be read: {error.strerror}", file=name) from None


def _compose(text: str, name: str) -> yaml.Node:
    refuse_depth(text, name)
    try:
        root = yaml.compose(text, Loader)
    except yaml.reader.ReaderError as error:
        sign = error.character if isinstance(error.character, int) else ord(str(error.character)[:1] or "?")
        line = text.count("\n", 0, text.find(chr(sign))) + 1 if chr(sign) in text else None
        what = f"found the character U+{sign:04X}, expected text without control characters"
        raise InputError.of("bad_yaml", f"not YAML: {what}", file=name, line=line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        tab = "\\t" in what or (mark is not None and "\t" in _indent(text, mark.line))
        fix = "YAML is indented with spaces, not tabs." if tab else None
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise InputError.of("bad_yaml", f"not YAML: {what}", file=name, line=line, column=column, fix=fix) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError.of("bad_yaml", f"not YAML: {type(error).__name__}", file=name) from None
    if root is None:
        raise InputError.of("empty_file", "the file is empty, expected a mapping of keys", file=name)
    return root


def _indent(text: str, line: int) -> str:
    lines = text.splitlines()
    found = lines[line] if line < len(lines) else ""
    return found[: len(found) - len(found.lstrip())]


class _Builder:
    """Nodes into text, lists and mappings; duplicate keys are collected."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.name = name
        self.problems = problems

    def build(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return None if node.tag == _NULL else node.value
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item) for item in node.value]
        return self._mapping(node)

    def _mapping(self, node: yaml.Node) -> dict[str, Any]:
        result: dict[str, Any] = {}
        lines: dict[str, int] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem("bad_key", "found a list or mapping as a key, expected a word", key_node)
                continue
            if key_node.tag == _MERGE:
                value = self.build(value_node)
                for part in value if isinstance(value, list) else [value]:
                    if isinstance(part, dict):
                        merged = {**part, **merged}
                continue
            key = key_node.value
            if key in lines:
                self._problem("duplicate_key", f"the key `{key}` stands here and in line {lines[key]}", key_node)
            lines.setdefault(key, line)
            result[key] = self.build(value_node)
        return {**merged, **result} if merged else result

    def _problem(self, code: str, message: str, node: yaml.Node) -> None:
        mark = node.start_mark
        self.problems.append(Problem(code, message, self.name, mark.line + 1, mark.column + 1))


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key, value
    return None


def _pairs(items: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in items:
        if key in seen:
            twice.append(key)
        seen[key] = _plain(value)
    return seen


def _plain(value: Any) -> Any:
    """JSON's true and false as the words that they are in YAML."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _WORDS[value] if value is True or value is False else value


def _json(text: str, name: str) -> Document:
    refuse_depth(text, name)
    twice: list[str] = []
    pairs = partial(_pairs, twice=twice)

    def constant(word: str) -> str:
        return {"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}[word]

    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_float=str, parse_int=str, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise InputError.of(
            "bad_json", f"not JSON: {error.msg}", file=name, line=error.lineno, column=error.colno
        ) from None
    except RecursionError:
        raise InputError.of("bad_json", "not JSON that can be read: nested too deeply", file=name) from None
    if not isinstance(data, dict):
        raise _no_mapping(name, isinstance(data, list))

    @cache
    def root() -> yaml.Node | None:
        """JSON is YAML: its marks are only needed where something is wrong."""
        try:
            return _compose(text, name) if len(text) < _MAX_MARKED else None
        except InputError:
            return None

    if twice:
        marked = root()
        if isinstance(marked, yaml.MappingNode):
            _content(marked, name)  # says where
        raise InputError.of("duplicate_key", f"the key `{twice[0]}` stands twice in one object", file=name)
    return Document(name, data, root)
