"""Boschloo's exact unconditional test of two rates: never less powerful than Fisher's."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from coordinator.model import Counts
from coordinator.stats.distributions import TIE, hypergeometric
from coordinator.stats.intervals import usable

_MOST_TABLES = 10**6  # possible tables, and trials of both sides: some two seconds at worst
_MOST_TRIALS = 20_000
_STEPS = 22  # golden sections: a bracket shrinks to 3e-5 of itself, and at a peak p is flat
_PEAKS = 3  # local maxima of the grid that are refined
_NOTHING = 1e-25
_GOLDEN = (math.sqrt(5) - 1) / 2

Array = npt.NDArray[np.float64]


def _reach(a: int, n_a: int, b: int, n_b: int) -> Array:
    """For each count x of side a: how many counts y = 0, 1, ... of side b have Fisher's P(X >= x) small enough.

    Small enough: at most that of the table (a, b). At a given x the chance rises with y, so these are the first.
    """
    low, mass = hypergeometric(n_a, n_b, a + b)
    limit = mass[::-1].cumsum()[::-1][a - low] * TIE
    reach = np.zeros(n_a + 1)
    for events in range(n_a + n_b + 1):
        low, mass = hypergeometric(n_a, n_b, events)
        tails = mass[::-1].cumsum()[::-1]
        reach[low : low + len(mass)] += tails <= limit
    return reach


def _chance(reach: Array, n_a: int, n_b: int, angles: Array) -> Array:
    """Chance of those tables where both rates are sin(angle)^2."""
    rate = np.sin(angles)[:, None] ** 2
    x = np.flatnonzero(reach)
    log_choose = special.gammaln(n_a + 1) - special.gammaln(x + 1) - special.gammaln(n_a - x + 1)
    mass = np.exp(log_choose + special.xlogy(x, rate) + special.xlog1py(n_a - x, -rate))
    y = reach[x] - 1
    whole = np.broadcast_to(y >= n_b, mass.shape)
    counts = (mass > _NOTHING) & ~whole  # where it does not, the slow function is not asked
    at_most = special.betaincc(y + 1, np.maximum(n_b - y, 1), rate, out=whole.astype(np.float64), where=counts)
    return np.asarray((mass * at_most).sum(axis=1), dtype=np.float64)


def _largest(reach: Array, n_a: int, n_b: int) -> float:
    """The largest chance over the common rate."""
    grid = np.linspace(0, math.pi / 2, 65 + 8 * math.ceil(math.sqrt(n_a + n_b)))
    chance = np.concatenate([_chance(reach, n_a, n_b, part) for part in np.array_split(grid, len(grid) // 16)])
    inner = 1 + np.flatnonzero((chance[1:-1] >= chance[:-2]) & (chance[1:-1] >= chance[2:]))
    best = inner[np.argsort(chance[inner])[-_PEAKS:]]
    low, high = grid[best - 1], grid[best + 1]
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        keep_left = _chance(reach, n_a, n_b, left) >= _chance(reach, n_a, n_b, right)
        low, high = np.where(keep_left, low, left), np.where(keep_left, right, high)
    return float(max(chance.max(), _chance(reach, n_a, n_b, (low + high) / 2).max(initial=0.0)))


def boschloo(treated: Counts, control: Counts) -> float:
    """Boschloo's exact two-sided p-value of two equal rates.

    Boschloo 1970 (Statistica Neerlandica 24:1): Fisher's one-sided p-value is the statistic, and p is the
    chance of a table with one as small, at the common rate where that chance is largest; two-sided it is twice
    the smaller of both sides (as ``scipy.stats.boschloo_exact``). The rate is searched on a grid that is even in
    asin(sqrt(rate)), finer than a standard error (65 + 8 sqrt(trials) points), then by golden section around
    the three highest peaks. Exact at any size and rate; independent trials. Counts are rounded.

    Args:
        treated: events and trials of the treated side.
        control: those of the control side.

    Returns:
        The p-value, at most twice Fisher's one-sided one; 1 where no trial or every trial is an event. NaN
        without trials, with odd counts, or above a million possible tables or 20,000 trials: there
        Fisher's test loses little.

    >>> round(boschloo(Counts(7, 18), Counts(12, 15)), 4)
    0.0201
    """
    if not (usable(treated) and usable(control)):
        return math.nan
    a, n_a, b, n_b = (round(v) for v in (treated.events, treated.trials, control.events, control.trials))
    if (n_a + 1) * (n_b + 1) > _MOST_TABLES or n_a + n_b > _MOST_TRIALS:
        return math.nan
    if a + b in (0, n_a + n_b):
        return 1.0
    sides = []
    for _ in range(2):  # treated higher; then events and misses swap: treated lower
        if n_a <= n_b:
            sides.append(_largest(_reach(a, n_a, b, n_b), n_a, n_b))
        else:  # control's misses higher is the same set of tables, and the sum runs over the smaller side
            sides.append(_largest(_reach(n_b - b, n_b, n_a - a, n_a), n_b, n_a))
        a, b = n_a - a, n_b - b
    return min(1.0, 2 * min(sides))
