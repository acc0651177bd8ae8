"""A canary metric that is looked at more than once: its anytime-valid test and intervals. Pure."""

from __future__ import annotations

import math
from dataclasses import replace

from coordinator.canary_data import Sides
from coordinator.stats.confidence_sequence import as_sequence, proportion_sequence, widened
from coordinator.stats.distributions import normal_z
from coordinator.stats.quantile_process import quantile_process
from coordinator.stats.rate_process import rate_ratio_process
from coordinator.stats.sequential import mixture_p_value

_ALPHA = 0.05  # of the canary's own interval, as with one look


def always_valid(sides: Sides, information: float, alpha: float) -> Sides:
    """The same metric with a p-value and intervals that hold at every look; the fixed p-value is kept beside.

    Rates: the rate-ratio e-process over the intervals, exact for rare events, and for the canary alone a
    beta-binomial confidence sequence. Raw quantiles: the two-sample bound of Howard & Ramdas. Means: the
    normal-mixture confidence sequence. A gauge has none and is returned as it is.

    Args:
        sides: compared with one look.
        information: fraction of the planned window that has passed, above 0.
        alpha: two-sided level.
    """
    if sides.fixed_only or math.isnan(sides.result.p_value):
        return sides
    fixed = sides.result.p_value
    if sides.pairs and sides.canary_total is not None:
        p, interval = rate_ratio_process(sides.pairs, alpha=alpha)
        result = replace(sides.result, test="rate-ratio e-process", p_value=p, relative_interval=interval)
        total = sides.canary_total
        own = proportion_sequence(total.events, total.trials, alpha=_ALPHA)
        return replace(sides, result=result, own=own, fixed_p=fixed)
    if sides.samples is not None and sides.q is not None:
        p, interval = quantile_process(*sides.samples, sides.q, alpha=alpha)
        result = replace(sides.result, test="two-sample quantile bound", p_value=p, difference_interval=interval)
        return replace(sides, result=result, fixed_p=fixed)
    p = mixture_p_value(normal_z(fixed), information, alpha=alpha)
    result = replace(as_sequence(sides.result, information, alpha), p_value=p)
    own = widened(sides.own, sides.canary, information, _ALPHA)
    return replace(sides, result=result, own=own, fixed_p=fixed)
