"""A signed log-histogram: mergeable, deterministic, a bounded relative error.

Bin ``sign(x) * floor(ln(abs(x) / scale + 1) * 2048)``: even in the logarithm far above ``scale`` (the idea of
Masson, Rim & Lee 2019, DDSketch, VLDB 12:2195), linear near 0, negative values mirrored, both sides of 0 in bin 0.
The engine makes the bins by SQL; these functions are the same in Python, for reading them and for tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

BINS = 2048  # a unit of the logarithm: 1,419 bins a factor of two
_LARGE = 1e15  # x / scale above it: adding 1 changes nothing, and the quotient could overflow


def bin_of(x: float, scale: float = 1e-6) -> int | None:
    """The bin of a value: never falls as ``x`` rises.

    Args:
        x: the value.
        scale: where the bins turn from even in x to even in log x, positive, in the unit of x.

    Returns:
        The bin; None where x is NaN or infinite or the scale is not positive and finite.

    >>> bin_of(0.25), bin_of(-0.25), bin_of(0.0), bin_of(float("nan"))
    (25455, -25455, 0, None)
    """
    if not (math.isfinite(x) and 0 < scale < math.inf):
        return None
    size = abs(x)
    ratio = size / scale
    log = math.log1p(ratio) if ratio < _LARGE else math.log(size) - math.log(scale)
    return int(math.copysign(math.floor(log * BINS), x))


def _edge(size: int, scale: float) -> float:
    """The lower end of a bin that is not negative."""
    log = size / BINS
    if log < 34:
        return scale * math.expm1(log)
    log += math.log(scale)
    return math.exp(log) if log < 709.78 else math.inf


def value_of(bin_: int, scale: float = 1e-6) -> float:
    """The value that stands for a bin: the one with the smallest largest relative error, 0 for bin 0.

    That is 2 a b / (a + b) for a bin from a to b. From ``scale`` on its relative error is at most
    (1 + scale / |x|) / 4096: 1/4096 (0.024 %) far above ``scale``, twice that at it. Below, the absolute error
    is at most scale / 2047.

    Args:
        bin_: the bin.
        scale: as it was for ``bin_of``.

    Returns:
        The value; NaN where the scale is not positive and finite.

    >>> round(value_of(bin_of(0.25)), 5)
    0.25006
    """
    if not 0 < scale < math.inf:
        return math.nan
    if bin_ == 0:
        return 0.0
    low, high = _edge(abs(bin_), scale), _edge(abs(bin_) + 1, scale)
    middle = 2 * low / (1 + low / high) if high < math.inf else min(low, 1.7976931348623157e308)
    return math.copysign(middle, bin_)


def merge(*histograms: Mapping[int, int]) -> dict[int, int]:
    """The bins of several histograms of one scale together; the order does not matter.

    Args:
        histograms: counts by bin.

    Returns:
        Counts by bin, in order of the bins.

    >>> merge({3: 1, 5: 2}, {-1: 1, 3: 4})
    {-1: 1, 3: 5, 5: 2}
    """
    together: dict[int, int] = {}
    for histogram in histograms:
        for bin_, count in histogram.items():
            together[bin_] = together.get(bin_, 0) + count
    return dict(sorted(together.items()))


def quantile_from_bins(bins: Mapping[int, int], q: float, scale: float = 1e-6) -> float:
    """The quantile of the samples behind the bins: the value of the bin that holds it.

    The same rank as ``quantile`` (Hyndman & Fan 1996, definition 1), so it is within the relative error of
    ``value_of`` of the exact sample quantile.

    Args:
        bins: counts by bin, 0 or more.
        q: the quantile, 0 to 1.
        scale: as it was for ``bin_of``.

    Returns:
        The value; NaN without samples or with an odd q.

    >>> round(quantile_from_bins({bin_of(x): 1 for x in (1.0, 2.0, 3.0, 4.0)}, 0.5), 3)
    2.0
    """
    n = sum(bins.values())
    if not n > 0 or not 0 <= q <= 1:
        return math.nan
    rank = min(n, max(1, math.ceil(n * q - 1e-9)))
    seen = 0
    for bin_ in sorted(bins):
        seen += bins[bin_]
        if seen >= rank:
            return value_of(bin_, scale)
    return math.nan
