"""The canary gate on cells written by hand: every verdict of a metric, the join, windows and looks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coordinator.canary import judge_canary
from coordinator.config import Config
from coordinator.model import (
    CanaryMetric,
    CanaryMetricVerdict,
    CanaryResult,
    CanaryVerdict,
    CellData,
    Cells,
    Cohort,
    Counts,
    Histogram,
    MetricCell,
    MetricClass,
    Moments,
    Series,
    Window,
)

BREACH, TREND, THIN = CanaryMetricVerdict.BREACH, CanaryMetricVerdict.TREND, CanaryMetricVerdict.THIN
NO_DATA, DATA_ERROR, OK = CanaryMetricVerdict.NO_DATA, CanaryMetricVerdict.DATA_ERROR, CanaryMetricVerdict.OK
PROMOTE, PAUSE, ROLLBACK = CanaryVerdict.PROMOTE, CanaryVerdict.PAUSE, CanaryVerdict.ROLLBACK
START = datetime(2026, 5, 5, 14, 0, tzinfo=UTC)
ERRORS = {"error_rate": {"relative": {"max": 1.5}}}
Sided = CellData | Sequence[CellData | None]


def config(thresholds: Mapping[str, Any], **canary: Any) -> Config:
    keys = {"share": "5%", "routing_unit": "user_id", "window": "30m", **canary}
    experiment = {"id": "banner", "unit": "user_id", "split": {"control": "50%", "treatment": "50%"}}
    return Config.model_validate({"canary": keys, "experiments": [experiment], "thresholds": dict(thresholds)})


def minutes(length: float) -> Window:
    return Window(START, START + timedelta(minutes=length))


def cells(window: float | None = 30, /, **metrics: tuple[Sided | None, Sided | None]) -> Cells:
    """Canary and baseline of each metric; a list is one cell an interval, None where there is none."""
    found: list[MetricCell] = []
    longest = 0
    for name, sides in metrics.items():
        for cohort, side in zip((Cohort.CANARY, Cohort.BASELINE), sides, strict=True):
            several = list(side) if isinstance(side, Sequence) else [side]
            found += [MetricCell(name, cohort, data, index) for index, data in enumerate(several) if data is not None]
            longest = max(longest, len(several) if isinstance(side, Sequence) else 0)
    spans = tuple(Window(START + timedelta(minutes=i), START + timedelta(minutes=i + 1)) for i in range(longest))
    windows = {} if window is None else {"canary": minutes(window)}
    return Cells(metrics=tuple(found), intervals=spans, windows=windows)


def rate(percent: float, n: float) -> Counts:
    return Counts(round(n * percent / 100), n)


def mean(value: float, n: int, std: float) -> Moments:
    return Moments(n, value, std * std * (n - 1))


def series(*values: float | None) -> Series:
    return Series(tuple(START + timedelta(minutes=i) for i in range(len(values))), values)


def judge(
    thresholds: Mapping[str, Any], made: Cells, looks: int | None = 1, **canary: Any
) -> tuple[CanaryResult, CanaryMetric]:
    """The result, and its first metric."""
    found = judge_canary(made, config(thresholds, **canary), looks=looks)
    return found, found.metrics[0]


def words(found: CanaryResult) -> str:
    return " ".join(reason.message for reason in found.reasons)


# ------------------------------------------------------------------------------------------- no possible number


NOTHING = {
    "absent": (None, None),
    "absent from the canary": (None, rate(1, 1_000)),
    "absent from the baseline": (rate(1, 1_000), None),
    "no canary trials": (Counts(0, 0), rate(1, 1_000)),
    "no baseline trials": (rate(1, 1_000), Counts(0, 0)),
    "no values": (Moments(0, math.nan, 0.0), mean(5, 100, 1)),
    "no samples": (Histogram((), ()), Histogram.of([1.0, 2.0])),
    "a gauge without a point": (series(None, None, None), series(1.0, 1.0, 1.0)),
    "stale canary": ([rate(1, 1_000)] * 3 + [None] * 3, [rate(1, 1_000)] * 6),
    "stale baseline": ([rate(1, 1_000)] * 6, [rate(1, 1_000)] * 3 + [None] * 3),
    "stale gauge": (series(1, 1, 1, None, None, None), series(1, 1, 1, 1, 1, 1)),
    "a fifth of the canary without a baseline": (
        [rate(1, 8_000), rate(1, 2_000), rate(1, 0)],
        [rate(1, 9_000), None, rate(1, 9_000)],
    ),
    "no interval in common": ([rate(1, 9_000), None, rate(1, 9_000), None], [None, rate(1, 9_000)] * 2),
}


@pytest.mark.parametrize("case", NOTHING)
def test_no_data_pauses_and_says_what_is_missing(case: str) -> None:
    found, metric = judge(ERRORS, cells(error_rate=NOTHING[case]))
    assert (metric.verdict, found.verdict) == (NO_DATA, PAUSE), metric.reason
    assert "`error_rate`" in words(found)
    assert found.window_enough is False


WRONG = {
    "a NaN numerator": (Counts(math.nan, 1_000), "nan"),
    "an infinite denominator": (Counts(1, math.inf), "inf"),
    "a negative numerator": (Counts(-1, 1_000), "negative numerator (-1)"),
    "a negative denominator": (Counts(0, -5), "negative denominator (-5)"),
    "more events than trials": (Counts(12, 10), "12 of 10"),
    "a number beyond all numbers": (Counts(1, 1e300), "1e+300"),
    "events without trials": (Counts(3, 0), "3 of 0"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("side", [0, 1])
def test_an_impossible_count_on_either_side_is_a_data_error_with_its_figure(case: str, side: int) -> None:
    data, text = WRONG[case]
    sides = (data, rate(1, 1_000)) if side == 0 else (rate(1, 1_000), data)
    found, metric = judge(ERRORS, cells(error_rate=sides))
    assert (metric.verdict, found.verdict) == (DATA_ERROR, PAUSE)
    assert text in metric.reason
    assert ("canary" if side == 0 else "baseline") in metric.reason


@pytest.mark.parametrize(
    "data",
    [
        Moments(100, math.nan, 5.0),
        Moments(100, math.inf, 5.0),
        Moments(100, 5.0, math.nan),
        Moments(100, 5.0, -1.0),
        Moments(-5, 5.0, 1.0),
        Moments(math.nan, 5.0, 1.0),
    ],
)
def test_an_impossible_mean_or_spread_is_a_data_error(data: Moments) -> None:
    found, metric = judge({"p95_latency": {"absolute": {"max": 500}}}, cells(p95_latency=(data, mean(5, 99, 1))))
    assert (metric.verdict, found.verdict) == (DATA_ERROR, PAUSE)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300])
def test_samples_and_gauges_that_are_no_numbers_are_a_data_error(value: float) -> None:
    limits = {"p95_latency": {"absolute": {"max": 500}}}
    samples = cells(p95_latency=(Histogram((1.0, value), (1, 1)), Histogram.of([1.0, 2.0])))
    gauge = cells(p95_latency=(series(1.0, value, 1.0), series(1.0, 1.0, 1.0)))
    assert judge(limits, samples)[1].verdict is DATA_ERROR
    assert judge(limits, gauge)[1].verdict is DATA_ERROR


def test_one_bad_interval_is_not_hidden_by_many_good_ones() -> None:
    sides = [rate(1, 1_000)] * 29 + [Counts(-1, 1_000)], [rate(1, 9_000)] * 30
    assert judge(ERRORS, cells(error_rate=sides))[1].verdict is DATA_ERROR


def test_sides_of_different_forms_are_a_data_error() -> None:
    assert judge(ERRORS, cells(error_rate=(rate(1, 1_000), mean(5, 99, 1))))[1].verdict is DATA_ERROR


@pytest.mark.parametrize(("kind", "text"), [("rate", "numerator"), ("quantile", "samples")])
def test_data_that_cannot_be_of_the_type_that_is_given_is_a_data_error(kind: str, text: str) -> None:
    limits = {"p95_errors": {"absolute": {"max": 0.5}, "type": kind}}
    metric = judge(limits, cells(p95_errors=(mean(0.4, 9_000, 1), mean(0.1, 9_000, 1))))[1]
    assert metric.verdict is DATA_ERROR
    assert text in metric.reason


def test_a_limit_that_is_no_number_never_promotes() -> None:
    limits = {"error_rate": {"absolute": {"max": math.nan}, "relative": {"max": 1.5}}}
    found, metric = judge(limits, cells(error_rate=(rate(1, 50_000), rate(1, 950_000))))
    assert (metric.verdict, found.verdict) == (TREND, PAUSE)


def test_a_metric_that_reports_every_fifth_interval_is_not_stale() -> None:
    sparse = [rate(70, 20_000) if i % 5 == 0 else None for i in range(30)]
    wide = [rate(70, 400_000) if i % 5 == 0 else None for i in range(30)]
    every = [rate(1, 5_000)] * 30, [rate(1, 95_000)] * 30
    limits = {**ERRORS, "checkout_completion_rate": {"relative": {"min": 0.95}}}
    found, _ = judge(limits, cells(error_rate=every, checkout_completion_rate=(sparse, wide)))
    assert found.verdict is PROMOTE, words(found)


def test_a_metric_of_which_both_sides_stopped_is_stale() -> None:
    stopped = [rate(70, 9_000)] * 10 + [None] * 20
    limits = {**ERRORS, "checkout_completion_rate": {"relative": {"min": 0.95}}}
    every = [rate(1, 5_000)] * 30, [rate(1, 95_000)] * 30
    found, _ = judge(limits, cells(error_rate=every, checkout_completion_rate=(stopped, stopped)))
    assert found.metrics[1].verdict is NO_DATA
    assert "20 intervals older" in found.metrics[1].reason


# ------------------------------------------------------------------------------------------- BREACH


def test_an_absolute_limit_is_breached_by_the_whole_exact_interval() -> None:
    limits = {"error_rate": {"absolute": {"max": 0.5}}}
    found, metric = judge(limits, cells(error_rate=(rate(0.7, 20_000), rate(0.4, 380_000))))
    assert (metric.verdict, found.verdict) == (BREACH, ROLLBACK)
    assert "absolute limit of 0.5" in metric.reason
    assert "0.700%" in metric.reason
    assert "n = 20,000 and 380,000" in metric.reason
    few = cells(error_rate=(Counts(7, 1_000), rate(0.4, 19_000)))
    assert judge(limits, few)[1].verdict is TREND


def test_a_baseline_beyond_the_absolute_limit_is_said() -> None:
    limits = {"checkout_completion_rate": {"absolute": {"min": 90}}}
    found, metric = judge(limits, cells(checkout_completion_rate=(rate(68, 5_000), rate(68, 95_000))))
    assert (metric.verdict, found.verdict) == (BREACH, ROLLBACK)
    assert "so is the baseline (the limit is wrong, or the service is)" in metric.reason


def test_a_relative_limit_is_breached_where_the_difference_is_significant() -> None:
    found, metric = judge(ERRORS, cells(error_rate=(rate(0.9, 20_000), rate(0.4, 380_000))))
    assert (metric.verdict, found.verdict) == (BREACH, ROLLBACK)
    assert "beyond 1.5× the baseline, and not by luck" in metric.reason
    assert "p < 0.0001" in metric.reason
    assert metric.relative_change == pytest.approx(1.25)


def test_holm_over_the_file_decides_what_is_significant() -> None:
    sides = Counts(32, 10_000), Counts(200, 100_000)  # p = 0.0125
    alone, metric = judge(ERRORS, cells(error_rate=sides))
    assert (metric.verdict, alone.verdict) == (BREACH, ROLLBACK)
    others = {f"other_{n}": {"relative": {"max": 1.5}} for n in range(9)}
    quiet = {name: (rate(50, 90_000), rate(50, 900_000)) for name in others}
    among, metric = judge({**ERRORS, **others}, cells(error_rate=sides, **quiet))
    assert metric.verdict is TREND
    assert metric.p_value is not None
    assert metric.p_adjusted == pytest.approx(10 * metric.p_value)
    assert among.verdict is PAUSE


def test_a_thin_metric_can_breach() -> None:
    thin = judge(ERRORS, cells(error_rate=(Counts(2, 5_000), Counts(38, 95_000))))[1]
    assert thin.verdict is THIN
    breached = judge(ERRORS, cells(error_rate=(Counts(10, 5_000), Counts(38, 95_000))))[1]
    assert breached.verdict is BREACH
    assert breached.power is not None
    assert breached.power < 0.5


@pytest.mark.parametrize(
    ("sides", "verdict", "joined"),
    [((Counts(5, 5_000), Counts(0, 95_000)), BREACH, ROLLBACK), ((Counts(4, 5_000), Counts(0, 5_000)), TREND, PAUSE)],
)
def test_errors_against_a_baseline_of_none(
    sides: tuple[Counts, Counts], verdict: CanaryMetricVerdict, joined: CanaryVerdict
) -> None:
    found, metric = judge(ERRORS, cells(error_rate=sides))
    assert (metric.verdict, found.verdict) == (verdict, joined)
    assert metric.relative_change is None
    assert metric.baseline == 0


def test_a_ramp_does_not_turn_a_regression_round() -> None:
    # 60 % more errors in both steps; pooled, the canary looks better, as it was small while the service was ill
    sides = [Counts(16, 1_000), Counts(160, 100_000)], [Counts(1_000, 100_000), Counts(100, 100_000)]
    found, metric = judge(ERRORS, cells(error_rate=sides))
    assert metric.canary is not None
    assert metric.baseline is not None
    assert metric.canary < metric.baseline
    assert (metric.verdict, found.verdict) == (BREACH, ROLLBACK)


def test_means_are_compared_within_a_step_of_the_ramp() -> None:
    steps = [{"at": START, "share": "1%"}, {"at": START + timedelta(minutes=1), "share": "50%"}]
    sides = [mean(400, 1_000, 20), mean(200, 50_000, 20)], [mean(400, 99_000, 20), mean(200, 50_000, 20)]
    limits = {"p95_latency": {"relative": {"max": 1.1}, "type": "mean"}}
    found, metric = judge(limits, cells(p95_latency=sides), steps=steps)
    assert metric.relative_change == pytest.approx(0, abs=1e-9)
    assert found.verdict is PROMOTE


# ------------------------------------------------------------------------------------------- TREND


def test_a_limit_passed_without_proof_is_a_trend() -> None:
    found, metric = judge(ERRORS, cells(error_rate=(Counts(8, 1_000), Counts(76, 19_000))))
    assert (metric.verdict, found.verdict) == (TREND, PAUSE)
    assert "beyond 1.5× the baseline, but not proven: the difference may be luck" in metric.reason


def test_an_absolute_limit_passed_without_proof_gives_the_interval() -> None:
    limits = {"error_rate": {"absolute": {"max": 0.5}}}
    metric = judge(limits, cells(error_rate=(Counts(7, 1_000), Counts(76, 19_000))))[1]
    assert metric.verdict is TREND
    assert "95% interval reaches from 0.28" in metric.reason


def test_a_real_change_a_quarter_of_the_way_is_a_trend() -> None:
    found, metric = judge(ERRORS, cells(error_rate=(rate(1.14, 500_000), rate(1, 9_500_000))))
    assert (metric.verdict, found.verdict) == (TREND, PAUSE)
    assert "the change is real and 28% of the way to the limit" in metric.reason


def test_a_real_change_below_the_floor_is_ok_and_said() -> None:
    found, metric = judge(ERRORS, cells(error_rate=(rate(1.1, 500_000), rate(1, 9_500_000))))
    assert (metric.verdict, found.verdict) == (OK, PROMOTE)
    assert metric.notes == ("Real, small: 20% of the way to the limit.",)


def test_the_floor_can_be_set() -> None:
    made = cells(error_rate=(rate(1.1, 500_000), rate(1, 9_500_000)))
    assert judge(ERRORS, made, trend_floor=0)[1].verdict is TREND


def test_an_improvement_is_ok() -> None:
    found, metric = judge(ERRORS, cells(error_rate=(rate(0.5, 500_000), rate(1, 9_500_000))))
    assert (metric.verdict, found.verdict) == (OK, PROMOTE)


def test_a_name_that_says_nothing_is_judged_on_both_sides_with_a_note() -> None:
    limits = {"cart_size": {"relative": {"max": 1.5}}}
    for value in (6.5, 3.5):
        found, metric = judge(limits, cells(cart_size=(mean(value, 50_000, 2), mean(5, 950_000, 2))))
        assert (metric.verdict, found.verdict) == (TREND, PAUSE)
        assert any("either side counts as adverse" in note for note in metric.notes)


@pytest.mark.parametrize(("direction", "verdict"), [("decrease", OK), ("either", TREND)])
def test_a_given_direction_wins_over_the_name(direction: str, verdict: CanaryMetricVerdict) -> None:
    limits = {"cart_size": {"relative": {"max": 1.5}, "direction": direction}}
    assert judge(limits, cells(cart_size=(mean(3.5, 50_000, 2), mean(5, 950_000, 2))))[1].verdict is verdict


# ------------------------------------------------------------------------------------------- THIN


def test_too_little_data_says_what_would_be_enough() -> None:
    found, metric = judge(ERRORS, cells(error_rate=(rate(0.4, 2_500), rate(0.4, 47_500))))
    assert (metric.verdict, found.verdict) == (THIN, PAUSE)
    assert list(metric.minutes_needed) == ["5%", "25%", "50%"]
    at_five, at_quarter, at_half = metric.minutes_needed.values()
    assert at_five > 30
    assert at_five > 3 * at_quarter > 3 * at_half
    assert metric.units_needed is not None
    assert metric.units_needed == pytest.approx(at_five / 30 * 2_500, rel=0.02)
    assert metric.smallest_limit is not None
    assert metric.smallest_limit > 1.5
    assert "at 5%" in metric.reason
    assert "at 25%" in metric.reason
    assert "at 50%" in metric.reason
    assert f"the smallest limit this window can check is {metric.smallest_limit:.3g}×" in metric.reason


def test_the_minutes_and_the_smallest_limit_that_are_named_are_enough() -> None:
    metric = judge(ERRORS, cells(error_rate=(rate(0.4, 2_500), rate(0.4, 47_500))))[1]
    factor = metric.minutes_needed["5%"] / 30 * 1.03
    longer = cells(30 * factor, error_rate=(rate(0.4, round(2_500 * factor)), rate(0.4, round(47_500 * factor))))
    assert judge(ERRORS, longer)[0].verdict is PROMOTE
    assert metric.smallest_limit is not None
    wider = {"error_rate": {"relative": {"max": metric.smallest_limit * 1.01}}}
    assert judge(wider, cells(error_rate=(rate(0.4, 2_500), rate(0.4, 47_500))))[0].verdict is PROMOTE


def test_min_power_can_be_set() -> None:
    made = cells(error_rate=(rate(0.4, 10_000), rate(0.4, 190_000)))
    metric = judge(ERRORS, made)[1]
    assert metric.power is not None
    assert metric.verdict is OK
    assert judge(ERRORS, made, min_power=min(0.99, metric.power + 0.05))[1].verdict is THIN


def test_no_adverse_event_at_all_is_not_thin_where_the_bound_is_inside_the_absolute_limit() -> None:
    limits = {"error_rate": {"absolute": {"max": 0.5}}}
    found, metric = judge(limits, cells(error_rate=(Counts(0, 700), Counts(40, 13_300))))
    assert (metric.verdict, found.verdict) == (OK, PROMOTE)
    assert "no adverse event" in metric.notes[-1]
    assert judge(limits, cells(error_rate=(Counts(0, 500), Counts(29, 9_500))))[1].verdict is THIN
    assert judge(ERRORS, cells(error_rate=(Counts(0, 700), Counts(8, 13_300))))[1].verdict is THIN


def test_no_adverse_event_is_thin_while_the_bound_is_beyond_the_relative_limit() -> None:
    limits = {"error_rate": {"absolute": {"max": 0.5}, "relative": {"max": 1.5}}}
    assert judge(limits, cells(error_rate=(Counts(0, 700), Counts(8, 13_300))))[1].verdict is THIN
    assert judge(limits, cells(error_rate=(Counts(0, 4_000), Counts(46, 76_000))))[1].verdict is OK


def test_no_event_on_either_side_is_thin() -> None:
    found, metric = judge(ERRORS, cells(error_rate=(Counts(0, 5_000), Counts(0, 95_000))))
    assert (metric.verdict, found.verdict) == (THIN, PAUSE)


def test_power_is_judged_against_the_absolute_limit_where_there_is_no_other() -> None:
    limits = {"error_rate": {"absolute": {"max": 2}}}
    assert judge(limits, cells(error_rate=(rate(1, 5_000), rate(1, 95_000))))[1].verdict is OK
    assert judge(limits, cells(error_rate=(rate(1, 200), rate(1, 3_800))))[1].verdict is THIN


def test_a_quantile_needs_twenty_samples_in_its_tail() -> None:
    limits = {"p95_latency": {"relative": {"max": 1.5}, "type": "quantile"}}
    found, metric = judge(limits, cells(p95_latency=(Histogram.of(range(100, 490)), Histogram.of(range(100, 900)))))
    assert metric.test == "quantile order statistics"
    assert (metric.verdict, found.verdict) == (THIN, PAUSE)
    assert "19.5" in metric.reason
    assert "20 are needed" in metric.reason


@pytest.mark.parametrize(
    "sides",
    [
        (mean(5, 1, 0), mean(5, 9_000, 1)),
        (mean(5, 9_000, 0), mean(5, 9_000, 0)),
        (series(5.0, 5.0), series(5.0, 5.0)),
        (series(5.0), series(5.0)),
        (Histogram.of([5.0]), Histogram.of([5.0])),
    ],
)
def test_what_cannot_be_tested_never_promotes(sides: tuple[CellData, CellData]) -> None:
    found, metric = judge({"queue_depth": {"relative": {"max": 1.5}}}, cells(queue_depth=sides))
    assert metric.verdict is THIN, metric.reason
    assert found.verdict is PAUSE


@pytest.mark.parametrize(("canary", "baseline"), [(-100, -10), (-10, -10), (0.01, 0.0), (5.0, -5.0), (0.001, 0.002)])
def test_no_factor_of_a_baseline_at_or_below_nothing_promotes(canary: float, baseline: float) -> None:
    limits = {"profit_per_user": {"relative": {"min": 0.95}, "direction": "increase"}}
    found, metric = judge(limits, cells(profit_per_user=(mean(canary, 50_000, 2), mean(baseline, 950_000, 2))))
    assert metric.verdict in {BREACH, TREND, THIN}
    assert found.verdict is not PROMOTE


def test_a_limit_that_the_baseline_is_beyond_cannot_be_checked() -> None:
    limits = {"error_rate": {"absolute": {"max": 0.5}}}
    metric = judge(limits, cells(error_rate=(rate(0.4, 50_000), rate(0.6, 950_000))))[1]
    assert metric.verdict is THIN


# ------------------------------------------------------------------------------------------- the join


BAD = (rate(2, 20_000), rate(1, 380_000))
GOOD = (rate(1, 50_000), rate(1, 950_000))


@pytest.mark.parametrize(
    ("name", "class_", "critical", "verdict"),
    [
        ("error_rate", None, False, ROLLBACK),
        ("p95_latency_share", None, False, PAUSE),
        ("p95_latency_share", None, True, ROLLBACK),
        ("refund_share", None, False, ROLLBACK),
        ("error_rate", "performance", False, PAUSE),
        ("odd_name", "reliability", False, ROLLBACK),
    ],
)
def test_a_breach_rolls_back_unless_it_is_of_performance(
    name: str, class_: str | None, critical: bool, verdict: CanaryVerdict
) -> None:
    threshold = {"relative": {"max": 1.5}, "critical": critical, **({"class": class_} if class_ else {})}
    found, metric = judge({name: threshold}, cells(**{name: BAD}))
    assert (metric.verdict, found.verdict) == (BREACH, verdict)


def test_a_breach_outweighs_a_pause() -> None:
    limits = {"p95_latency": {"absolute": {"max": 500}}, **ERRORS}
    found, _ = judge(limits, cells(error_rate=BAD))
    assert [metric.verdict for metric in found.metrics] == [NO_DATA, BREACH]
    assert found.verdict is ROLLBACK
    assert [reason.code for reason in found.reasons] == ["breach"]


def test_a_critical_metric_is_tested_at_one_per_cent() -> None:
    sides = Counts(32, 10_000), Counts(200, 100_000)  # p = 0.0125
    assert judge(ERRORS, cells(error_rate=sides))[1].verdict is BREACH
    critical = {"error_rate": {"relative": {"max": 1.5}, "critical": True}}
    assert judge(critical, cells(error_rate=sides))[1].verdict is TREND
    given = {"error_rate": {"relative": {"max": 1.5}, "critical": True, "alpha": 0.05}}
    assert judge(given, cells(error_rate=sides))[1].verdict is BREACH


def test_on_thin_note_lets_a_thin_kpi_pass_and_counts_it() -> None:
    limits = {**ERRORS, "signup_rate": {"relative": {"min": 0.95}, "on_thin": "note"}}
    thin = (rate(4, 100), rate(4, 1_900))
    found, _ = judge(limits, cells(error_rate=GOOD, signup_rate=thin))
    assert found.metrics[1].verdict is THIN
    assert found.verdict is PROMOTE
    assert words(found) == "1 of 2 metrics within the limits; 1 metric with too little data noted."
    assert found.window_enough is False


@pytest.mark.parametrize("extra", [{"class": "reliability"}, {"critical": True}, {"promote": "proven"}])
def test_on_thin_note_does_not_help_where_it_must_not(extra: dict[str, Any]) -> None:
    limits = {**ERRORS, "signup_rate": {"relative": {"min": 0.95}, "on_thin": "note", **extra}}
    found, _ = judge(limits, cells(error_rate=GOOD, signup_rate=(rate(4, 100), rate(4, 1_900))))
    assert found.verdict is PAUSE


def test_noted_metrics_alone_never_promote() -> None:
    limits = {"signup_rate": {"relative": {"min": 0.95}, "on_thin": "note"}}
    found, _ = judge(limits, cells(signup_rate=(rate(4, 100), rate(4, 1_900))))
    assert (found.verdict, found.reasons[0].code) == (PAUSE, "all_thin")


def test_on_thin_note_does_not_excuse_a_limit_that_is_passed() -> None:
    limits = {**ERRORS, "signup_rate": {"relative": {"min": 0.95}, "on_thin": "note"}}
    found, _ = judge(limits, cells(error_rate=GOOD, signup_rate=(rate(2, 100), rate(4, 1_900))))
    assert (found.metrics[1].verdict, found.verdict) == (TREND, PAUSE)


def test_promote_proven_asks_for_the_whole_interval_inside_the_limit() -> None:
    made = cells(error_rate=(rate(1.2, 10_000), rate(1.2, 190_000)))
    assert judge(ERRORS, made)[0].verdict is PROMOTE
    near = cells(error_rate=(rate(1.46, 6_000), rate(1.2, 114_000)))
    assert judge(ERRORS, near)[0].verdict is PROMOTE
    found, metric = judge(ERRORS, near, promote="proven")
    assert (metric.verdict, found.verdict) == (THIN, PAUSE)
    assert "asks for the whole interval inside them" in metric.reason
    single = {"error_rate": {"relative": {"max": 1.5}, "promote": "proven"}}
    assert judge(single, near)[0].verdict is PAUSE
    assert judge(single, cells(error_rate=(rate(1.2, 90_000), rate(1.2, 900_000))))[0].verdict is PROMOTE


def test_no_metric_at_all_pauses() -> None:
    found = judge_canary(cells(), config({}))
    assert (found.verdict, found.reasons[0].code) == (PAUSE, "no_metrics")


# ------------------------------------------------------------------------------------------- the window


@pytest.mark.parametrize(
    ("asked", "seen", "verdict", "code"),
    [
        ("5m", 5, PAUSE, "window_short"),
        ("14m", 14, PAUSE, "window_short"),
        ("15m", 15, PROMOTE, "within_limits"),
        ("30m", 30, PROMOTE, "within_limits"),
        ("30m", 15, PAUSE, "window_open"),
        ("30m", 29, PAUSE, "window_open"),
        ("5m", 30, PROMOTE, "within_limits"),
        ("120m", 120, PROMOTE, "within_limits"),
        ("30m", None, PAUSE, "window_unknown"),
        ("30m", 0, PAUSE, "window_short"),
        ("30m", -30, PAUSE, "window_short"),
    ],
)
def test_which_window_may_promote(asked: str, seen: float | None, verdict: CanaryVerdict, code: str) -> None:
    found = judge_canary(cells(seen, error_rate=GOOD), config(ERRORS, window=asked))
    assert (found.verdict, found.reasons[-1].code) == (verdict, code)
    assert found.window_enough is (verdict is PROMOTE)


def test_five_minutes_are_called_a_smoke_check() -> None:
    found = judge_canary(cells(5, error_rate=GOOD), config(ERRORS, window="5m"))
    assert "5 minutes is a smoke check and never promotes" in words(found)


@pytest.mark.parametrize("seen", [5, None])
def test_a_breach_counts_in_any_window(seen: float | None) -> None:
    assert judge_canary(cells(seen, error_rate=BAD), config(ERRORS)).verdict is ROLLBACK


@pytest.mark.parametrize(
    ("length", "text"),
    [(15, "for low traffic"), (30, "the default"), (60, "sparse KPIs"), (120, "before a major release")],
)
def test_the_window_is_described(length: int, text: str) -> None:
    found = judge_canary(cells(length, error_rate=GOOD), config(ERRORS, window=f"{length}m"))
    assert any(text in note for note in found.notes)


def test_the_share_costs_power_and_the_report_says_how_much() -> None:
    found = judge_canary(cells(error_rate=GOOD), config(ERRORS))
    assert any("At a share of 5%" in note and "5.3 times" in note for note in found.notes)


# ------------------------------------------------------------------------------------------- looks


def test_with_one_look_the_fixed_test_decides() -> None:
    sides = Counts(32, 10_000), Counts(200, 100_000)  # p = 0.0125
    assert judge(ERRORS, cells(error_rate=sides), looks=1)[1].verdict is BREACH


@pytest.mark.parametrize("looks", [10, None])
def test_with_more_looks_the_same_data_prove_less(looks: int | None) -> None:
    sides = Counts(32, 10_000), Counts(200, 100_000)
    found, metric = judge(ERRORS, cells(error_rate=sides), looks=looks)
    assert (metric.verdict, found.verdict) == (TREND, PAUSE)
    assert any("look" in note for note in found.notes)


@pytest.mark.parametrize("looks", [10, None])
def test_a_gross_regression_rolls_back_at_any_look(looks: int | None) -> None:
    assert judge(ERRORS, cells(error_rate=BAD), looks=looks)[0].verdict is ROLLBACK


def test_a_gauge_that_is_looked_at_often_cannot_breach_a_relative_limit() -> None:
    up, down = series(*[200.0 + i % 3 for i in range(30)]), series(*[100.0 + i % 2 for i in range(30)])
    limits = {"error_gauge": {"relative": {"max": 1.5}}}
    assert judge(limits, cells(error_gauge=(up, down)), looks=1)[1].verdict is BREACH
    found, metric = judge(limits, cells(error_gauge=(up, down)), looks=None)
    assert (metric.verdict, found.verdict) == (TREND, PAUSE)
    assert "no test that may be looked at more than once" in metric.reason
    absolute = {"error_gauge": {"absolute": {"max": 150}}}
    assert judge(absolute, cells(error_gauge=(up, down)), looks=None)[0].verdict is ROLLBACK


# ------------------------------------------------------------------------------------------- names and advice


@pytest.mark.parametrize(
    ("name", "class_", "direction"),
    [
        ("error_rate", MetricClass.RELIABILITY, "decrease"),
        ("timeout_share", MetricClass.RELIABILITY, "decrease"),
        ("p95_latency", MetricClass.PERFORMANCE, "decrease"),
        ("checkout_completion_rate", MetricClass.BUSINESS, "increase"),
        ("revenue", MetricClass.BUSINESS, "increase"),
        ("cart_size", MetricClass.BUSINESS, "either"),
    ],
)
def test_a_name_says_class_and_direction(name: str, class_: MetricClass, direction: str) -> None:
    metric = judge({name: {"relative": {"max": 1.5}}}, cells(**{name: GOOD}))[1]
    assert (metric.class_, metric.direction) == (class_, direction)


def test_advice_on_the_number_of_metrics_and_on_a_kpi() -> None:
    few = judge_canary(cells(error_rate=GOOD), config(ERRORS)).warnings
    assert any("5 to 10 are advised" in text for text in few)
    assert any("No business KPI" in text for text in few)
    names = [f"share_{number}" for number in range(6)]
    many = judge_canary(
        cells(**dict.fromkeys(names, GOOD)), config({name: {"relative": {"max": 1.5}} for name in names})
    )
    assert many.warnings == ()


def test_data_without_a_limit_is_named() -> None:
    found = judge_canary(cells(error_rate=GOOD, retries=GOOD), config(ERRORS))
    assert any("`retries`" in note for note in found.notes)


# ------------------------------------------------------------------------------------------- the seed's two files


def test_the_seeds_two_sample_files_read_together_roll_back() -> None:
    limits = {
        "error_rate": {"absolute": {"max": 0.5}, "relative": {"max": 1.5}},
        "p95_latency": {"absolute": {"max": 500}, "relative": {"max": 1.2}},
        "checkout_completion_rate": {"absolute": {"min": 90}, "relative": {"min": 0.95}},
    }
    made = cells(
        error_rate=(Counts(52, 12_400), Counts(1_000, 237_000)),
        p95_latency=(mean(245, 12_400, 60), mean(243, 237_000, 60)),
        checkout_completion_rate=(Counts(8_523, 12_450), Counts(8_530, 12_380)),
    )
    found = judge_canary(made, config(limits))
    assert found.verdict is ROLLBACK
    assert [metric.verdict for metric in found.metrics] == [OK, OK, BREACH]
    assert "the limit is wrong, or the service is" in words(found)


def test_limits_are_fractions_and_factors_in_the_result() -> None:
    limits = {"error_rate": {"absolute": {"max": 2}, "relative": {"max": 1.5}}}
    metric = judge(limits, cells(error_rate=GOOD))[1]
    assert metric.limits == {"absolute": {"max": 0.02}, "relative": {"max": 1.5}}
    assert (metric.n_canary, metric.n_baseline) == (50_000, 950_000)
    assert metric.ci_level == 0.95


EVERY = {
    "breach": (rate(2, 20_000), rate(1, 380_000)),
    "trend": (Counts(8, 1_000), Counts(76, 19_000)),
    "thin": (rate(0.4, 2_500), rate(0.4, 47_500)),
    "ok": GOOD,
}


@pytest.mark.parametrize("case", EVERY)
@pytest.mark.parametrize("looks", [1, 3, None])
def test_every_reason_has_estimates_test_p_value_and_sizes(case: str, looks: int | None) -> None:
    metric = judge(ERRORS, cells(error_rate=EVERY[case]), looks=looks)[1]
    assert "in the canary against" in metric.reason
    assert metric.test is not None
    if metric.verdict is not THIN or "would be seen" not in metric.reason:
        assert metric.test in metric.reason
    assert "p = " in metric.reason or "p < " in metric.reason
    assert "n = " in metric.reason
    assert "nan" not in metric.reason.lower()


# ------------------------------------------------------------------------------------------- more than one look


def test_with_several_looks_rates_are_judged_by_the_e_process_and_the_fixed_p_value_is_shown_beside() -> None:
    made = cells(error_rate=(rate(1.2, 50_000), rate(0.4, 950_000)))
    found, metric = judge(ERRORS, made, looks=None)
    assert (found.verdict, metric.test) == (ROLLBACK, "rate-ratio e-process")
    assert any("Looked at once" in note for note in metric.notes)
    once = judge(ERRORS, made)[1]
    assert metric.p_value is not None
    assert once.p_value is not None
    assert metric.p_value > once.p_value
    assert metric.ci_low is not None
    assert once.ci_low is not None
    assert metric.ci_low < once.ci_low


def test_five_errors_against_none_roll_back_at_every_look() -> None:
    made = cells(error_rate=(Counts(5, 5_000), Counts(0, 95_000)))
    assert judge(ERRORS, made, looks=None)[0].verdict is ROLLBACK
    halves = cells(error_rate=(Counts(4, 5_000), Counts(0, 5_000)))
    assert judge(ERRORS, halves, looks=None)[0].verdict is PAUSE


def test_with_several_looks_the_absolute_limit_needs_the_wider_interval() -> None:
    limits = {"error_rate": {"absolute": {"max": 0.5}}}
    made = cells(error_rate=(rate(0.75, 4_000), rate(0.3, 76_000)))
    assert judge(limits, made)[1].verdict is BREACH
    assert judge(limits, made, looks=None)[1].verdict is TREND
