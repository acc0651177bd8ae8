"""The shift between two samples: Hodges and Lehmann's estimate and its interval from Mann-Whitney's test."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from coordinator.model import Interval
from coordinator.stats.distributions import normal_quantile

MOST_PAIRS = 1_000_000


def hodges_lehmann(
    treated: Sequence[float], control: Sequence[float], *, level: float = 0.98
) -> tuple[float, Interval]:
    """How far the treated values lie above the control's, as a shift, and its interval.

    The estimate is the median of all n x m differences treated - control (Hodges & Lehmann 1963). The interval
    holds every shift that the two-sided Mann-Whitney test does not reject: normal approximation with continuity
    correction and with the ties inside each side (Lehmann 1975, 2.3 and 2.5; Bauer 1972). Its ends are order
    statistics of the differences, k-th from below and from above, k = ceil(n m / 2 - 1/2 - z sigma). R's
    ``wilcox.test(conf.int = TRUE, exact = FALSE)`` searches the same ends with a tolerance of 1e-4; here they are
    exact, so the scale of the values does not matter. Fair from about 8 values a side; values must be independent.

    Args:
        treated: finite values, at least one.
        control: finite values, at least one.
        level: of the interval, strictly between 0 and 1.

    Returns:
        (estimate, interval). The ends are infinite where so few values cannot give ``level``.

    Raises:
        ValueError: a side is empty or has a value that is not finite, there are more than ``MOST_PAIRS`` pairs
            (nothing is thinned out), or the level is no level.

    >>> hodges_lehmann([4.0, 5.0, 6.0, 8.0, 9.0], [1.0, 2.0, 2.5, 3.0, 3.5], level=0.9)
    (4.0, Interval(low=2.0, high=6.0, level=0.9))
    """
    if not 0 < level < 1:
        raise ValueError(f"found the level {level:g}, expected one between 0 and 1")
    x, y = _side(treated, "treated"), _side(control, "control")
    pairs = x.size * y.size
    if pairs > MOST_PAIRS:
        raise ValueError(
            f"found {x.size:,} x {y.size:,} values, expected at most {MOST_PAIRS:,} pairs; "
            "give one value an interval instead of every sample"
        )
    differences = np.sort(np.subtract.outer(x, y), axis=None)
    middle = (float(differences[(pairs - 1) // 2]), float(differences[pairs // 2]))
    half = normal_quantile(level) * math.sqrt(_variance(x, y))
    k = math.ceil(pairs / 2 - 0.5 - half)
    reached = k >= 1
    low, high = (float(differences[k - 1]), float(differences[pairs - k])) if reached else (-math.inf, math.inf)
    return middle[0] + (middle[1] - middle[0]) / 2, Interval(low, high, level)


def shift_z(treated: Sequence[float], control: Sequence[float]) -> float:
    """Mann-Whitney's deviate of "no shift", positive where the treated values rank higher.

    Normal approximation with continuity correction, and with the ties between the sides too (Lehmann 1975): it
    still tells the sides apart where so many values are equal that the shift's estimate and interval are 0.

    Args:
        treated: finite values, at least one.
        control: finite values, at least one.

    Returns:
        The deviate; 0 where all values are equal.

    Raises:
        ValueError: a side is empty or has a value that is not finite.

    >>> round(shift_z([0.0] * 8 + [1.0] * 4, [0.0] * 12), 4)
    2.1001
    """
    x, y = _side(treated, "treated"), np.sort(_side(control, "control"))
    pairs = x.size * y.size
    twice_u = float(np.sum(np.searchsorted(y, x, "left") + np.searchsorted(y, x, "right"), dtype=np.float64))
    distance = twice_u / 2 - pairs / 2
    variance = _variance(x, y, joint=True)
    if not variance > 0 or not distance:
        return 0.0
    return math.copysign(max(abs(distance) - 0.5, 0.0) / math.sqrt(variance), distance)


def _side(values: Sequence[float], name: str) -> npt.NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if not found.size:
        raise ValueError(f"found no {name} value, expected at least one")
    if not np.isfinite(found).all():
        raise ValueError(f"found a {name} value that is not finite, expected numbers")
    return found


def _variance(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], *, joint: bool = False) -> float:
    """Of Mann-Whitney's U; ``joint``: with the ties between the sides, else at a shift that has none."""
    n, m = x.size, y.size
    sides = (np.concatenate([x, y]),) if joint else (x, y)
    repeats = [np.unique(side, return_counts=True)[1].astype(np.float64) for side in sides]
    tied = sum(float(np.sum(count**3 - count)) for count in repeats)
    total = n + m
    return n * m / 12 * (total + 1 - tied / (total * (total - 1)))
