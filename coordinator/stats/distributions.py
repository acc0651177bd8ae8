"""Tails and quantiles that the other modules share. Survival functions throughout, never ``1 - cdf``."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

TIE = 1 + 1e-7  # probabilities this close are equal: R's fisher.test and binom.test, SciPy's binomtest


def normal_p(z: float) -> float:
    """Two-sided p-value of a standard normal deviate; NaN stays NaN.

    Args:
        z: the deviate, any real number.

    >>> round(normal_p(-1.959964), 6)
    0.05
    """
    return float(2 * special.ndtr(-abs(z)))


def student_p(t: float, df: float) -> float:
    """Two-sided p-value of Student's t; normal where ``df`` is infinite, NaN where it is not positive.

    Args:
        t: the statistic, any real number.
        df: degrees of freedom, positive.

    >>> round(student_p(2.228139, 10), 6)
    0.05
    """
    if math.isinf(df):
        return normal_p(t)
    return float(2 * special.stdtr(df, -abs(t))) if df > 0 else math.nan


def normal_quantile(level: float) -> float:
    """The two-sided critical value of the standard normal at ``level`` (strictly between 0 and 1).

    >>> round(normal_quantile(0.95), 6)
    1.959964
    """
    return float(-special.ndtri((1 - level) / 2))


def normal_z(p_value: float) -> float:
    """The absolute z whose two-sided normal p-value this is: how an exact test enters a normal mixture.

    Args:
        p_value: 0 to 1; 0 counts as the smallest double.

    >>> round(normal_z(0.05), 6), normal_z(1.0)
    (1.959964, 0.0)
    """
    return abs(float(special.ndtri(max(p_value, 5e-324) / 2)))


def student_quantile(level: float, df: float) -> float:
    """The two-sided critical value of Student's t at ``level``; normal where ``df`` is infinite.

    Args:
        level: confidence level, strictly between 0 and 1.
        df: degrees of freedom, positive; NaN otherwise.

    >>> round(student_quantile(0.95, 10), 6)
    2.228139
    """
    if math.isinf(df):
        return normal_quantile(level)
    return float(-special.stdtrit(df, (1 - level) / 2)) if df > 0 else math.nan


def binomial_at_most(k: float, n: float, p: float) -> float:
    """P(X <= k) of a binomial, by the incomplete beta function (exact to machine precision).

    Args:
        k: count; below 0 gives 0, from n on 1.
        n: trials, 0 or more.
        p: chance, 0 to 1.

    >>> round(binomial_at_most(1, 3, 0.5), 6)
    0.5
    """
    if k < 0:
        return 0.0
    return 1.0 if k >= n else float(special.betaincc(k + 1, n - k, p))


def binomial_at_least(k: float, n: float, p: float) -> float:
    """P(X >= k) of a binomial, by the incomplete beta function: the survival function, not a complement.

    Args:
        k: count; 0 or below gives 1, above n 0.
        n: trials, 0 or more.
        p: chance, 0 to 1.

    >>> binomial_at_least(2, 2, 0.5)
    0.25
    """
    if k <= 0:
        return 1.0
    return 0.0 if k > n else float(special.betainc(k, n - k + 1, p))


def _log_mass(k: float, n: float, p: float) -> float:
    choose = -math.log(n + 1) - float(special.betaln(n - k + 1, k + 1))
    return choose + float(special.xlogy(k, p)) + float(special.xlog1py(n - k, -p))


def binomial_p(k: float, n: float, p: float) -> float:
    """Two-sided exact binomial p-value: the chance of all counts at most as likely as ``k``.

    The definition of R's ``binom.test`` and of ``scipy.stats.binomtest`` (relative tolerance 1e-7 for ties).
    Holds from one trial on; 1 without trials. The far tail is found by bisection, so ``n`` may be large.

    Args:
        k: events seen, a whole number from 0 to n.
        n: trials, a whole number.
        p: chance of an event under the null hypothesis, 0 to 1.

    >>> round(binomial_p(3, 15, 0.1), 4)
    0.1841
    """
    if math.isnan(k) or math.isnan(n) or math.isnan(p):
        return math.nan
    if n <= 0:
        return 1.0
    if p <= 0 or p >= 1:
        return 1.0 if k == (n if p >= 1 else 0) else 0.0
    if k == n * p:
        return 1.0
    limit = _log_mass(k, n, p) + math.log(TIE)
    if k < n * p:  # masses fall from the mean upwards: the first that is small enough
        low, high = math.ceil(n * p), int(n) + 1
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if _log_mass(middle, n, p) <= limit else (middle + 1, high)
        return min(1.0, binomial_at_most(k, n, p) + binomial_at_least(low, n, p))
    low, high = -1, math.floor(n * p)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _log_mass(middle, n, p) <= limit else (low, middle - 1)
    return min(1.0, binomial_at_least(k, n, p) + binomial_at_most(low, n, p))


def hypergeometric(first: float, second: float, events: float) -> tuple[int, npt.NDArray[np.float64]]:
    """Chances of each count in the first of two groups, given the total: (smallest count, chances).

    Built from the ratios of neighbouring chances and normalised, which keeps full precision for large
    groups, where differences of log-gammas lose it. Time and memory go with the number of possible counts.

    Args:
        first: size of the first group, a whole number from 0.
        second: size of the second group.
        events: events in both, 0 to first + second.

    >>> hypergeometric(2, 2, 2)[1].round(4).tolist()
    [0.1667, 0.6667, 0.1667]
    """
    low, high = max(0, int(events - second)), int(min(first, events))
    x = np.arange(low, high, dtype=np.float64)
    steps = np.log((first - x) * (events - x)) - np.log((x + 1) * (second - events + x + 1))
    log = np.concatenate([[0.0], np.cumsum(steps)])
    mass = np.exp(log - log.max())
    return low, mass / mass.sum()


def fisher_p(inside: float, first: float, second: float, events: float) -> float:
    """Two-sided p-value of Fisher's exact test: the chance of all tables at most as likely as this one.

    Fisher 1935 with the tolerance of R's ``fisher.test`` (relative 1e-7). Exact at any size; 1 where a
    margin leaves only one table.

    Args:
        inside: events in the first group, a whole number that the margins allow.
        first: size of the first group.
        second: size of the second group.
        events: events in both.

    >>> round(fisher_p(3, 4, 4, 4), 6)  # Fisher's tea
    0.485714
    """
    low, mass = hypergeometric(first, second, events)
    return float(min(1.0, mass[mass <= mass[int(inside) - low] * TIE].sum()))
