"""Sample-ratio mismatch: do the units of a split agree with the declared shares?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import special

from coordinator.stats.distributions import binomial_p


def sample_ratio(observed: Sequence[float], shares: Sequence[float]) -> float:
    """The p-value of the unit counts against the declared shares.

    Pearson's chi-square with (groups - 1) degrees of freedom; the exact binomial for two groups where an
    expected count is below 5. Fabijan et al. 2019 (KDD) call p < 0.001 a mismatch. Units must be independent.

    Args:
        observed: units of each group, 0 or more.
        shares: declared shares, positive in sum; scaled to 1.

    Returns:
        The p-value; NaN without units or with odd counts, 1 with a single group, 0 where a group that
        should have none has units.

    >>> round(sample_ratio([5000, 5200], [0.5, 0.5]), 4)
    0.0477
    """
    if not all(0 <= value < math.inf for value in (*observed, *shares)):
        return math.nan
    total, weight = math.fsum(observed), math.fsum(shares)
    if total == 0 or weight == 0:
        return math.nan
    if any(o > 0 and s == 0 for o, s in zip(observed, shares, strict=True)):
        return 0.0
    groups = [(o, total * s / weight) for o, s in zip(observed, shares, strict=True) if s > 0]
    if len(groups) < 2:
        return 1.0
    if len(groups) == 2 and min(e for _, e in groups) < 5:
        return binomial_p(round(groups[0][0]), round(total), groups[0][1] / total)
    statistic = math.fsum((o - e) ** 2 / e for o, e in groups)
    return float(special.chdtrc(len(groups) - 1, statistic))
