"""Interaction of a canary and an experiment: does the experiment's effect differ inside the canary?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import special

from coordinator.model import Counts, Interval, Moments
from coordinator.stats.distributions import normal_p, normal_quantile, student_p, student_quantile
from coordinator.stats.intervals import usable

Cell = tuple[bool, bool]  # (in the canary, in the treatment)
_SIGNS: dict[Cell, int] = {(True, True): 1, (True, False): -1, (False, True): -1, (False, False): 1}


@dataclass(frozen=True, slots=True)
class Interaction:
    """A difference of differences, in the metric's unit.

    ``difference`` is the experiment's effect inside the canary less that outside; ``detectable`` is the
    interaction, of either sign, that these sizes find with the power asked for.
    """

    difference: float
    p_value: float
    interval: Interval
    detectable: float


def rate_interaction(
    cells: Mapping[tuple[bool, bool], Counts], *, level: float = 0.95, power: float = 0.8
) -> Interaction | None:
    """The interaction of two splits on a rate, by Wald's test (two-sided).

    (p11 - p10) - (p01 - p00), the interaction term of the saturated linear probability model, with variance
    sum p (1 - p) / n over the four cells. A cell without events (or without misses) has the variance of
    half an event (or half a miss), so that an empty cell is not taken for certain knowledge. Units must be
    independent; fair from about 5 events and 5 misses in each cell. Additive: with main effects alone on a
    relative scale there is an additive interaction too. The standard error is about 1 / sqrt(c (1 - c)) times
    that of the main effect at canary share c (4.6 times at 5 %): no significance is no proof of none, so
    ``detectable`` must be shown beside it.

    Args:
        cells: counts by (in the canary, in the treatment), all four.
        level: level of the test and interval, strictly between 0 and 1.
        power: the power that ``detectable`` is for, strictly between 0 and 1.

    Returns:
        The interaction; None where a cell is missing, without trials or odd.

    >>> keys = [(True, True), (True, False), (False, True), (False, False)]
    >>> rates = [Counts(60, 500), Counts(40, 500), Counts(900, 9500), Counts(950, 9500)]
    >>> result = rate_interaction(dict(zip(keys, rates)))
    >>> round(result.difference, 4), round(result.p_value, 4), round(result.detectable, 4)
    (0.0453, 0.0197, 0.0544)
    """
    difference = variance = 0.0
    for key, sign in _SIGNS.items():
        cell = cells.get(key)
        if cell is None or not usable(cell):
            return None
        n = cell.trials
        events = min(max(cell.events, 0.5), n - 0.5) if cell.events in (0, n) else cell.events
        difference += sign * cell.rate
        variance += events / n * (1 - events / n) / n
    error = math.sqrt(variance)
    critical = normal_quantile(level)
    return _result(difference, error, normal_p(difference / error), critical, power, level)


def mean_interaction(
    cells: Mapping[tuple[bool, bool], Moments], *, level: float = 0.95, power: float = 0.8
) -> Interaction | None:
    """The interaction of two splits on a mean, by Welch's test (two-sided).

    (m11 - m10) - (m01 - m00) with variance sum s^2 / n over the four cells and Satterthwaite's degrees of
    freedom (1946). Units must be independent; fair where each mean is close to normal (``heavy_tailed``
    is False). See ``rate_interaction`` for what the size of the canary does to its power.

    Args:
        cells: moments by (in the canary, in the treatment), all four.
        level: level of the test and interval, strictly between 0 and 1.
        power: the power that ``detectable`` is for, strictly between 0 and 1 (normal approximation).

    Returns:
        The interaction; None where a cell is missing, has fewer than two units or odd moments, or where no
        cell varies.

    >>> keys = [(True, True), (True, False), (False, True), (False, False)]
    >>> means = [Moments(50, 12.0, 200.0), Moments(50, 10.0, 200.0), Moments(50, 11.0, 200.0), Moments(50, 10.0, 200.0)]
    >>> result = mean_interaction(dict(zip(keys, means)))
    >>> result.difference, round(result.p_value, 4), round(result.detectable, 4)
    (1.0, 0.0817, 1.6079)
    """
    difference = variance = satterthwaite = 0.0
    for key, sign in _SIGNS.items():
        cell = cells.get(key)
        if cell is None or not (1 < cell.n < math.inf and math.isfinite(cell.mean) and 0 <= cell.m2 < math.inf):
            return None
        part = cell.variance / cell.n
        difference += sign * cell.mean
        variance += part
        satterthwaite += part * part / (cell.n - 1)
    if not variance > 0:
        return None
    error = math.sqrt(variance)
    df = variance * variance / satterthwaite if satterthwaite > 0 else math.inf
    return _result(difference, error, student_p(difference / error, df), student_quantile(level, df), power, level)


def _result(
    difference: float, error: float, p_value: float, critical: float, power: float, level: float
) -> Interaction:
    half = critical * error
    detectable = (critical + float(special.ndtri(power))) * error
    return Interaction(difference, p_value, Interval(difference - half, difference + half, level), detectable)


def worst_case_bias(canary_effect: float, share_in_treatment: float, share_in_control: float) -> float:
    """How much a canary can move an experiment's effect: its own effect times the gap of its shares in the arms.

    The mean of an arm with a share c in the canary is moved by c x the canary's effect (no interaction
    assumed). It is the worst case where ``canary_effect`` is the largest that the canary could have, such as
    the end of its interval. Leaving the canary's units out removes it where the canary did not change
    who is logged.

    Args:
        canary_effect: change of the metric in the canary, absolute or relative to the mean outside it.
        share_in_treatment: canary units over all units of the treatment, 0 to 1.
        share_in_control: the same for control.

    Returns:
        The bias, in the unit of ``canary_effect``, with its sign; NaN where a number is.

    >>> round(worst_case_bias(0.10, 0.055, 0.045), 6)
    0.001
    """
    return canary_effect * (share_in_treatment - share_in_control)
