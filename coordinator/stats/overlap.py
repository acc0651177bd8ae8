"""The audit's numbers: is an arm's overlap with the canary what independent assignment gives?

A stratum is a stretch of time with constant shares; figures of several strata are joined, never pooled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import special

from coordinator.model import Interval
from coordinator.stats.distributions import binomial_at_least, binomial_p, fisher_p, normal_p, normal_quantile
from coordinator.stats.intervals import clopper_pearson, from_log
from coordinator.stats.overlap_luck import chance_of_false_alarm, units_needed
from coordinator.stats.overlap_stratum import OverlapStratum

_SMALL = 5  # expected cells below it: exact (Cochran 1954)
_EXACT_BELOW = 1000  # expected overlaps below it: the exact binomial, which costs no more


__all__ = [
    "OverlapStratum",
    "chance_of_false_alarm",
    "declared",
    "independence",
    "independence_all",
    "ratio_interval",
    "subset_chance",
    "units_needed",
]


def _informative(strata: Sequence[OverlapStratum]) -> list[OverlapStratum]:
    return [s for s in strata if 0 < s.canary < s.units and 0 < s.arm < s.units]


def _hypergeometric_variance(s: OverlapStratum) -> float:
    canary, arm = s.canary / s.units, s.arm / s.units
    return s.units * canary * (1 - canary) * arm * (1 - arm) * (s.units / (s.units - 1))


def independence(strata: Sequence[OverlapStratum]) -> tuple[float, float]:
    """Whether canary and arm were assigned independently, given how many units each had: (z, two-sided p).

    Cochran-Mantel-Haenszel score without continuity correction (Mantel & Haenszel 1959): sum of
    (both - canary x arm / units) over the root of its hypergeometric variance. With one stratum and an
    expected cell below 5 the p-value is Fisher's exact one (z stays the score's). Declared shares are not
    used. Strata in which everyone or no one is in the canary, or in the arm, tell nothing.

    Args:
        strata: one arm's strata.

    Returns:
        (z, p); (0, 1) where no stratum tells anything, (NaN, NaN) without units.

    >>> z, p = independence([OverlapStratum(1000, 100, 500, 65, 0.1, 0.5)])
    >>> round(z, 3), round(p, 4)
    (3.161, 0.0016)
    """
    if not any(s.units > 0 for s in strata):
        return math.nan, math.nan
    full = _informative(strata)
    if not full:
        return 0.0, 1.0
    score = math.fsum(s.both - s.canary * s.arm / s.units for s in full)
    z = score / math.sqrt(math.fsum(map(_hypergeometric_variance, full)))
    if len(full) == 1 and _smallest_cell(full[0]) < _SMALL:
        s = full[0]
        return z, fisher_p(s.both, s.canary, s.units - s.canary, s.arm)
    return z, normal_p(z)


def _smallest_cell(s: OverlapStratum) -> float:
    return min(s.canary, s.units - s.canary) * min(s.arm, s.units - s.arm) / s.units


def declared(strata: Sequence[OverlapStratum]) -> float:
    """The two-sided p-value of the overlap against the product of the declared shares.

    Under independence and the declared shares the overlap of a stratum is Binomial(units, canary_share x
    arm_share). One stratum with fewer than 1,000 expected units: exact, as ``scipy.stats.binomtest``; else the
    normal approximation of the sum. Small where a share is off, even if canary and arm are independent.

    Args:
        strata: one arm's strata.

    Returns:
        The p-value; 0 where the declared overlap is 0 and a unit overlaps (1 where none does), NaN without
        units.

    >>> round(declared([OverlapStratum(1000, 60, 510, 31, 0.05, 0.5)]), 4)
    0.2231
    """
    full = [s for s in strata if s.units > 0]
    if not full:
        return math.nan
    chances = [(s.units, s.canary_share * s.arm_share) for s in full]
    both = sum(s.both for s in full)
    expected = math.fsum(n * p for n, p in chances)
    if len(full) == 1 and expected < _EXACT_BELOW:
        return binomial_p(both, full[0].units, chances[0][1])
    variance = math.fsum(n * p * (1 - p) for n, p in chances)
    if variance <= 0:
        return 1.0 if both == round(expected) else 0.0
    return normal_p((both - expected) / math.sqrt(variance))


def independence_all(tables: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> tuple[float, int, float]:
    """Whether the cohort and the arms were assigned independently, over all arms: (statistic, df, p).

    Generalised Cochran-Mantel-Haenszel (Mantel 1963; Agresti 2002, section 7.5.3) of J arms x 2 cohorts:
    d' V^-1 d, chi-square with one degree of freedom an arm beyond the first. Fair from an expected 5 units a
    cell over all strata.

    Args:
        tables: per stratum (canary units by arm, baseline units by arm), arms in the same order.

    Returns:
        (statistic, df, p); (0, 0, 1) where no stratum tells anything.

    >>> statistic, df, p = independence_all([((65, 35), (435, 465))])
    >>> round(statistic, 3), df, round(p, 4)
    (9.99, 1, 0.0016)
    """
    arms = len(tables[0][0]) if tables else 0
    score, covariance = np.zeros(arms), np.zeros((arms, arms))
    for canary_row, baseline_row in tables:
        canary, column = np.array(canary_row, dtype=float), np.array(canary_row, dtype=float) + baseline_row
        inside, units = float(canary.sum()), float(column.sum())
        if units < 2:
            continue
        share = column / units
        score += canary - inside * share
        scale = inside * (units - inside) / (units - 1)
        covariance += scale * (np.diag(share) - np.outer(share, share))
    keep = np.diag(covariance) > 0
    if keep.sum() < 2:
        return 0.0, 0, 1.0
    sd = np.sqrt(np.diag(covariance)[keep])
    correlation = covariance[np.ix_(keep, keep)] / np.outer(sd, sd)
    deviate = score[keep] / sd
    df = int(np.linalg.matrix_rank(correlation, tol=1e-9, hermitian=True))
    inverse = np.linalg.pinv(correlation, rcond=1e-9, hermitian=True)
    statistic = float(deviate @ inverse @ deviate)
    return statistic, df, float(special.chdtrc(df, statistic))


def ratio_interval(strata: Sequence[OverlapStratum], *, level: float = 0.95) -> Interval | None:
    """The interval of observed / independent overlap - 1.

    Log-ratio delta method given the margins: the variance of the overlap of a stratum is that of the noncentral
    hypergeometric, 1 / (1/a + 1/b + 1/c + 1/d) of its four cells (half a unit added to each where one is
    empty). One stratum with a cell, seen or expected, below 5: Clopper-Pearson of both / canary over arm /
    units. Several strata with fewer than 5 overlapping units: the exact Poisson interval (Garwood 1936). Both
    are conservative.

    Args:
        strata: one arm's strata.
        level: confidence level, strictly between 0 and 1.

    Returns:
        The interval, -1 or more; None where no stratum tells anything.

    >>> interval = ratio_interval([OverlapStratum(1000, 100, 500, 65, 0.1, 0.5)])
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.134, 0.491)
    """
    full = _informative(strata)
    if not full:
        return None
    both = sum(s.both for s in full)
    expected = math.fsum(s.canary * s.arm / s.units for s in full)
    if len(full) == 1 and min(*_cells(full[0]), _smallest_cell(full[0])) < _SMALL:
        s = full[0]
        exact = clopper_pearson(s.both, s.canary, level=level)
        return Interval(exact.low * s.units / s.arm - 1, exact.high * s.units / s.arm - 1, level)
    if both < _SMALL:
        tail = (1 - level) / 2
        low = float(special.gammaincinv(both, tail)) if both else 0.0
        return Interval(low / expected - 1, float(special.gammainccinv(both + 1, tail)) / expected - 1, level)
    variance = 0.0
    for s in full:
        cells = _cells(s)
        spare = 0.5 if min(cells) <= 0 else 0.0
        variance += 1 / math.fsum(1 / (cell + spare) for cell in cells)
    half = normal_quantile(level) * math.sqrt(variance) / both
    centre = math.log(both / expected)
    return from_log(centre, half, level)


def _cells(s: OverlapStratum) -> tuple[int, int, int, int]:
    return s.both, s.canary - s.both, s.arm - s.both, s.units - s.canary - s.arm + s.both


def subset_chance(arm_share: float, canary: int, inside: int) -> float:
    """The chance that independent assignment puts at least ``inside`` of the canary's units into the arm.

    Upper tail of Binomial(canary, arm_share), exact; e^k where all k are inside.

    Args:
        arm_share: the arm's share of the units, 0 to 1.
        canary: units in the canary.
        inside: of them, units in the arm.

    >>> subset_chance(0.5, 10, 10)
    0.0009765625
    """
    return binomial_at_least(inside, canary, arm_share)
