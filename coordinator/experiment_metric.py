"""One metric's verdict in one arm: WIN, LOSS, NO_EFFECT, INCONCLUSIVE; a guardrail HOLDS or is HURT. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from coordinator import wording as fmt
from coordinator.config import MetricConfig
from coordinator.documents import Mde
from coordinator.experiment_data import Comparison
from coordinator.model import Direction, ExperimentMetric, ExperimentMetricVerdict, Interval, MetricType, Role
from coordinator.stats.combine import not_inferior
from coordinator.stats.power import power_means, power_rates, required_n_means, required_n_rates

_RATES = {MetricType.RATE, MetricType.PROPORTION}
_POWER = 0.8
_MOST_N = 10**12


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric as the config and its name define it."""

    name: str
    role: Role
    direction: Direction
    settings: MetricConfig
    mde: Mde | None
    alpha: float
    notes: tuple[str, ...] = ()

    @property
    def sign(self) -> int:
        """1 where an increase is good, -1 where a decrease is."""
        return -1 if self.direction is Direction.DECREASE else 1


def smallest_effect(mde: Mde | None, control: float, kind: MetricType) -> float | None:
    """The minimum effect as an absolute difference: of the relative and the absolute one the smaller, either is enough.

    Args:
        mde: relative in per cent; absolute in points (rates) or the metric's unit.
        control: control's estimate.
        kind: the metric's type.

    >>> round(smallest_effect(Mde(mde_relative=1.0, mde_absolute=0.5), 0.68, MetricType.PROPORTION), 6)
    0.005
    """
    if mde is None:
        return None
    ends = []
    if mde.mde_relative is not None:
        ends.append(abs(mde.mde_relative / 100 * control))
    if mde.mde_absolute is not None:
        ends.append(abs(mde.mde_absolute) / (100 if kind in _RATES else 1))
    known = [end for end in ends if end > 0 and math.isfinite(end)]
    return min(known) if known else None


def judge_metric(spec: MetricSpec, arm: str, found: Comparison, p_adjusted: float) -> ExperimentMetric:
    """The verdict of one metric in one arm.

    Args:
        spec: the metric.
        arm: the arm.
        found: its comparison with control.
        p_adjusted: the p-value corrected over arms x metrics.
    """
    if found.fault:
        return _metric(spec, arm, found, p_adjusted, None, ExperimentMetricVerdict.INCONCLUSIVE, found.fault)
    mde = smallest_effect(spec.mde, found.control, found.type)
    verdict, why = _guardrail(spec, found) if spec.role is Role.GUARDRAIL else _verdict(spec, found, p_adjusted, mde)
    before, after = fmt.pair(found.control, found.treatment, found.type, spec.settings.unit)
    reason = f"{before} in control, {after} in {arm}: {_effect(found, spec)}, {why}."
    return _metric(spec, arm, found, p_adjusted, mde, verdict, reason)


def _verdict(
    spec: MetricSpec, found: Comparison, p_adjusted: float, mde: float | None
) -> tuple[ExperimentMetricVerdict, str]:
    effect = found.result.difference * spec.sign
    p = f"adjusted {fmt.p_phrase(_known(p_adjusted))}"
    if p_adjusted < spec.alpha and found.rank_sign * found.result.difference < 0:
        text = f"{p}: the ranks and the mean point opposite ways, so neither proves anything"
        return ExperimentMetricVerdict.INCONCLUSIVE, text
    if p_adjusted < spec.alpha and effect < 0:
        return ExperimentMetricVerdict.LOSS, f"{p}: worse, and not by luck"
    if mde is None and _asks(spec.mde):
        text = f"{p}: the MDE is no size here, as control is {fmt.number(found.control)}; give `mde_absolute`"
        return ExperimentMetricVerdict.INCONCLUSIVE, text
    if p_adjusted < spec.alpha and effect > 0:
        if mde is None:
            return ExperimentMetricVerdict.WIN, f"{p}; no MDE is given, so significance alone makes it a win"
        if effect >= mde:
            return ExperimentMetricVerdict.WIN, f"{p}, at least the MDE of {_size(mde, found, spec)}"
    if mde is None:
        return ExperimentMetricVerdict.INCONCLUSIVE, f"{p}; without an MDE nobody can say whether there is no effect"
    interval = found.result.difference_interval
    best = _best(interval, spec.sign)
    if best is not None and best < mde:
        seen = "significant, but " if p_adjusted < spec.alpha else ""
        return ExperimentMetricVerdict.NO_EFFECT, (
            f"{p}: {seen}the interval excludes the MDE of {_size(mde, found, spec)}: no worthwhile effect"
        )
    small = effect > 0 and p_adjusted < spec.alpha
    text = f"{p}: better, but below the MDE of {_size(mde, found, spec)}" if small else f"{p}: not significant"
    return ExperimentMetricVerdict.INCONCLUSIVE, text + _still_needed(spec, found, mde)


def _asks(mde: Mde | None) -> bool:
    """Whether a minimum effect is asked for: any figure but 0, and one that is no number too."""
    return mde is not None and any(value is not None and value != 0 for value in (mde.mde_relative, mde.mde_absolute))


def _guardrail(spec: MetricSpec, found: Comparison) -> tuple[ExperimentMetricVerdict, str]:
    """A guardrail is read with its raw p-value: a correction would hide harm."""
    p = found.result.p_value
    either = spec.direction is Direction.EITHER
    worse = either or found.result.difference * spec.sign < 0 or found.rank_sign * spec.sign < 0
    phrase = fmt.p_phrase(_known(p))
    if p < spec.alpha and worse:
        word = "changed, and nobody said which way is good" if either else "worse"
        return ExperimentMetricVerdict.HURT, f"{phrase}: significantly {word}"
    margin = spec.settings.margin
    if margin is None:
        if math.isnan(p):
            return ExperimentMetricVerdict.INCONCLUSIVE, "the values do not vary, so nothing can be said"
        return ExperimentMetricVerdict.HOLDS, f"{phrase}: not significantly worse"
    good_ways = (True, False) if either else (spec.sign > 0,)
    interval = found.result.relative_interval
    if all(not_inferior(interval, margin, increase_is_good=way) for way in good_ways):
        return ExperimentMetricVerdict.HOLDS, f"not worse by {fmt.share(margin)} or more, which the interval shows"
    text = f"{phrase}: not shown to be within the margin of {fmt.share(margin)}"
    return ExperimentMetricVerdict.INCONCLUSIVE, text


def _best(interval: Interval | None, sign: int) -> float | None:
    """The interval's end in the good direction."""
    if interval is None:
        return None
    end = interval.high if sign > 0 else -interval.low
    return end if math.isfinite(end) else None


def _effect(found: Comparison, spec: MetricSpec) -> str:
    result = found.result
    if result.relative is None:
        return fmt.difference(result.difference, found.type, spec.settings.unit)
    interval = result.relative_interval
    shown = fmt.change_interval(interval.low, interval.high) if interval else ""
    return f"{fmt.change(result.relative)} {shown}".strip()


def _size(mde: float, found: Comparison, spec: MetricSpec) -> str:
    if found.control > 0:
        return fmt.change(mde / found.control * spec.sign)
    return fmt.difference(mde * spec.sign, found.type, spec.settings.unit)


def _still_needed(spec: MetricSpec, found: Comparison, mde: float) -> str:
    needed = required_n(spec, found, mde)
    have = min(found.n_control, found.n_treatment)
    if needed is None or needed <= have:
        return ""
    return f"; {fmt.count(needed)} users a variant are needed, {fmt.count(needed - have)} more than there are"


def _target(spec: MetricSpec, found: Comparison, mde: float) -> float:
    target = found.control + spec.sign * mde
    return min(max(target, 0.0), 1.0) if found.type in _RATES else target


def required_n(spec: MetricSpec, found: Comparison, mde: float) -> int | None:
    """Units a variant that see the minimum effect with 80 % power; None where that cannot be told."""
    target = _target(spec, found, mde)
    if target == found.control or not math.isfinite(target):
        return None
    if found.type in _RATES:
        needed = required_n_rates(found.control, target, alpha=spec.alpha, power=_POWER)
    elif found.variance > 0:
        needed = required_n_means(mde, found.variance, alpha=spec.alpha, power=_POWER)
    else:
        return None
    return needed if needed < _MOST_N else None


def _power_at(spec: MetricSpec, found: Comparison, mde: float) -> float | None:
    if found.type in _RATES:
        target = _target(spec, found, mde)
        power = power_rates(found.control, target, found.n_control, found.n_treatment, alpha=spec.alpha)
    else:
        variance = found.variance
        power = power_means(mde, variance, variance, found.n_control, found.n_treatment, alpha=spec.alpha)
    return _known(power)


def _metric(
    spec: MetricSpec,
    arm: str,
    found: Comparison,
    p_adjusted: float,
    mde: float | None,
    verdict: ExperimentMetricVerdict,
    reason: str,
) -> ExperimentMetric:
    interval = found.result.relative_interval
    power = None if mde is None else _power_at(spec, found, mde)
    effect = found.result.difference * spec.sign
    return ExperimentMetric(
        name=spec.name,
        arm=arm,
        role=spec.role,
        type=found.type,
        test=found.result.test or None,
        control=_known(found.control),
        treatment=_known(found.treatment),
        relative_effect=found.result.relative,
        p_value=_known(found.result.p_value),
        p_adjusted=_known(p_adjusted),
        ci_low=interval.low if interval else None,
        ci_high=_known(interval.high) if interval else None,
        ci_level=interval.level if interval else None,
        mde_met=None if mde is None or math.isnan(effect) else effect >= mde,
        required_n=None if mde is None else required_n(spec, found, mde),
        power=power,
        verdict=verdict,
        reason=reason,
        direction=spec.direction,
        n_control=found.n_control,
        n_treatment=found.n_treatment,
        win_chance_at_mde=None if power is None else min(0.5, power),
        difference=_known(found.result.difference),
        mde=None if mde is None or not found.control > 0 else mde / found.control,
        notes=spec.notes,
        unit=spec.settings.unit,
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
