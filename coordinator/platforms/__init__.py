"""What a platform's own config shows of the canary and an experiment: one file an adapter, one line in the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from coordinator.config import Config
from coordinator.errors import InputError
from coordinator.model import LayerFinding
from coordinator.platforms import growthbook
from coordinator.platforms.rule import Rule
from coordinator.yamlfile import read_document

Adapter = Callable[[dict[str, Any]], tuple[Rule, ...] | None]
"""A document's rules, or None where it is not this platform's."""

ADAPTERS: dict[str, Adapter] = {"GrowthBook": growthbook.rules}
"""The platforms whose own config is read."""


def read_layers(paths: Sequence[Path], config: Config, workspace: Path | None = None) -> tuple[LayerFinding, ...]:
    """For each experiment, whether the platforms' configs prove that it and the canary share a layer.

    Args:
        paths: the platforms' own files.
        config: the experiments, and ``platform.canary``, the key of the canary's flag.
        workspace: paths in messages are relative to it.

    Returns:
        One finding an experiment; ``confirmed`` only where the config proves disjoint ranges of one layer.

    Raises:
        InputError: a file that cannot be read, or is of no known platform.
    """
    rules: list[Rule] = []
    for path in paths:
        name = path.relative_to(workspace).as_posix() if workspace and path.is_relative_to(workspace) else path.name
        data = read_document(path, name).data
        found = [own for adapter in ADAPTERS.values() if (own := adapter(data)) is not None]
        if not found:
            raise InputError.of(
                "unknown_platform",
                f"the platform of this config is not known; known: {', '.join(ADAPTERS)}",
                file=name,
                fix="Leave it out of `platform.configs`; layer isolation is then reported as unconfirmed.",
            )
        rules += found[0]
    return tuple(_finding(item.id, rules, config) for item in config.experiments)


def _finding(experiment: str, rules: Sequence[Rule], config: Config) -> LayerFinding:
    own = [rule for rule in rules if rule.key == experiment]
    canary = [rule for rule in rules if config.platform.canary is not None and rule.key == config.platform.canary]
    pairs = [(rule.layer, other.layer) for rule in own for other in canary]
    shared = [(one, two) for one, two in pairs if one and two and one.name == two.name]
    if not shared:
        evidence = "the config shows no layer that the canary and the experiment share"
        return LayerFinding(experiment, "unconfirmed", disjoint=False, evidence=evidence)
    layer = shared[0][0].name
    if not all(one.disjoint(two) for one, two in shared):
        evidence = f"`{layer}`: the ranges of the canary and `{experiment}` overlap, or are hashed in two ways"
        return LayerFinding(experiment, "unconfirmed", disjoint=False, evidence=evidence)
    if len(shared) < len(pairs):
        evidence = f"`{layer}` is shared, but the canary or `{experiment}` has a rule outside of it"
        return LayerFinding(experiment, "unconfirmed", disjoint=False, evidence=evidence)
    evidence = f"`{layer}`: the canary and `{experiment}` have disjoint ranges of one layer"
    return LayerFinding(experiment, "confirmed", disjoint=True, evidence=evidence)
