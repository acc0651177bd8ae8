"""Power of a comparison, and the units it needs."""

from __future__ import annotations

import math

from scipy import special

_MOST = 10**15  # more units than anybody has


def _power(shift: float, null_se: float, se: float, alpha: float) -> float:
    if not (null_se > 0 or se > 0):
        return math.nan
    z = -float(special.ndtri(alpha / 2)) * null_se
    if se == 0:
        return 1.0 if abs(shift) > z else 0.0
    return float(special.ndtr((abs(shift) - z) / se) + special.ndtr((-abs(shift) - z) / se))


def power_rates(control: float, treated: float, n_control: float, n_treated: float, *, alpha: float = 0.05) -> float:
    """The chance that the two-sided chi-square test finds a difference of two rates.

    Normal approximation with the pooled variance under the null hypothesis (Fleiss, Levin & Paik 2003,
    eq. 4.14 without correction). Fair from about 5 expected events a side.

    Args:
        control: rate of the control side, 0 to 1.
        treated: rate of the treated side, 0 to 1.
        n_control: units of the control side.
        n_treated: units of the treated side.
        alpha: two-sided level of the test.

    Returns:
        The power, 0 to 1; 0 where a side has no units; NaN where neither side can vary.

    >>> round(power_rates(0.10, 0.12, 3841, 3841), 3)
    0.8
    """
    if n_control <= 0 or n_treated <= 0:
        return 0.0
    pooled = (control * n_control + treated * n_treated) / (n_control + n_treated)
    null = pooled * (1 - pooled) * (1 / n_control + 1 / n_treated)
    variance = control * (1 - control) / n_control + treated * (1 - treated) / n_treated
    if not (null >= 0 and variance >= 0):
        return math.nan
    return _power(treated - control, math.sqrt(null), math.sqrt(variance), alpha)


def power_means(
    difference: float,
    variance_control: float,
    variance_treated: float,
    n_control: float,
    n_treated: float,
    *,
    alpha: float = 0.05,
) -> float:
    """The chance that the two-sided test of two means finds a difference.

    Normal approximation of Welch's test: fair from about 30 units a side.

    Args:
        difference: treated mean - control mean, in the metric's unit.
        variance_control: variance of one control unit, 0 or more.
        variance_treated: variance of one treated unit.
        n_control: units of the control side.
        n_treated: units of the treated side.
        alpha: two-sided level of the test.

    Returns:
        The power, 0 to 1; 0 where a side has no units; NaN where neither side varies.

    >>> round(power_means(0.1, 1.0, 1.0, 1570, 1570), 3)
    0.8
    """
    if n_control <= 0 or n_treated <= 0:
        return 0.0
    variance = variance_control / n_control + variance_treated / n_treated
    if not variance >= 0:
        return math.nan
    return _power(difference, math.sqrt(variance), math.sqrt(variance), alpha)


def _needed(difference: float, null_sd: float, sd: float, alpha: float, power: float) -> int:
    if not (abs(difference) > 0 and math.isfinite(difference)):
        raise ValueError(f"found a difference of {difference}, expected one that is not 0: no number of units finds it")
    if not alpha < power < 1:
        raise ValueError(f"found a power of {power}, expected one between alpha ({alpha}) and 1")
    z = -float(special.ndtri(alpha / 2)) * null_sd + float(special.ndtri(power)) * sd
    if math.isnan(z):
        raise ValueError("found a variance that is not a number, expected one of 0 or more")
    root = max(0.0, z) / abs(difference)
    return _MOST if root >= math.sqrt(_MOST) else max(1, math.ceil(root * root * (1 - 1e-12)))


def required_n_rates(
    control: float, treated: float, *, alpha: float = 0.05, power: float = 0.8, ratio: float = 1.0
) -> int:
    """Units of the treated side with which the chi-square test finds the difference with this power.

    The inverse of ``power_rates`` (the far tail, below 1e-5 at usual powers, left out). At most 10**15.

    Args:
        control: rate of the control side, 0 to 1.
        treated: rate of the treated side, 0 to 1, different from it.
        alpha: two-sided level of the test.
        power: wanted chance, above alpha and below 1.
        ratio: units of the control side per unit of the treated side, above 0.

    Raises:
        ValueError: the rates are equal or not numbers, or the power cannot be had.

    >>> required_n_rates(0.10, 0.12)
    3841
    """
    pooled = (control * ratio + treated) / (ratio + 1)
    null = pooled * (1 - pooled) * (1 / ratio + 1)
    variance = control * (1 - control) / ratio + treated * (1 - treated)
    return _needed(treated - control, math.sqrt(max(0.0, null)), math.sqrt(max(0.0, variance)), alpha, power)


def required_n_means(
    difference: float, variance: float, *, alpha: float = 0.05, power: float = 0.8, ratio: float = 1.0
) -> int:
    """Units of the treated side with which the test of two means finds the difference with this power.

    The inverse of ``power_means`` at one variance for both sides. At most 10**15.

    Args:
        difference: treated mean - control mean, not 0.
        variance: variance of one unit, 0 or more.
        alpha: two-sided level of the test.
        power: wanted chance, above alpha and below 1.
        ratio: units of the control side per unit of the treated side, above 0.

    Raises:
        ValueError: the difference is 0 or not a number, or the power cannot be had.

    >>> required_n_means(0.1, 1.0)
    1570
    """
    sd = math.sqrt(variance * (1 + 1 / ratio)) if variance >= 0 else math.nan
    return _needed(difference, sd, sd, alpha, power)
