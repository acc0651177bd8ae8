"""What a metric's name says of its direction, its class and its role. The only place with such rules."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from coordinator.model import Direction, MetricClass

_WORST_LOW = re.compile(r"error|fail|5xx|latency|duration|timeout|crash|abandon|(^|_)p\d{2,3}(_|$)")
_BEST_HIGH = re.compile(r"complet|conver(t|sion)|success|revenue|availab|sign_?up|apdex|throughput")
_ADVERSE_EVENTS = re.compile(r"ticket|refund|churn|unsubscri|complaint")
_RELIABILITY = re.compile(r"error|fail|5xx|timeout|crash|availab")
_PERFORMANCE = re.compile(r"latency|duration|throughput|apdex|(^|_)p\d{2,3}(_|$)|_ms$")
_GUARDRAIL = re.compile(r"ticket|refund|churn|unsubscri|error|latency|crash|complaint")
_QUANTILE = re.compile(r"(?:^|_)p(\d{2,3})(?:_|$)")


def direction_by_name(name: str) -> Direction | None:
    """Which way is good, by the metric's name; None where it does not tell.

    >>> direction_by_name("error_rate"), direction_by_name("checkout_completion_rate"), direction_by_name("cart_size")
    (<Direction.DECREASE: 'decrease'>, <Direction.INCREASE: 'increase'>, None)
    """
    text = name.lower()
    low = bool(_WORST_LOW.search(text) or _ADVERSE_EVENTS.search(text))
    high = bool(_BEST_HIGH.search(text))
    if low == high:
        return None
    return Direction.DECREASE if low else Direction.INCREASE


def class_by_name(name: str) -> MetricClass | None:
    """The class of a canary metric, by its name; None where it does not tell.

    >>> class_by_name("p95_latency"), class_by_name("error_rate"), class_by_name("signup_rate")
    (<MetricClass.PERFORMANCE: 'performance'>, <MetricClass.RELIABILITY: 'reliability'>, None)
    """
    text = name.lower()
    if _PERFORMANCE.search(text) and "error" not in text:
        return MetricClass.PERFORMANCE
    return MetricClass.RELIABILITY if _RELIABILITY.search(text) else None


def guardrail_by_name(name: str) -> bool:
    """Whether an experiment's metric is a guardrail, by its name.

    >>> guardrail_by_name("support_tickets_per_user"), guardrail_by_name("revenue_per_user")
    (True, False)
    """
    return bool(_GUARDRAIL.search(name.lower()))


def quantile_by_name(name: str) -> float | None:
    """The quantile that a name such as ``p95_latency`` speaks of; None without one.

    >>> quantile_by_name("p95_latency"), quantile_by_name("latency_p999"), quantile_by_name("latency")
    (0.95, 0.999, None)
    """
    match = _QUANTILE.search(name.lower())
    if not match:
        return None
    digits = match[1]
    return int(digits) / 10 ** len(digits) if len(digits) > 2 else int(digits) / 100


def plain_name(text: str) -> str:
    """A name without regard to case, ``_``, ``-`` and spaces.

    >>> plain_name("User-ID") == plain_name("user_id")
    True
    """
    return "".join(sign for sign in text.lower() if sign not in "_- ")


def same_unit(one: str, other: str, aliases: Mapping[str, Sequence[str]]) -> bool:
    """Whether two units' names mean the same unit, themselves or through aliases.

    Args:
        one: a name.
        other: a name.
        aliases: name -> other names of it (``audit.unit_aliases``).

    >>> same_unit("User ID", "user_id", {}), same_unit("uid", "user_id", {"user_id": ["uid"]})
    (True, True)
    """
    first, second = plain_name(one), plain_name(other)
    families = [{plain_name(name) for name in (key, *names)} for key, names in aliases.items()]
    return first == second or any({first, second} <= family for family in families)
