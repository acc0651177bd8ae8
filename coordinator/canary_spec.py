"""What the thresholds and a metric's name say of it: class, direction, alpha, limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from coordinator.config import CanaryConfig
from coordinator.documents import Limit, Threshold
from coordinator.model import Direction, MetricClass, MetricType
from coordinator.names import class_by_name, direction_by_name

RATES = {MetricType.RATE, MetricType.PROPORTION}
_CRITICAL_ALPHA = 0.01


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of one limit, in fractions or the metric's unit. ``up``: passed by a larger value."""

    kind: str
    up: bool
    value: float

    def passed_by(self, estimate: float) -> bool:
        """Whether an estimate (a value, or a factor of the baseline) is beyond it; a limit that is NaN always is."""
        return not (estimate <= self.value if self.up else estimate >= self.value)


@dataclass(frozen=True, slots=True)
class Spec:
    """A metric as the thresholds and its name define it."""

    name: str
    threshold: Threshold
    class_: MetricClass
    direction: Direction
    alpha: float

    @property
    def unit(self) -> str | None:
        """The metric's unit."""
        return self.threshold.unit


def spec_of(name: str, threshold: Threshold, canary: CanaryConfig) -> Spec:
    """Class, direction and alpha: as given, else by name, else business, two-sided, 0.05 (0.01 where critical).

    Args:
        name: the metric.
        threshold: its entry of ``canary-thresholds.yml``.
        canary: the defaults.
    """
    alpha = threshold.alpha if threshold.alpha is not None else canary.alpha
    if threshold.critical and threshold.alpha is None:
        alpha = min(alpha, _CRITICAL_ALPHA)
    class_ = threshold.class_ or class_by_name(name) or MetricClass.BUSINESS
    direction = threshold.direction or direction_by_name(name) or Direction.EITHER
    return Spec(name, threshold, class_, direction, alpha)


def limits_of(threshold: Threshold, kind: MetricType) -> dict[str, dict[str, float]]:
    """The limits as in ``report.json``: rates as fractions, relative ones as factors of the baseline."""
    scale = 100.0 if kind in RATES else 1.0
    result: dict[str, dict[str, float]] = {}
    for name, limit, divisor in (("absolute", threshold.absolute, scale), ("relative", threshold.relative, 1.0)):
        if limit is not None:
            result[name] = {end: value / divisor for end, value in _ends(limit)}
    return result


def _ends(limit: Limit) -> Iterator[tuple[str, float]]:
    if limit.max is not None:
        yield "max", limit.max
    if limit.min is not None:
        yield "min", limit.min


def bounds_of(limits: dict[str, dict[str, float]]) -> list[Bound]:
    """Every end of every limit, the absolute ones first."""
    return [Bound(kind, end == "max", value) for kind, ends in limits.items() for end, value in ends.items()]
