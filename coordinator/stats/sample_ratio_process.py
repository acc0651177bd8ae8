"""Sample-ratio mismatch, valid at every look: companion of ``sample_ratio``."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import special

# Prior weights in units, half of the trust each: one finds a gross mismatch within some hundred units, one a
# slight mismatch of many (Optimizely's ssrm has 10,000 alone). Half the trust costs a factor 2 at most.
_WEIGHTS = (100.0, 10_000.0)

Array = npt.NDArray[np.float64]


def _log_e(observed: Array, shares: Array, weight: float) -> float:
    """Log of the Dirichlet-multinomial likelihood with prior ``weight * shares``, over that of the shares."""
    prior = weight * shares
    gammas = special.gammaln(prior + observed) - special.gammaln(prior)
    whole = special.gammaln(weight) - special.gammaln(weight + observed.sum())
    return float(whole + np.sum(gammas - observed * np.log(shares)))


def sequential_sample_ratio(observed: Sequence[float], shares: Sequence[float]) -> float:
    """The always-valid p-value of the unit counts so far against the declared shares.

    Lindon & Malek 2022 (NeurIPS): the likelihood of the counts averaged over a Dirichlet prior
    around the declared shares, over their likelihood under the shares, is an e-process of the units seen one
    by one; p = min(1, 1 / E). E is the mean over two prior weights, 100 and 10,000 units: an e-process too.
    Under the declared shares p is ever at or below a, at any number of looks, with chance at most a, exactly
    and at any sample size. The smallest p of the looks so far is valid too.

    Assumptions: independent units; shares declared before and constant over the time the counts come from.
    Over a ramp it must be used in each stretch of constant shares, never on the pooled counts.

    Args:
        observed: units of each group so far, 0 or more.
        shares: declared shares, positive in sum; scaled to 1.

    Returns:
        The p-value; NaN without units, with odd counts or lists of two lengths, 1 with a single group, 0
        where a group that should have none has units.

    >>> round(sequential_sample_ratio([5000, 5200], [0.5, 0.5]), 4)
    0.7754
    """
    if len(observed) != len(shares) or not all(0 <= value < math.inf for value in (*observed, *shares)):
        return math.nan
    total, weight = sum(observed), sum(shares)
    if not (0 < total < math.inf and 0 < weight < math.inf):
        return math.nan
    scaled = [s / weight for s in shares]
    if any(o > 0 and s == 0 for o, s in zip(observed, scaled, strict=True)):
        return 0.0
    groups = [(o, s) for o, s in zip(observed, scaled, strict=True) if s > 0]
    if len(groups) < 2:
        return 1.0
    counts, parts = (np.array(side, dtype=np.float64) for side in zip(*groups, strict=True))
    logs = [_log_e(counts, parts, prior) for prior in _WEIGHTS]
    return math.exp(min(0.0, math.log(len(_WEIGHTS)) - float(special.logsumexp(logs))))
