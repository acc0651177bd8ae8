"""What the canary can do to an experiment's primary metric: worst-case bias and interaction, as information. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from coordinator import wording as fmt
from coordinator.config import ExperimentConfig
from coordinator.experiment_metric import MetricSpec
from coordinator.model import Cells, Cohort, Counts, MetricType, Moments, Role
from coordinator.stats.interaction import mean_interaction, rate_interaction, worst_case_bias
from coordinator.stats.means import welch
from coordinator.stats.proportions import compare_rates

_D = TypeVar("_D", Counts, Moments)
_Four = Mapping[tuple[bool, bool], Counts | Moments]


def canary_notes(cells: Cells, experiment: ExperimentConfig, specs: Sequence[MetricSpec]) -> list[str]:
    """Sentences on each treatment arm's primary metric; none for aggregated data, which has no canary cells.

    Args:
        cells: the experiment's metric cells, by arm and by whether the unit was ever in the canary.
        experiment: its arms.
        specs: its metrics; the primary one is looked at.
    """
    primary = next((spec for spec in specs if spec.role is Role.PRIMARY), None)
    if primary is None:
        return []
    several = len(experiment.treatment_arms) > 1
    notes = []
    for arm in experiment.treatment_arms:
        where = f"`{primary.name}`" + (f" in `{arm}`" if several else "")
        arms = (experiment.control_arm, arm)
        rates = _four(cells, experiment.id, primary.name, arms, Counts)
        means = _four(cells, experiment.id, primary.name, arms, Moments)
        if rates:
            notes += _sentences(where, rates, primary)
        elif means and not primary.settings.denominator:
            notes += _sentences(where, means, primary)
    return notes


def _four(
    cells: Cells, experiment: str, metric: str, arms: tuple[str, str], kind: type[_D]
) -> dict[tuple[bool, bool], _D]:
    """The data by (in the canary, in the treatment), all four or none."""
    found: dict[tuple[bool, bool], _D] = {}
    for cell in cells.metrics:
        if cell.experiment != experiment or cell.metric != metric or cell.cohort is None or cell.arm not in arms:
            continue
        if isinstance(cell.data, kind):
            key = (cell.cohort is Cohort.CANARY, cell.arm == arms[1])
            found[key] = found[key] + cell.data if key in found else cell.data
    return found if len(found) == 4 else {}


def _sentences(where: str, four: _Four, spec: MetricSpec) -> list[str]:
    sizes = {key: data.trials if isinstance(data, Counts) else data.n for key, data in four.items()}
    treatment = sizes[True, True] / max(sizes[True, True] + sizes[False, True], 1)
    control = sizes[True, False] / max(sizes[True, False] + sizes[False, False], 1)
    kind = MetricType.PROPORTION if isinstance(four[True, True], Counts) else MetricType.MEAN
    effect = _worst_effect(four)
    notes = []
    if effect is not None:
        bias = fmt.difference(worst_case_bias(effect, treatment, control), kind, spec.settings.unit)
        notes.append(
            f"Had the canary's users stayed in, the canary could move {where} by {bias} at worst: its shares in "
            f"treatment and control are {fmt.rate(treatment)} and {fmt.rate(control)}."
        )
    if isinstance(four[True, True], Counts):
        found = rate_interaction({key: data for key, data in four.items() if isinstance(data, Counts)})
    else:
        found = mean_interaction({key: data for key, data in four.items() if isinstance(data, Moments)})
    if found is not None:
        size = fmt.difference(found.difference, kind, spec.settings.unit)
        least = fmt.difference(found.detectable, kind, spec.settings.unit)
        notes.append(
            f"Inside the canary the effect on {where} differs by {size} ({fmt.p_phrase(found.p_value)}). These sizes "
            f"see a difference of {least} in 80% of cases, so a silent test proves nothing smaller."
        )
    return notes


def _worst_effect(four: _Four) -> float | None:
    """The end of the interval of the canary's own effect, in control, that is farther from 0."""
    inside, outside = four[True, False], four[False, False]
    if isinstance(inside, Counts) and isinstance(outside, Counts):
        interval = compare_rates(inside, outside).difference_interval
    elif isinstance(inside, Moments) and isinstance(outside, Moments):
        interval = welch(inside, outside).difference_interval
    else:
        interval = None
    if interval is None or not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return None
    return max(interval.low, interval.high, key=abs)
