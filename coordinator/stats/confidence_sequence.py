"""Intervals of a fixed-horizon test widened so that they hold at every look."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from scipy import special

from coordinator.model import Interval, TestResult
from coordinator.stats.distributions import normal_quantile
from coordinator.stats.sequential import mixture_radius

_STEPS = 100  # bisections: a double has 53 bits


def as_sequence(result: TestResult, information: float, alpha: float) -> TestResult:
    """The result's intervals widened into confidence sequences, valid at every look.

    Args:
        result: with intervals at 1 - alpha.
        information: fraction of the planned run time.
        alpha: level of the sequence.
    """
    factor = mixture_radius(1.0, information, alpha=alpha) / normal_quantile(1 - alpha)
    if not math.isfinite(factor):
        return replace(result, difference_interval=None, relative_interval=None)
    difference = _widened(result.difference_interval, result.difference, factor, lambda x: x, lambda x: x)
    relative = result.relative_interval
    if relative is not None and result.relative is not None and relative.low > -1 and result.relative > -1:
        relative = _widened(relative, result.relative, factor, math.log1p, math.expm1)
    return replace(result, difference_interval=difference, relative_interval=relative)


def _widened(
    interval: Interval | None,
    estimate: float,
    factor: float,
    scale: Callable[[float], float],
    back: Callable[[float], float],
) -> Interval | None:
    if interval is None or not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return interval
    middle, low, high = scale(estimate), scale(interval.low), scale(interval.high)
    return Interval(back(middle - factor * (middle - low)), back(middle + factor * (high - middle)), interval.level)


def widened(interval: Interval, estimate: float, information: float, alpha: float) -> Interval:
    """One interval at 1 - alpha, of any estimate that is close to normal, as a confidence sequence.

    Args:
        interval: at 1 - alpha.
        estimate: what it belongs to.
        information: fraction of the planned information, above 0.
        alpha: level of the sequence.
    """
    factor = mixture_radius(1.0, information, alpha=alpha) / normal_quantile(1 - alpha)
    if not math.isfinite(factor):
        return Interval(-math.inf, math.inf, 1 - alpha)
    return _widened(interval, estimate, factor, lambda x: x, lambda x: x) or interval


def proportion_sequence(events: float, trials: float, *, alpha: float = 0.05) -> Interval:
    """The confidence sequence of a proportion: holds at all looks together, exact at any number of events.

    Robbins 1970: under chance p the beta(1/2, 1/2)-binomial mixture over the likelihood of p is a martingale, so
    the p at which it stays below 1 / alpha cover at every look (Ville's inequality). Solved by bisection.

    Args:
        events: 0 to ``trials``.
        trials: 0 or more.
        alpha: 1 - level, strictly between 0 and 1.

    >>> found = proportion_sequence(5, 1000)
    >>> round(found.low, 5), round(found.high, 5)
    (0.00054, 0.018)
    """
    level = 1 - alpha
    if not trials > 0 or not 0 <= events <= trials:
        return Interval(0.0, 1.0, level)
    mixture = float(special.betaln(events + 0.5, trials - events + 0.5) - special.betaln(0.5, 0.5))
    most = mixture + math.log(alpha)

    def covered(p: float) -> bool:
        likelihood = float(special.xlogy(events, p) + special.xlog1py(trials - events, -p))
        return likelihood > most

    middle = events / trials
    low = 0.0 if events == 0 else _edge(0.0, middle, covered)
    high = 1.0 if events == trials else _edge(1.0, middle, covered)
    return Interval(low, high, level)


def _edge(outside: float, inside: float, covered: Callable[[float], bool]) -> float:
    """Where coverage ends between a point outside and one inside; on the outer side."""
    for _ in range(_STEPS):
        middle = (outside + inside) / 2
        outside, inside = (outside, middle) if covered(middle) else (middle, inside)
    return outside
