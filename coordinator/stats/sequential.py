"""Anytime-valid p-values and intervals: looked at as often as one likes, the error rate still holds.

The normal mixture of Robbins (1970, Ann. Math. Stat. 41:1397) on a z-statistic that becomes a Brownian motion
with the information gathered. The chance that the p-value of a true null hypothesis is ever <= alpha, over all
looks, is at most alpha (Ville's inequality), up to the normal approximation of z itself.
"""

from __future__ import annotations

import math


def _mixture_variance(alpha: float) -> float:
    """The rho^2 at which the bound is tightest at information 1: Waudby-Smith et al. 2021, appendix B.2."""
    return -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))


def mixture_p_value(z: float, information: float, *, alpha: float = 0.05) -> float:
    """The always-valid two-sided p-value at one look.

    The e-value M = (1 + r)^(-1/2) exp(z^2 / 2 * r / (1 + r)) with r = rho^2 * information is a martingale
    under the null hypothesis; p = min(1, 1 / M). The smallest p over the looks so far is valid too.

    Args:
        z: the statistic of all data so far, over its standard error. Asymptotic: the first look should have
            some 200 units, or 20 events, a side.
        information: fraction of the planned information reached (units so far / units planned), above 0;
            may pass 1. NaN or not positive: p is NaN.
        alpha: level at which the bound is tightest at information 1; validity does not depend on it.

    >>> round(mixture_p_value(3.0, 1.0), 4), mixture_p_value(0.5, 1.0)
    (0.0549, 1.0)
    """
    if not information > 0 or math.isnan(z):
        return math.nan
    r = _mixture_variance(alpha) * information
    log_p = 0.5 * math.log1p(r) - 0.5 * z * z * (r / (1 + r))
    return math.exp(min(0.0, log_p))


def mixture_radius(standard_error: float, information: float, *, alpha: float = 0.05) -> float:
    """Half the width of the confidence sequence at one look: estimate +- radius covers at all looks together.

    Consistent with ``mixture_p_value``: zero lies outside exactly where that p-value is below ``alpha``.

    Args:
        standard_error: of the estimate from all data so far, 0 or more.
        information: fraction of the planned information reached, above 0; NaN otherwise.
        alpha: 1 - level of the sequence.

    >>> round(mixture_radius(1.0, 1.0), 4)
    3.0352
    """
    if not information > 0:
        return math.nan
    r = _mixture_variance(alpha) * information
    return standard_error * math.sqrt((1 + r) / r * (math.log1p(r) - 2 * math.log(alpha)))
