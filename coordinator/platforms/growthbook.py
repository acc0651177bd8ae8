"""GrowthBook's SDK payload: ``{"features": {...}}``. Layers are its namespaces (``namespace: [name, from, to]``).

Source: docs.growthbook.io, "Build your own SDK": ``inNamespace`` hashes the hash attribute with the namespace's name,
so that two rules of one namespace with the same attribute and disjoint ranges never share a unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from coordinator.platforms.rule import Layer, Rule
from coordinator.values import number

_DEFAULT_ATTRIBUTE = "id"


def rules(document: dict[str, Any]) -> tuple[Rule, ...] | None:
    """The payload's rules with a key: a rule's own, else its feature's. None where this is no such payload.

    Args:
        document: the parsed file.
    """
    features = document.get("features")
    if not isinstance(features, dict):
        return None
    return tuple(_rules(features))


def _rules(features: dict[str, Any]) -> Iterator[Rule]:
    for name, feature in features.items():
        listed = feature.get("rules") if isinstance(feature, dict) else None
        for rule in listed if isinstance(listed, list) else ():
            if isinstance(rule, dict):
                yield Rule(str(rule.get("key") or name), _namespace(rule) or _filter(rule))


def _namespace(rule: dict[str, Any]) -> Layer | None:
    space = rule.get("namespace")
    if not isinstance(space, list) or len(space) != 3:
        return None
    try:
        part = (number(space[1]), number(space[2]))
    except ValueError:
        return None
    return Layer(str(space[0]), ("1", str(rule.get("hashAttribute") or _DEFAULT_ATTRIBUTE)), (part,))


def _filter(rule: dict[str, Any]) -> Layer | None:
    """The newer form: one filter with its own attribute, seed, hash version and ranges."""
    filters = rule.get("filters")
    if not isinstance(filters, list) or len(filters) != 1 or not isinstance(filters[0], dict):
        return None
    only = filters[0]
    try:
        ranges = tuple((number(low), number(high)) for low, high in only.get("ranges", ()))
    except (TypeError, ValueError):
        return None
    attribute = str(only.get("attribute") or rule.get("hashAttribute") or _DEFAULT_ATTRIBUTE)
    seed = str(only.get("seed", ""))
    return Layer(seed, (str(only.get("hashVersion", 2)), attribute), ranges) if ranges and seed else None
