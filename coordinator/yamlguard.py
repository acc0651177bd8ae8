"""Refuses documents that would break their reader: nested without a bottom, or with aliases that explode."""

from __future__ import annotations

import re
from contextlib import suppress

import yaml

from coordinator.errors import InputError

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_NODES = 5_000_000
_MAX_DEPTH = 100
_WIDE_INDENT = re.compile(rf"(?m)^[ \t?:-]{{{_MAX_DEPTH // 2},}}")


def _may_be_deep(text: str) -> bool:
    """Whether more than ``_MAX_DEPTH`` levels are possible at all: each takes a bracket, or a place in an indent."""
    return text.count("[") + text.count("{") > _MAX_DEPTH or bool(_WIDE_INDENT.search(text))


def refuse_depth(text: str, name: str) -> None:
    """Refuse a depth that no config has, before a parser recurses into it.

    Args:
        text: YAML or JSON.
        name: what messages call the file.
    """
    if not _may_be_deep(text):
        return
    depth = 0
    with suppress(yaml.YAMLError):  # composing says it better
        for event in yaml.parse(text, Loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > _MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else None
                raise InputError.of("too_deep", f"nested more than {_MAX_DEPTH} levels deep", file=name, line=line)


def refuse_explosion(root: yaml.Node, name: str) -> None:
    """Refuse aliases that expand without bound: counts the nodes as if every alias were written out.

    Args:
        root: the document.
        name: what messages call the file.
    """
    sizes: dict[int, int] = {}
    stack: list[tuple[yaml.Node, bool]] = [(root, False)]
    open_nodes: set[int] = set()
    while stack:
        node, leaving = stack.pop()
        children = _children(node)
        if leaving:
            sizes[id(node)] = 1 + sum(sizes.get(id(child), 1) for child in children)
            open_nodes.discard(id(node))
            continue
        if id(node) in sizes:
            continue
        open_nodes.add(id(node))
        stack.append((node, True))
        for child in children:
            if id(child) in open_nodes:
                _explode(name, child)
            if not isinstance(child, yaml.ScalarNode):
                stack.append((child, False))
    if sizes[id(root)] > _MAX_NODES:
        _explode(name, root)


def _explode(name: str, node: yaml.Node) -> None:
    raise InputError.of(
        "aliases_explode",
        f"its aliases (`*name`) expand to more than {_MAX_NODES:,} values",
        file=name,
        line=node.start_mark.line + 1,
        fix="Write the values out, or drop the anchors.",
    )


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
