"""What decided a verdict, in one line with its figures: for the overview, the sections and the headline."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from coordinator import wording as fmt
from coordinator.model import (
    CanaryMetric,
    CanaryMetricVerdict,
    CanaryResult,
    CanaryVerdict,
    ExperimentMetric,
    ExperimentMetricVerdict,
    ExperimentResult,
    Reason,
    Role,
)
from coordinator.report.escape import cut

_WORSE = frozenset({ExperimentMetricVerdict.LOSS, ExperimentMetricVerdict.HURT})


def canary_why(canary: CanaryResult, *, names: bool = True) -> str:
    """What decided the canary's verdict, in one line; with the figures of the metrics, or only how many they are."""
    total = len(canary.metrics)
    breached = [item for item in canary.metrics if item.verdict is CanaryMetricVerdict.BREACH]
    others = [
        item for item in canary.metrics if item.verdict not in {CanaryMetricVerdict.BREACH, CanaryMetricVerdict.OK}
    ]
    if breached:
        found = f": {_named(breached, canary_figure)}" if names else ""
        return f"{len(breached)} of {fmt.plural(total, 'metric')} breached{found}"
    if others and canary.verdict is CanaryVerdict.PAUSE:
        found = f": {_named(others, lambda item: str(item.verdict).replace('_', ' '))}" if names else ""
        return f"{len(others)} of {fmt.plural(total, 'metric')} not OK{found}"
    if canary.verdict is CanaryVerdict.PAUSE or not total:
        return first_reason(canary.reasons)
    noted = f", {len(others)} noted ({_named(others, lambda item: str(item.verdict))})" if others else ""
    within = f"{total - len(others)} of {fmt.plural(total, 'metric')} within the limits{noted}"
    note = next((reason.message for reason in canary.reasons if reason.code == "promoted_earlier"), "")
    return f"{within}. {note}" if note else within


def _named(metrics: Sequence[CanaryMetric], say: Callable[[CanaryMetric], str], *, most: int = 2) -> str:
    shown = "; ".join(f"`{short_name(item.name)}` {say(item)}" for item in metrics[:most])
    return shown + (f" and {len(metrics) - most} more" if len(metrics) > most else "")


def canary_figure(item: CanaryMetric) -> str:
    """A canary metric's figures: baseline, canary, change and interval."""
    before, after = fmt.pair(item.baseline, item.canary, item.type, item.unit)
    return f"{before} → {after}{_with(canary_change(item))}"


def canary_change(item: CanaryMetric) -> str:
    """A canary metric's change with its interval; in its own unit where there is no relative change."""
    if item.relative_change is not None:
        return _spaced(fmt.change(item.relative_change), fmt.change_interval(item.ci_low, item.ci_high))
    if item.canary is None or item.baseline is None:
        return fmt.NONE
    return fmt.difference(item.canary - item.baseline, item.type, item.unit)


def experiment_why(result: ExperimentResult) -> str:
    """What decided the experiment's verdict, in one line."""
    primary = [item for item in result.metrics if item.role is Role.PRIMARY]
    chosen = next((item for item in primary if item.arm == result.winning_arm), primary[0] if primary else None)
    if chosen is None:
        return first_reason(result.reasons)
    effect = f"primary `{short_name(chosen.name)}` {experiment_effect(chosen)}, {str(chosen.verdict).replace('_', ' ')}"
    arms = {item.arm for item in primary}
    where = f" in `{short_name(chosen.arm)}`" if len(arms) > 1 else ""
    worse = [item for item in result.metrics if item.verdict in _WORSE and item.role is not Role.PRIMARY]
    if worse:
        names = "; ".join(f"`{short_name(item.name)}` {item.verdict} {experiment_effect(item)}" for item in worse[:2])
        return f"{effect}{where}; {names}"
    guardrails = [item for item in result.metrics if item.role is Role.GUARDRAIL and item.arm == chosen.arm]
    hold = sum(item.verdict is ExperimentMetricVerdict.HOLDS for item in guardrails)
    tail = f"; {hold} of {fmt.plural(len(guardrails), 'guardrail')} hold" if guardrails else ""
    return effect + where + tail


def experiment_effect(item: ExperimentMetric) -> str:
    """An experiment metric's effect with its interval; in its own unit where there is no relative one."""
    if item.relative_effect is not None:
        return _spaced(fmt.change(item.relative_effect), fmt.change_interval(item.ci_low, item.ci_high))
    return fmt.difference(item.difference, item.type, item.unit)


def first_reason(reasons: Sequence[Reason]) -> str:
    """The first reason's sentence; a dash without one."""
    return reasons[0].message if reasons else fmt.NONE


def short_name(text: str) -> str:
    """A name fit for a line: at most 60 characters, without backticks.

    >>> short_name("a`b")
    "a'b"
    """
    return cut(text.replace("`", "'"), 60)


def _with(text: str) -> str:
    return "" if text in {"", fmt.NONE} else f", {text}"


def _spaced(*parts: str) -> str:
    return " ".join(part for part in parts if part)
