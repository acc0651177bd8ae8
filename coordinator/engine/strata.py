"""Stretches of time in which every declared share is constant: the audit's strata, and an experiment's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from coordinator.config import Config, ExperimentConfig
from coordinator.model import Stratum

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def joint_strata(config: Config, experiment: ExperimentConfig) -> tuple[Stratum, ...]:
    """The strata of the audit: one without a ramp, else a new one where the canary's or the arms' shares change.

    Starts at the later of the two sides' first steps.

    Args:
        config: the canary's share or steps.
        experiment: the experiment's split or steps.
    """
    canary, steps = config.canary, experiment.steps
    firsts = [side[0].at for side in (canary.steps, steps) if side]
    start = max(firsts) if firsts else None
    times = {step.at for step in canary.steps} | {step.at for step in steps}
    starts: list[datetime | None] = [start, *sorted(time for time in times if start is not None and time > start)]
    result = []
    for index, begin in enumerate(starts):
        end = starts[index + 1] if index + 1 < len(starts) else None
        result.append(Stratum(index, begin, end, _share(config, begin), _split(experiment, begin)))
    return tuple(result)


def own_strata(experiment: ExperimentConfig) -> tuple[datetime, ...]:
    """When the experiment's own shares change: the starts of its strata after the first."""
    return tuple(step.at for step in experiment.steps[1:])


def index_sql(time: str, starts: tuple[datetime, ...]) -> str:
    """SQL of the stratum's number at a time.

    Args:
        time: SQL of a time in µs.
        starts: of the strata after the first.
    """
    cases = " ".join(f"WHEN {time} < {micros(start)} THEN {index}" for index, start in enumerate(starts))
    return f"CASE {cases} ELSE {len(starts)} END" if starts else "0"


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def from_micros(value: int | None) -> datetime | None:
    """The time of microseconds since 1970; None stays None."""
    return None if value is None else _EPOCH + timedelta(microseconds=int(value))


def _share(config: Config, at: datetime | None) -> float:
    steps = config.canary.steps
    if not steps or at is None:
        return config.canary.share if config.canary.share is not None else steps[-1].share
    return [step.share for step in steps if step.at <= at][-1]


def _split(experiment: ExperimentConfig, at: datetime | None) -> dict[str, float]:
    if not experiment.steps or at is None:
        return dict(experiment.split)
    reached = [step.split for step in experiment.steps if step.at <= at]
    return {arm: reached[-1][arm] for arm in experiment.split}
