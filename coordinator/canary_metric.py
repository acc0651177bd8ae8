"""One canary metric's verdict: the first that holds of NO_DATA, DATA_ERROR, BREACH, TREND, THIN, OK. Pure."""

from __future__ import annotations

import math

from coordinator import wording as fmt
from coordinator.canary_data import Sides, described
from coordinator.canary_power import Power, power_of
from coordinator.canary_spec import RATES, Bound, Spec, bounds_of, limits_of
from coordinator.config import CanaryConfig
from coordinator.model import CanaryMetric, CanaryMetricVerdict, Direction, MetricType, Window


def missing(spec: Spec, verdict: CanaryMetricVerdict, reason: str) -> CanaryMetric:
    """A metric that cannot be judged."""
    kind = spec.threshold.type or MetricType.RATE
    return CanaryMetric(
        name=spec.name,
        class_=spec.class_,
        type=kind,
        test=None,
        canary=None,
        baseline=None,
        relative_change=None,
        p_value=None,
        ci_low=None,
        ci_high=None,
        ci_level=None,
        limits=limits_of(spec.threshold, kind),
        verdict=verdict,
        reason=reason,
        direction=spec.direction,
        critical=spec.threshold.critical,
        unit=spec.unit,
    )


def judge_metric(
    spec: Spec, sides: Sides, p_adjusted: float, canary: CanaryConfig, window: Window | None, *, sequential: bool
) -> CanaryMetric:
    """The verdict of a metric that has data.

    Args:
        spec: the metric.
        sides: its data, compared.
        p_adjusted: the test's p-value after Holm over the file's metrics.
        canary: ``min_power``, ``trend_floor``, ``on_thin``, ``promote``, the share.
        window: of the data, for the minutes that are still needed.
        sequential: whether always-valid tests decide; a gauge has none, and then only its absolute limit can breach.
    """
    limits = limits_of(spec.threshold, sides.type)
    bounds = bounds_of(limits)
    factor = None if sides.result.relative is None else 1 + sides.result.relative
    significant = p_adjusted < spec.alpha
    power = power_of(sides, bounds, spec.alpha, canary, window)
    case = _Case(spec, sides, factor, significant, p_adjusted, power, canary, sequential)
    verdict, reason = case.decide(bounds)
    interval = sides.result.relative_interval
    return CanaryMetric(
        name=spec.name,
        class_=spec.class_,
        type=sides.type,
        test=sides.result.test,
        canary=sides.canary,
        baseline=sides.baseline,
        relative_change=sides.result.relative,
        p_value=_known(sides.result.p_value),
        ci_low=interval.low if interval else None,
        ci_high=_known(interval.high) if interval else None,
        ci_level=interval.level if interval else None,
        limits=limits,
        verdict=verdict,
        reason=reason,
        p_adjusted=_known(p_adjusted),
        direction=spec.direction,
        critical=spec.threshold.critical,
        unit=spec.unit,
        n_canary=sides.n_canary,
        n_baseline=sides.n_baseline,
        power=_known(power.power),
        minutes_needed=power.minutes if verdict is not CanaryMetricVerdict.OK else {},
        units_needed=power.units if verdict is not CanaryMetricVerdict.OK else None,
        smallest_limit=power.smallest,
        notes=tuple(case.notes),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


class _Case:
    """One metric on its way to a verdict."""

    def __init__(
        self,
        spec: Spec,
        sides: Sides,
        factor: float | None,
        significant: bool,
        p_adjusted: float,
        power: Power,
        canary: CanaryConfig,
        sequential: bool,
    ) -> None:
        self.spec = spec
        self.sides = sides
        self.factor = factor
        self.significant = significant
        self.p_adjusted = p_adjusted
        self.power = power
        self.canary = canary
        self.provable = not (sequential and sides.fixed_only)
        self.notes: list[str] = []
        self.figures = described(sides, spec.unit)
        if sides.fixed_p is not None:
            self.notes.append(
                f"Looked at once, the fixed-horizon test would give {fmt.p_phrase(_known(sides.fixed_p))}."
            )
        if spec.direction is Direction.EITHER:
            self.notes.append("Its name does not say which way is good, so a change to either side counts as adverse.")

    def decide(self, bounds: list[Bound]) -> tuple[CanaryMetricVerdict, str]:
        """The first verdict that holds, and its sentence."""
        breached = [text for bound in bounds if (text := self._breach(bound))]
        if breached:
            return CanaryMetricVerdict.BREACH, self._sentence(" and ".join(breached))
        passed = [bound for bound in bounds if self._estimate_passes(bound)]
        if passed:
            what = " and ".join(self._limit(bound) for bound in passed)
            return CanaryMetricVerdict.TREND, self._sentence(f"beyond {what}, but not proven: {self._why_open(passed)}")
        way = max((self._way(bound) for bound in bounds), default=0.0)
        if self.significant and way >= self.canary.trend_floor:
            text = f"within the limits, but the change is real and {fmt.share(round(way, 2))} of the way to the limit"
            return CanaryMetricVerdict.TREND, self._sentence(text)
        if self.significant and way > 0:
            self.notes.append(f"Real, small: {fmt.share(round(way, 2))} of the way to the limit.")
        thin = self._thin(bounds)
        if thin:
            return CanaryMetricVerdict.THIN, thin
        wanted = self.spec.threshold.promote or self.canary.promote
        if wanted == "proven" and not all(self._proven(bound) for bound in bounds):
            return CanaryMetricVerdict.THIN, self._sentence(
                "within the limits, but `promote: proven` asks for the whole interval inside them"
            )
        return CanaryMetricVerdict.OK, self._sentence("within the limits")

    def _sentence(self, verdict: str) -> str:
        test = self.sides.result
        p = fmt.p_phrase(_known(self.p_adjusted))
        sizes = f"n = {fmt.count(self.sides.n_canary)} and {fmt.count(self.sides.n_baseline)}"
        return f"{self.figures}: {verdict} ({test.test}, {p}, {sizes})."

    def _estimate(self, bound: Bound) -> float | None:
        return self.sides.canary if bound.kind == "absolute" else self.factor

    def _estimate_passes(self, bound: Bound) -> bool:
        estimate = self._estimate(bound)
        if estimate is None:  # no baseline to be a factor of: any change for the worse passes a relative limit
            return self._adverse(bound)
        return bound.passed_by(estimate)

    def _adverse(self, bound: Bound) -> bool:
        """Whether the difference is towards the limit: the one within strata, which no ramp can turn round."""
        difference = self.sides.result.difference
        if not math.isfinite(difference):
            difference = self.sides.canary - self.sides.baseline
        return difference > 0 if bound.up else difference < 0

    def _breach(self, bound: Bound) -> str:
        """What is breached, in words; "" if it is not."""
        if not self._estimate_passes(bound):
            return ""
        if bound.kind == "absolute":
            own = self.sides.own
            if not (own.low > bound.value if bound.up else own.high < bound.value):
                return ""
            text = f"beyond {self._limit(bound)} with the canary's whole 95% interval"
            if bound.passed_by(self.sides.baseline):
                text += ", and so is the baseline (the limit is wrong, or the service is)"
            return text
        proven = self._adverse(bound) and self.significant and self.provable
        return f"beyond {self._limit(bound)}, and not by luck" if proven else ""

    def _why_open(self, passed: list[Bound]) -> str:
        if not self.provable:
            return "a gauge has no test that may be looked at more than once"
        if any(bound.kind == "relative" for bound in passed) and not self.significant:
            return "the difference may be luck"
        own = self.sides.own
        values = [fmt.value(end, self.sides.type, self.spec.unit) for end in (own.low, own.high)]
        return f"the canary's 95% interval reaches from {values[0]} to {values[1]}"

    def _limit(self, bound: Bound) -> str:
        if bound.kind == "relative":
            return f"{bound.value:g}× the baseline"
        kind = self.sides.type
        size = fmt.share(bound.value) if kind in RATES else fmt.value(bound.value, kind, self.spec.unit)
        return f"the absolute limit of {size}"

    def _way(self, bound: Bound) -> float:
        """How far an adverse change is from no change to the limit; 0 where it is not adverse."""
        start, estimate = (1.0, self.factor) if bound.kind == "relative" else (self.sides.baseline, self.sides.canary)
        room = bound.value - start
        if estimate is None or not room or (room > 0) is not bound.up:
            return 0.0
        way = (estimate - start) / room
        return abs(way) if self.spec.direction is Direction.EITHER else max(way, 0.0)

    def _proven(self, bound: Bound) -> bool:
        """Whether the whole interval is inside the limit."""
        if bound.kind == "absolute":
            ends = (self.sides.own.low, self.sides.own.high)
        else:
            interval = self.sides.result.relative_interval
            if interval is None:
                return False
            ends = (1 + interval.low, 1 + interval.high)
        end = ends[1] if bound.up else ends[0]
        return math.isfinite(end) and not bound.passed_by(end)

    def _thin(self, bounds: list[Bound]) -> str:
        """Why the data is too little, in a sentence; "" if it is enough."""
        power = self.power
        test = self.sides.result
        if math.isnan(test.p_value):
            return self._sentence("within the limits, but the data is too little to test any difference")
        if test.relative is None and self.sides.canary_total is None and any(b.kind == "relative" for b in bounds):
            return self._sentence("within the limits, but the baseline is so near 0 (or below) that no factor holds")
        if power.too_few_tail:
            text = f"so few samples tell little of the quantile: {power.too_few_tail}"
            return self._sentence(f"within the limits, but {text}")
        if power.power >= self.canary.min_power:
            return ""
        if self._clean_zero(bounds):
            self.notes.append("The canary saw no adverse event, and its one-sided 95% bound is inside every limit.")
            return ""
        if math.isnan(power.power):
            return self._sentence("within the limits, but nobody can say how large a change this data would show")
        seen = f"a change as large as the limit would be seen in {fmt.chance(_known(power.power))} of such windows"
        asked = f"{fmt.share(self.canary.min_power)} are asked for"
        needed = ""
        if power.minutes:
            needed = ": about " + ", ".join(
                f"{fmt.minutes(value)} at {share}" for share, value in power.minutes.items()
            )
        smallest = f"; the smallest limit this window can check is {power.smallest:.3g}×" if power.smallest else ""
        return self._sentence(f"within the limits, but {seen} ({asked}){needed}{smallest}")

    def _clean_zero(self, bounds: list[Bound]) -> bool:
        """No adverse event at all, and the exact one-sided 95 % bound is inside every limit (decision 0007)."""
        counts = self.sides.canary_total
        if counts is None or not counts.trials or not any(bound.kind == "absolute" for bound in bounds):
            return False
        most = 1 - 0.05 ** (1 / counts.trials)
        for bound in bounds:
            limit = bound.value if bound.kind == "absolute" else bound.value * self.sides.baseline
            adverse = counts.events if bound.up else counts.trials - counts.events
            if adverse or not (most < limit if bound.up else 1 - most > limit):
                return False
        return True
