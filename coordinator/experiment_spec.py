"""The experiment's metrics as the config, the data and their names define them: role, direction, alpha. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from coordinator.config import Config, ExperimentConfig, MetricConfig
from coordinator.experiment_metric import MetricSpec
from coordinator.model import Cells, Direction, Role
from coordinator.names import direction_by_name, guardrail_by_name

_T = TypeVar("_T")


def metric_specs(cells: Cells, config: Config, experiment: ExperimentConfig) -> list[MetricSpec]:
    """The metrics of the data and of the config, the primary first.

    Args:
        cells: the experiment's metrics.
        config: minimum effects.
        experiment: roles, directions, the primary, alpha, looks.
    """
    names = list(dict.fromkeys(cell.metric for cell in cells.metrics if cell.experiment == experiment.id))
    roles = {name: (find_named(experiment.metrics, name) or MetricConfig()).role for name in names}
    primary = experiment.primary or next((name for name, role in roles.items() if role is Role.PRIMARY), None)
    primary = primary or next((name for name in names if not guardrail_by_name(name)), names[0] if names else None)
    # a metric that the config names and the data lacks is judged as missing, never forgotten
    wanted = [*([primary] if primary else []), *experiment.metrics]
    names += [name for name in dict.fromkeys(wanted) if name not in names and _as_rate(name) not in names]
    names.sort(key=lambda name: name != primary)
    mdes = config.mdes.get(experiment.id, {})
    divisor = experiment.looks if isinstance(experiment.looks, int) else 1
    specs = []
    for name in names:
        settings = find_named(experiment.metrics, name) or MetricConfig()
        role = Role.PRIMARY if name == primary else _other_role(name, settings)
        known = settings.direction or direction_by_name(name) or Direction.EITHER
        notes: tuple[str, ...] = ()
        direction = known
        if known is Direction.EITHER and role is Role.GUARDRAIL:
            notes = ("Nothing says which way is good, so a change to either side counts as worse.",)
        elif known is Direction.EITHER:
            notes = ("Its name does not say which way is good: an increase was taken as good.",)
            direction = Direction.INCREASE
        specs.append(
            MetricSpec(name, role, direction, settings, find_named(mdes, name), experiment.alpha / divisor, notes)
        )
    return specs


def find_named(named: Mapping[str, _T], name: str) -> _T | None:
    """What a metric is given under its name, or under the ``*_count`` that a ``*_rate`` was made of.

    Args:
        named: settings or minimum effects by name.
        name: as reported.
    """
    return named.get(name) or next((value for key, value in named.items() if _as_rate(key) == name), None)


def _as_rate(name: str) -> str:
    return name.removesuffix("_count") + "_rate" if name.endswith("_count") else name


def _other_role(name: str, settings: MetricConfig) -> Role:
    if settings.role is not None and settings.role is not Role.PRIMARY:
        return settings.role
    return Role.GUARDRAIL if guardrail_by_name(name) else Role.SECONDARY
