"""Two rates over intervals, valid at every look: the rate-ratio e-process and its confidence sequence.

Two-sided: only each interval's counts are needed, so the process
is computed anew from all intervals at each look and keeps no state.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

from coordinator.model import Counts, Interval
from coordinator.stats.intervals import usable

_SCALE = 0.5  # of the logistic prior of the log rate ratio: half of it beyond a ratio of 1.7 (or below 1 / 1.7)
_NODES = 65
_WIDE = 100.0  # log ratios looked at first: beyond it the prior is below 1e-80
_DROP = 40.0  # a log density this far below its peak adds nothing (4e-18)
_INSIDE = 24  # nodes that must lie within the drop: then the trapezoidal sum is exact to 1e-6 or better
_MOST_LOOKS = 200  # evenly spread above it: fewer looks stay valid
_MOST_TRIALS = 1e15  # more in one interval are no count: a float no longer tells them apart
_STEPS = 200  # bisections or doublings at most; floats end before

Array = npt.NDArray[np.float64]


class _Process:
    """The conditional log likelihood of a log rate ratio, after each interval that has events."""

    def __init__(self, intervals: Sequence[tuple[Counts, Counts]]) -> None:
        kept = [(t, c) for t, c in intervals if t.events + c.events > 0]
        self.treated = np.array([t.events for t, _ in kept], dtype=np.float64)
        self.control = np.array([c.events for _, c in kept], dtype=np.float64)
        self.both = self.treated + self.control
        self.odds = np.array([math.log(t.trials) - math.log(c.trials) for t, c in kept], dtype=np.float64)
        n = len(kept)
        self.looks = np.unique(np.linspace(n, 1, min(n, _MOST_LOOKS)).astype(np.int64)) if n else np.zeros(0, np.int64)

    def up_to(self, look: int, log_ratios: Array) -> Array:
        """Log likelihoods of several log ratios from the first ``look`` intervals."""
        logit = log_ratios[:, None] + self.odds[:look]
        # log(1 - expit(x)) = log(expit(x)) - x
        return np.asarray(special.log_expit(logit) @ self.both[:look] - logit @ self.control[:look], dtype=np.float64)

    def at_looks(self, log_ratio: float) -> Array:
        """The log likelihood of one log ratio at every look."""
        logit = self.odds + log_ratio
        steps = self.both * special.log_expit(logit) - self.control * logit
        return np.asarray(np.cumsum(steps)[self.looks - 1], dtype=np.float64)

    def slopes(self, log_ratio: float) -> Array:
        """The derivative of ``at_looks``."""
        share = special.expit(self.odds + log_ratio)
        return np.asarray(np.cumsum(self.treated - self.both * share)[self.looks - 1], dtype=np.float64)

    def log_mixture(self, look: int) -> float:
        """Log of the likelihood averaged over the prior: the trapezoidal rule where the integrand is not 0.

        The integrand is log-concave: the range is narrowed to where it is near its peak.
        """
        low, high = -_WIDE, _WIDE
        for _ in range(_STEPS):
            nodes = np.linspace(low, high, _NODES)
            half = nodes / _SCALE
            prior = special.log_expit(half) + special.log_expit(-half) - math.log(_SCALE)
            log = self.up_to(look, nodes) + prior
            near = np.flatnonzero(log >= log.max() - _DROP)
            step = nodes[1] - nodes[0]
            if len(near) >= _INSIDE or step < 1e-13:
                break
            low, high = float(nodes[max(near[0] - 1, 0)]), float(nodes[min(near[-1] + 1, _NODES - 1)])
        return float(special.logsumexp(log) + math.log(step))


def _edge(inside: Callable[[float], bool], start: float, sign: float) -> float:
    """How far from ``start`` (inside) in one direction a point stays inside."""
    reach = 1.0
    while inside(start + sign * reach):
        reach *= 2
        if reach > 2**60:
            return sign * math.inf
    low, high = 0.0, reach
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if inside(start + sign * middle) else (low, middle)
    return start + sign * high


def _level_set(process: _Process, log_mixtures: Array, threshold: float) -> tuple[float, float] | None:
    """The log ratios whose e-process never reached ``exp(threshold)``; None where there are none.

    At each look log E is convex in the log ratio, so its maximum over the looks is too: an interval.
    """

    def highest(log_ratio: float) -> float:
        return float(np.max(log_mixtures - process.at_looks(log_ratio)))

    low, high = -_WIDE, _WIDE
    for _ in range(_STEPS):  # the lowest point, by the sign of the slope
        middle = (low + high) / 2
        if middle in (low, high) or highest(middle) < threshold:
            break
        look = int(np.argmax(log_mixtures - process.at_looks(middle)))
        low, high = (middle, high) if process.slopes(middle)[look] > 0 else (low, middle)
    middle = (low + high) / 2
    if not highest(middle) < threshold:
        return None
    only_treated, only_control = not process.control.any(), not process.treated.any()
    below = -math.inf if only_control else _edge(lambda x: highest(x) < threshold, middle, -1.0)
    above = math.inf if only_treated else _edge(lambda x: highest(x) < threshold, middle, 1.0)
    return below, above


def _relative(log_ratio: float) -> float:
    return math.expm1(log_ratio) if log_ratio < 700 else math.inf


def rate_ratio_process(
    intervals: Sequence[tuple[Counts, Counts]], *, alpha: float = 0.05
) -> tuple[float, Interval | None]:
    """The always-valid p-value of equal rates and the confidence sequence of the relative effect.

    Given an interval's events, the treated ones are Binomial(events, w) with w = n_t r / (n_t r + n_c) at a
    rate ratio r (Przyborowski & Wilenski 1940). The e-process of a ratio is the likelihood averaged over a
    logistic prior (scale 0.5) of the log ratio, over the likelihood of that ratio (Robbins 1970; Lindon &
    Malek 2022, NeurIPS, for counts); p is 1 over its running maximum (Ville 1939), and the ratios whose
    process stays below 1 / alpha cover the true one at all looks together, with probability 1 - alpha.

    Assumptions: independent trials (units, not events), the ratio the same in every interval, trials that do
    not depend on the interval's own events. The rate itself may change from interval to interval. Valid at any
    rate, not for rare events alone: a trial with chance p has 1 + p (a - 1) <= exp(p (a - 1)), so the mean of
    each factor is at most the Poisson one, which is 1. For common events it is conservative: the true variance
    is (1 - rate) times the assumed one, so at 30 % it takes some 1.4 times the units of a test that knows
    (``mixture_p_value``, where the events are many). Exact for rare events, with zero events on a side too.

    Args:
        intervals: (treated, control) counts of each interval, in order of time; those without trials on a
            side or with odd counts are left out.
        alpha: 1 - level of the confidence sequence, strictly between 0 and 1; p does not depend on it.

    Returns:
        (p, interval of ratio - 1): p is at most ``alpha`` just where the interval leaves out 0. The interval
        is infinite above without a control event and starts at -1 without a treated one. (1, None) without
        events, (NaN, None) without a usable interval. Where no single ratio agrees with all looks (the
        effect changed) the interval is that of the last look, whatever p is.

    >>> p, interval = rate_ratio_process([(Counts(2, 500), Counts(0, 9500)), (Counts(3, 500), Counts(0, 9500))])
    >>> round(p, 4), round(interval.low, 2), interval.high
    (0.0007, 1.54, inf)
    """
    full = [pair for pair in intervals if all(usable(side) and side.trials <= _MOST_TRIALS for side in pair)]
    if not full or not 0 < alpha < 1:
        return math.nan, None
    process = _Process(full)
    if not len(process.looks):
        return 1.0, None
    log_mixtures = np.array([process.log_mixture(int(look)) for look in process.looks])
    p_value = math.exp(min(0.0, -float(np.max(log_mixtures - process.at_looks(0.0)))))
    threshold = -math.log(alpha)
    ends = _level_set(process, log_mixtures, threshold)
    if ends is None:
        process.looks, log_mixtures = process.looks[-1:], log_mixtures[-1:]
        ends = _level_set(process, log_mixtures, threshold)
    if ends is None:
        return p_value, None
    return p_value, Interval(_relative(ends[0]), _relative(ends[1]), 1 - alpha)
