"""The chance that the audit's line is broken by luck, and the units that make that chance small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from coordinator.stats.distributions import normal_p
from coordinator.stats.overlap_stratum import OverlapStratum

_POINTS = 1 << 16  # error of a chance: below 0.001, of a number of units: below 0.5 %
_MOST = 10**15  # more units than anybody has


def _covariance(strata_by_arm: Sequence[Sequence[OverlapStratum]]) -> npt.NDArray[np.float64]:
    """Covariance of every arm's two relative deviations, declared ones first, when all is independent.

    Both are linear, to first order, in the multinomial counts of cohort x arm of each stratum:
    an (arm, canary) unit moves the declared deviation of its arm by 1; the independent one of arm a moves by
    ([canary] - c) ([arm = a] - e_a). Divided by the expected overlap.
    """
    arms = [strata for strata in strata_by_arm if _expected(strata) > 0]
    k = len(arms)
    covariance = np.zeros((2 * k, 2 * k))
    scale = np.tile([1 / _expected(strata) for strata in arms], 2)
    for index in range(min((len(strata) for strata in arms), default=0)):
        column = [strata[index] for strata in arms]
        units, c = max(s.units for s in column), column[0].canary_share
        e = np.array([s.arm_share for s in column])
        e = np.append(e, max(0.0, 1 - e.sum()))  # units of arms that are not listed
        chance = np.concatenate([c * e, (1 - c) * e])
        member = np.tile(np.eye(k + 1)[:k], 2)
        canary = np.repeat([1.0, 0.0], k + 1)
        effects = np.vstack([member * canary, (member - e[:k, None]) * (canary - c)])
        mean = effects @ chance
        covariance += units * ((effects * chance) @ effects.T - np.outer(mean, mean))
    return covariance * np.outer(scale, scale)


def _expected(strata: Sequence[OverlapStratum]) -> float:
    return math.fsum(s.units * s.canary_share * s.arm_share for s in strata)


def _largest(covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The largest absolute deviation at points spread evenly over the joint normal distribution.

    The symmetric root is used because, unlike a basis of eigenvectors, it is the same on every machine.
    """
    return _largest_of(tuple(covariance.ravel().tolist()), len(covariance))


@lru_cache(maxsize=8)  # the chance and the units of one audit ask for the same points
def _largest_of(entries: tuple[float, ...], size: int) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(np.array(entries).reshape(size, size))
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return np.asarray(np.abs(_normal_points(len(values)) @ root).max(axis=1))


@lru_cache(maxsize=4)
def _normal_points(dimensions: int) -> npt.NDArray[np.float64]:
    """A Kronecker lattice on the generalised golden ratio (x^(d+1) = x + 1), turned normal: no seed, no noise."""
    golden = 2.0
    for _ in range(60):
        golden = float((1 + golden) ** (1 / (dimensions + 1)))
    steps = golden ** -np.arange(1.0, dimensions + 1)
    uniform = (0.5 + np.arange(1, _POINTS + 1)[:, None] * steps) % 1
    return np.asarray(special.ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)))


def chance_of_false_alarm(strata_by_arm: Sequence[Sequence[OverlapStratum]], *, tolerance: float) -> float:
    """The chance that some arm's deviation passes the tolerance by luck, when all is independent.

    Of the whole rule: either expectation, any arm. To first order the deviations are jointly normal: relative
    variance (1 - c e) / (n c e) against the declared shares c and e, (1 - c)(1 - e) / (n c e) against
    independence, and those of the arms of a split depend on one another (of two arms, the second's independent
    deviation is minus the first's). Their joint chance is taken from 65,536 quasi-random points; where that is below
    the largest single tail, the tail is given. Agrees with simulated splits within 0.03 at 1,000 and at 10,000
    units (5 % canary, two halves: 0.86 and 0.21), within 0.06 from some 10 expected overlapping units.

    Args:
        strata_by_arm: for each arm its strata, the same strata in the same order. Only ``units`` and the
            declared shares are used.
        tolerance: relative deviation that must not be passed, above 0 (0.1 is 10 %).

    Returns:
        A chance, 0 to 1; NaN where no overlap is expected.

    >>> arms = [[OverlapStratum(10_000, 0, 0, 0, 0.05, 0.5)]] * 2
    >>> round(chance_of_false_alarm(arms, tolerance=0.1), 2)
    0.21
    """
    covariance = _covariance(strata_by_arm)
    if not covariance.size:
        return math.nan
    worst = math.sqrt(covariance.diagonal().max())
    if worst == 0:
        return 0.0
    return max(float((_largest(covariance) > tolerance).mean()), normal_p(tolerance / worst))


def units_needed(
    strata_by_arm: Sequence[Sequence[OverlapStratum]], *, tolerance: float, chance: float = 0.05
) -> int | None:
    """The smallest number of units, at the same proportions, with that chance of a false alarm or less.

    The inverse of ``chance_of_false_alarm``: deviations shrink with the root of the units, so it is the
    quantile of the largest deviation, squared over the tolerance's square.

    Args:
        strata_by_arm: as for ``chance_of_false_alarm``.
        tolerance: relative deviation that must not be passed, above 0.
        chance: wanted chance of a false alarm, strictly between 0 and 1 (from 0.001 on).

    Returns:
        Units over all strata, at most 10**15; None where no overlap is expected or the tolerance is 0.

    >>> arms = [[OverlapStratum(10_000, 0, 0, 0, 0.05, 0.5)]] * 2
    >>> 17_000 < units_needed(arms, tolerance=0.1) < 21_000
    True
    """
    covariance = _covariance(strata_by_arm)
    if not covariance.size or not tolerance > 0:
        return None
    if covariance.diagonal().max() == 0:
        return 1
    units = max(sum(s.units for s in strata) for strata in strata_by_arm)
    reach = float(np.quantile(_largest(covariance), 1 - chance, method="higher"))
    return min(_MOST, math.ceil(units * (reach / tolerance) ** 2))
