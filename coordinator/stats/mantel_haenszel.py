"""Two rates over strata: Cochran-Mantel-Haenszel's test, the common risk ratio and risk difference."""

from __future__ import annotations

import math
from collections.abc import Sequence

from coordinator.model import Counts, Interval
from coordinator.stats.distributions import normal_p, normal_quantile
from coordinator.stats.intervals import from_log, newcombe


def cochran_mantel_haenszel(pairs: Sequence[tuple[Counts, Counts]]) -> float:
    """The Cochran-Mantel-Haenszel p-value of equal rates in every stratum, without continuity correction.

    Mantel & Haenszel 1959: hypergeometric mean and variance of the treated events, summed. Two-sided. Fair
    from about 5 expected events a side over all strata; 1 where no stratum has both events and misses.

    Args:
        pairs: (treated, control) of each stratum, each side with trials.

    >>> round(cochran_mantel_haenszel([(Counts(20, 100), Counts(10, 100))] * 2), 4)
    0.0052
    """
    score = variance = 0.0
    for treated, control in pairs:
        both = treated + control
        share = treated.trials / both.trials
        score += treated.events - share * both.events
        if both.trials > 1:
            misses = both.trials - both.events
            variance += share * (1 - share) * both.events * misses / (both.trials - 1)
    return normal_p(score / math.sqrt(variance)) if variance > 0 else 1.0


def risk_ratio(pairs: Sequence[tuple[Counts, Counts]], level: float) -> tuple[float | None, Interval | None]:
    """The Mantel-Haenszel relative effect (risk ratio - 1) and its log-ratio interval.

    Variance of Greenland & Robins 1985 (Biometrics 41:55). Where a side has no event, the interval comes from
    half an event more a side (Walter 1975), spread over the strata by their trials. Fair from some 5 events a
    side.

    Args:
        pairs: (treated, control) of each stratum, each side with trials.
        level: confidence level, strictly between 0 and 1.

    Returns:
        (effect, interval); the effect is None where the control side has no event, both where neither has.

    >>> risk_ratio([(Counts(20, 100), Counts(10, 100)), (Counts(4, 10), Counts(2, 10))], 0.95)[0]
    1.0
    """
    a_sum, b_sum = math.fsum(t.events for t, _ in pairs), math.fsum(c.events for _, c in pairs)
    if a_sum + b_sum == 0:
        return None, None
    spare = 0.5 if a_sum == 0 or b_sum == 0 else 0.0  # Walter's half event, spread over the strata by trials
    n_sum, m_sum = math.fsum(t.trials for t, _ in pairs), math.fsum(c.trials for _, c in pairs)
    top = bottom = spread = 0.0
    for treated, control in pairs:
        n, m = treated.trials, control.trials
        a, b = treated.events + spare * n / n_sum, control.events + spare * m / m_sum
        total = n + m
        top += a * m / total
        bottom += b * n / total
        spread += n * m / total * ((a + b) / total) - a * b / total
    relative = -1.0 if a_sum == 0 else None if b_sum == 0 else top / bottom - 1
    centre, half = math.log(top / bottom), normal_quantile(level) * math.sqrt(max(0.0, spread) / (top * bottom))
    return relative, from_log(centre, half, level)


def risk_difference(pairs: Sequence[tuple[Counts, Counts]], level: float) -> tuple[float, Interval]:
    """The Mantel-Haenszel risk difference and its interval, cut to -1 and 1.

    Variance of Sato 1989 (Biometrics 45:1323), which holds for few large and for many small strata. Where it
    is 0 (no event, or events only), Newcombe's interval of the totals.

    Args:
        pairs: (treated, control) of each stratum, each side with trials.
        level: confidence level, strictly between 0 and 1.

    >>> risk_difference([(Counts(20, 100), Counts(10, 100)), (Counts(20, 100), Counts(10, 100))], 0.95)[0]
    0.1
    """
    weight = top = p = q = 0.0
    for treated, control in pairs:
        a, n, b, m = treated.events, treated.trials, control.events, control.trials
        total = n + m
        weight += n * m / total
        top += (a * m - b * n) / total
        p += b * (n / total) ** 2 - a * (m / total) ** 2 + n / total * (m / total) * (m - n) / 2
        q += (a * (m - b) + b * (n - a)) / (2 * total)
    difference = top / weight
    variance = difference * p + q
    if variance <= 0:
        return difference, newcombe(*totals(pairs), level=level)
    half = normal_quantile(level) * math.sqrt(variance) / weight
    return difference, Interval(max(-1.0, difference - half), min(1.0, difference + half), level)


def totals(pairs: Sequence[tuple[Counts, Counts]]) -> tuple[Counts, Counts]:
    """Events and trials summed over the strata: (treated, control).

    Args:
        pairs: (treated, control) of each stratum, at least one.

    >>> totals([(Counts(1, 10), Counts(2, 20)), (Counts(1, 10), Counts(2, 20))])
    (Counts(events=2, trials=20), Counts(events=4, trials=40))
    """
    treated, control = zip(*pairs, strict=True)
    return sum(treated, Counts(0, 0)), sum(control, Counts(0, 0))
