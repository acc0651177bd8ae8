"""A quantile of two sides, valid at every look: Howard & Ramdas's two-sample bound from value counts."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from coordinator.model import Histogram, Interval

_TUNED = 100.0  # samples x q (1 - q) of a side at which the bound is tightest: five times the least that may judge
_STEPS = 60

Array = npt.NDArray[np.float64]


def _prior(q: float) -> tuple[float, float]:
    """The Beta prior of the chance to be at or below the quantile, with mean q.

    Its weight makes the bound tightest after ``_TUNED`` (Howard, Ramdas, McAuliffe & Sekhon 2021, prop. 3
    and sec. 3.5) at level 0.05: rho = v / (2 ln(1 / a) + ln(1 + 2 ln(1 / a))).
    """
    log_alpha = 2 * math.log(20)
    weight = _TUNED / (log_alpha + math.log1p(log_alpha)) / (q * (1 - q))
    return q * weight, (1 - q) * weight


def _log_e(below: Array, n: int, q: float) -> Array:
    """Log of the beta-binomial mixture after ``below`` of n samples were at or below the quantile."""
    a, b = _prior(q)
    above = n - below
    log = special.betaln(a + below, b + above) - special.betaln(a, b) - below * math.log(q) - above * math.log1p(-q)
    return np.asarray(log, dtype=np.float64)


def _lowest(n: int, q: float) -> float:
    """The count at which ``_log_e``, convex in the count, is lowest: near n q."""
    a, b = _prior(q)
    odds = math.log(q) - math.log1p(-q)
    low, high = 0.0, float(n)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        rising = special.digamma(a + middle) - special.digamma(b + n - middle) > odds
        low, high = (low, middle) if rising else (middle, high)
    return (low + high) / 2


class _Side:
    """One side's evidence that its quantile is not x, for x at each value seen and beyond both ends."""

    def __init__(self, histogram: Histogram, q: float) -> None:
        counts = np.array(histogram.counts, dtype=np.float64)
        n = histogram.n
        at_most = np.cumsum(counts)
        lowest = _lowest(n, q)
        # Ties leave open which share of a value counts as below: the count that says least.
        self.values = np.array((-math.inf, *histogram.values, math.inf), dtype=np.float64)
        self.log_e = _log_e(np.concatenate([[0.0], np.clip(lowest, at_most - counts, at_most), [float(n)]]), n, q)
        self.best = 1 + int(np.argmin(self.log_e[1:-1]))

    def up(self) -> tuple[Array, Array]:
        """Values from the quantile upwards, with their evidence (rising)."""
        return self.values[self.best :], np.maximum.accumulate(self.log_e[self.best :])

    def down(self) -> tuple[Array, Array]:
        """Values from the quantile downwards, with their evidence (rising)."""
        return self.values[self.best :: -1], np.maximum.accumulate(self.log_e[self.best :: -1])


def _farthest(first: tuple[Array, Array], second: tuple[Array, Array], threshold: float) -> float:
    """The largest distance of a value of one side from one of the other whose evidence stays below together."""
    values, evidence = first
    others, other_evidence = second
    kept = np.searchsorted(other_evidence, threshold - evidence, side="left") - 1
    possible = kept >= 0
    return float(np.max(np.abs(values[possible] - others[kept[possible]])))
