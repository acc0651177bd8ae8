"""Estimates of several strata or studies joined into one, and non-inferiority against a margin."""

from __future__ import annotations

import math
from collections.abc import Sequence

from coordinator.model import Interval
from coordinator.stats.distributions import normal_p, normal_quantile


def inverse_variance(
    estimates: Sequence[tuple[float, float]], *, level: float = 0.95
) -> tuple[float, Interval, float] | None:
    """The fixed-effect estimate of several independent ones: weights 1 / variance (Cochran 1954).

    Unbiased where each estimate is of the same effect and close to normal; on effects that differ between strata it
    estimates their precision-weighted mean.

    Args:
        estimates: (estimate, standard error) of each stratum, such as log ratios; errors above 0.
        level: level of the interval, strictly between 0 and 1.

    Returns:
        (estimate, interval, two-sided p against 0); None without a usable stratum.

    >>> estimate, interval, p = inverse_variance([(0.10, 0.05), (0.20, 0.10)])
    >>> round(estimate, 3), round(interval.low, 4), round(p, 4)
    (0.12, 0.0323, 0.0073)
    """
    usable = [(x, se) for x, se in estimates if math.isfinite(x) and 0 < se < math.inf]
    if not usable:
        return None
    least = min(se for _, se in usable)  # scaled, so that no weight overflows
    weights = [(least / se) ** 2 for _, se in usable]
    total = math.fsum(weights)
    estimate = math.fsum(weight * x for weight, (x, _) in zip(weights, usable, strict=True)) / total
    error = least / math.sqrt(total)
    half = normal_quantile(level) * error
    return estimate, Interval(estimate - half, estimate + half, level), normal_p(estimate / error)


def not_inferior(interval: Interval | None, margin: float, *, increase_is_good: bool) -> bool:
    """Whether an effect is shown to be no worse than the margin: the interval's bad end lies inside it.

    At a two-sided 95 % interval this is a one-sided test at 2.5 % (FDA 2016, Non-Inferiority Clinical Trials).

    Args:
        interval: of the effect, relative or absolute; None proves nothing.
        margin: what is tolerated, above 0, in the effect's unit.
        increase_is_good: which end is the bad one.

    >>> not_inferior(Interval(-0.01, 0.08, 0.95), 0.05, increase_is_good=False)
    False
    """
    if interval is None:
        return False
    worst = interval.low if increase_is_good else -interval.high
    return worst > -margin
