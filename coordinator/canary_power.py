"""Whether a canary metric's data could have seen a change as large as its limit, and what would suffice. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from coordinator import wording as fmt
from coordinator.canary_data import Sides
from coordinator.config import CanaryConfig
from coordinator.model import Window
from coordinator.stats.distributions import normal_quantile
from coordinator.stats.power import power_means, power_rates, required_n_means, required_n_rates

_TAIL_SAMPLES = 20
_SHARES = (0.25, 0.5)
_MOST_FACTOR = 100.0


class Limit(Protocol):
    """One end of one limit, as ``canary_metric.Bound`` has it."""

    @property
    def kind(self) -> str:
        """``absolute`` or ``relative``."""

    @property
    def up(self) -> bool:
        """Whether a larger value passes it."""

    @property
    def value(self) -> float:
        """The limit."""


@dataclass(frozen=True, slots=True)
class Power:
    """What the data can see.

    Attributes:
        power: chance to see a change as large as the limit (uncorrected test); NaN where it cannot be told.
        units: canary units needed for ``min_power`` at this share.
        minutes: the same as minutes, by canary share ("5%").
        smallest: the smallest relative limit that this data can check, a factor of the baseline.
        too_few_tail: why a quantile has too few samples in its tail; "" if it has enough.
    """

    power: float
    units: float | None = None
    minutes: Mapping[str, float] = field(default_factory=dict)
    smallest: float | None = None
    too_few_tail: str = ""


def power_of(sides: Sides, bounds: Sequence[Limit], alpha: float, canary: CanaryConfig, window: Window | None) -> Power:
    """The power against the relative limit, else against the absolute one seen from the baseline.

    Args:
        sides: of the metric; a baseline of zero events counts as half an event.
        bounds: the ends of its limits.
        alpha: two-sided level.
        canary: ``min_power`` and the share.
        window: of the data.
    """
    limit = _limit(sides, bounds)
    if limit is None:
        return Power(math.nan)
    factor = limit.value if limit.kind == "relative" else None
    seen = _seen(sides, alpha)
    target = _target(sides, factor, limit)
    power = seen(target)
    tail = _tail(sides)
    if power >= canary.min_power and not tail:
        return Power(power)
    units = _units_needed(sides, target, alpha, canary.min_power)
    minutes = _minutes(sides, target, alpha, canary, window) if units is not None else {}
    return Power(power, units, minutes, _smallest(sides, limit, seen, canary.min_power), tail)


def _limit(sides: Sides, bounds: Sequence[Limit]) -> Limit | None:
    """The relative limit if there is one; else the absolute one, unless the baseline is beyond it."""
    for kind in ("relative", "absolute"):
        for bound in bounds:
            room = bound.value > sides.baseline if bound.up else bound.value < sides.baseline
            if bound.kind == kind and (kind == "relative" or room):
                return bound
    return None


def _baseline(sides: Sides) -> float:
    """The baseline's level; of a rate without an event half an event over its trials."""
    counts = sides.baseline_total
    return sides.baseline or (0.5 / counts.trials if counts is not None and counts.trials else 0.0)


def _target(sides: Sides, factor: float | None, limit: Limit) -> float:
    level = limit.value if factor is None else _baseline(sides) * factor
    return min(max(level, 0.0), 1.0) if sides.canary_total is not None else level


def _seen(sides: Sides, alpha: float) -> Callable[[float], float]:
    """The power against a canary level."""
    level = _baseline(sides)
    if sides.canary_total is not None:
        return lambda target: power_rates(level, target, sides.n_baseline, sides.n_canary, alpha=alpha)
    if sides.moments is not None:
        own, other = sides.moments
        return lambda target: power_means(
            target - level, other.variance, own.variance, sides.n_baseline, sides.n_canary, alpha=alpha
        )
    se = _standard_error(sides)
    # of a gauge or quantile the comparison's own error: as means of two values with that error
    return lambda target: power_means(target - level, se * se / 2, se * se / 2, 1, 1, alpha=alpha) if se else math.nan


def _standard_error(sides: Sides) -> float:
    interval = sides.result.difference_interval
    if interval is None or not math.isfinite(interval.high - interval.low):
        return 0.0
    return (interval.high - interval.low) / (2 * normal_quantile(interval.level))


def _tail(sides: Sides) -> str:
    if sides.q is None:
        return ""
    smaller = min(sides.n_canary, sides.n_baseline)
    tail = smaller * min(sides.q, 1 - sides.q)
    return (
        f"{fmt.number(tail)} of {fmt.count(smaller)} lie beyond it, {_TAIL_SAMPLES} are needed"
        if tail < _TAIL_SAMPLES
        else ""
    )


def _needed(sides: Sides, target: float, alpha: float, power: float, ratio: float) -> float | None:
    """Canary units for the power, with ``ratio`` baseline units for each."""
    level = _baseline(sides)
    if target == level or ratio <= 0 or not math.isfinite(ratio):
        return None
    if sides.canary_total is not None:
        return float(required_n_rates(level, target, alpha=alpha, power=power, ratio=ratio))
    if sides.moments is not None and sides.moments[1].variance > 0:
        difference = abs(target - level)
        return float(required_n_means(difference, sides.moments[1].variance, alpha=alpha, power=power, ratio=ratio))
    return None


def _units_needed(sides: Sides, target: float, alpha: float, power: float) -> float | None:
    return _needed(sides, target, alpha, power, sides.n_baseline / sides.n_canary if sides.n_canary else 0.0)


def _minutes(
    sides: Sides, target: float, alpha: float, canary: CanaryConfig, window: Window | None
) -> dict[str, float]:
    """Minutes needed at the canary's share as seen, at 25 % and at 50 %, with this traffic."""
    total = sides.n_canary + sides.n_baseline
    if window is None or window.minutes <= 0 or not total:
        return {}
    a_minute = total / window.minutes
    seen = sides.n_canary / total
    wanted = canary.share if canary.share is not None and abs(canary.share / seen - 1) < 0.25 else seen
    result = {}
    for share in (wanted, *(item for item in _SHARES if item > wanted)):
        units = _needed(sides, target, alpha, canary.min_power, (1 - share) / share)
        if units is not None:
            result[fmt.share(round(share, 4))] = units / (a_minute * share)
    return result


def _smallest(sides: Sides, limit: Limit, seen: Callable[[float], float], power: float) -> float | None:
    """The smallest relative limit on the same side that would be seen with that power; by bisection."""
    level = _baseline(sides)
    if level <= 0:
        return None
    near, far = 1.0, _MOST_FACTOR if limit.up else 0.0
    if sides.canary_total is not None and limit.up:
        far = min(far, 1 / level)
    if not seen(level * far) >= power:
        return None
    for _ in range(40):
        middle = (near + far) / 2
        near, far = (near, middle) if seen(level * middle) >= power else (middle, far)
    return far
