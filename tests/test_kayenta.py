"""The judge for people who come from Spinnaker: Kayenta's own test vectors, the score, and every closed hole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from coordinator.canary_metric import missing
from coordinator.canary_spec import spec_of
from coordinator.config import CanaryConfig, Config
from coordinator.documents import Threshold
from coordinator.kayenta import judge_kayenta, score
from coordinator.kayenta_metric import Label, adverse, classify
from coordinator.model import (
    CanaryMetric,
    CanaryMetricVerdict,
    CanaryResult,
    CanaryVerdict,
    CellData,
    Cells,
    Cohort,
    Counts,
    Direction,
    Histogram,
    MetricCell,
    MetricClass,
    Moments,
    Series,
    Window,
)

OK, BREACH, THIN = CanaryMetricVerdict.OK, CanaryMetricVerdict.BREACH, CanaryMetricVerdict.THIN
NO_DATA, DATA_ERROR = CanaryMetricVerdict.NO_DATA, CanaryMetricVerdict.DATA_ERROR
PROMOTE, PAUSE, ROLLBACK = CanaryVerdict.PROMOTE, CanaryVerdict.PAUSE, CanaryVerdict.ROLLBACK
PASS, HIGH, LOW = Label.PASS, Label.HIGH, Label.LOW
START = datetime(2026, 5, 5, 14, 0, tzinfo=UTC)
RNG = np.random.default_rng(7)
STEADY, SAME, WORSE = (tuple(map(float, RNG.normal(mean, 1, 60))) for mean in (10, 10, 12))
Side = Sequence[CellData | None] | CellData | None


# ------------------------------------------------------------ cells written by hand


def series(values: Sequence[float | None], first: int = 0) -> Series:
    return Series(tuple(START + timedelta(minutes=first + i) for i in range(len(values))), tuple(values))


def rates(events: Sequence[float], trials: float = 1_000) -> list[CellData | None]:
    return [Counts(count, trials) for count in events]


def cells(minutes: float | None = 60, **metrics: tuple[Side, Side]) -> Cells:
    found: list[MetricCell] = []
    longest = 0
    for name, sides in metrics.items():
        for cohort, side in zip((Cohort.CANARY, Cohort.BASELINE), sides, strict=True):
            several = list(side) if isinstance(side, Sequence) else [side]
            found += [MetricCell(name, cohort, data, index) for index, data in enumerate(several) if data is not None]
            longest = max(longest, len(several) if isinstance(side, Sequence) else 0)
    spans = tuple(Window(START + timedelta(minutes=i), START + timedelta(minutes=i + 1)) for i in range(longest))
    window = {} if minutes is None else {"canary": Window(START, START + timedelta(minutes=minutes))}
    return Cells(metrics=tuple(found), intervals=spans, windows=window)


def config(thresholds: Mapping[str, Any], **canary: Any) -> Config:
    keys = {"share": "50%", "routing_unit": "user_id", "window": "60m", **canary}
    experiment = {"id": "banner", "unit": "user_id", "split": {"control": "50%", "treatment": "50%"}}
    return Config.model_validate({"canary": keys, "experiments": [experiment], "thresholds": dict(thresholds)})


def judge(made: Cells, **thresholds: Any) -> tuple[CanaryResult, CanaryMetric]:
    """The result, and its first metric."""
    found = judge_kayenta(made, config(thresholds))
    return found, found.metrics[0]


def words(found: CanaryResult) -> str:
    return " ".join(reason.message for reason in found.reasons)


# ------------------------------------------------------------ Kayenta's own vectors

# spinnaker/kayenta, kayenta-judge/src/test/scala/com/netflix/kayenta/judge/ClassifierSuite.scala (Apache-2.0).
TEN = """9.7767343120109462 10.587071850477695 7.8375506388901766 9.3243326886113884 8.3774505409784421
8.9359264399606282 8.2707663324728511 9.7484308126716925 11.623746715547156 9.2753442679633942 8.1538047749171518
10.562020975754294 13.498135575451835 11.054419256110332 6.9538903590055092 12.521008342195479 9.0216358603546443
4.9234856699531662 11.251360203607172 11.598449508040337 8.435232204668182 11.110228516867279 10.70063380164755
8.9212773652115249 10.086167067942661 11.42107515483087 9.3792347813644952 7.7980320148552593 10.62339807275746
11.909642062063739"""
OTHER_TEN = """11.1453586774086 9.9618059885597017 7.068574306369829 7.3012661810483657 9.7944630265656727
9.6037918603687302 6.1867793350339388 12.345599159550174 10.371891733859533 8.6094300785016724 9.913162673361084
10.361375299003466 14.206800387518818 10.946153754753301 10.215876627044048 11.739760899484603 10.907627468626439
12.823353694464775 8.1018609771732137 8.4981616408804932 12.113441374697231 13.272210809932028 10.114579381663297
6.9463958767978067 6.2105278541727778 10.160401684903775 8.3457712066455461 8.383822063895833 7.0020205070083765
10.755757401808442"""
TWENTY = """20.878412601720026 21.78550581191622 19.70828084717019 15.859946903461562 19.510058772176841
19.392005525270303 22.926528314912101 17.156530276709894 18.655117916226171 23.422607911610392 24.055817684156644
22.62689958516501 21.979472967817678 21.659318607218694 20.067707574072426 22.119570836305414 16.44037132663307
21.559622826341268 21.000181443489218 17.779369411412663 17.806006358943584 18.537200618386109 20.555550300210797
19.552928184468378 21.771118944087092 21.809622806176627 20.961762909905271 20.977571577503021 19.106303205498794
16.976918966987078"""
OTHER_TWENTY = """20.758113589510348 22.802059629464559 20.612340363492208 20.973274654749986 23.469237330498622
21.53133988954805 21.767353687439805 18.308050730374301 19.062145167827566 25.879498436001779 18.982629726336128
19.387920182269266 18.995398251246982 24.228420230932805 20.050985172694688 18.2340451091756 17.870515494460435
23.058103863806618 18.400259567501134 16.971352091177167 19.467529066052151 17.90465423342031 17.553948617825831
16.104611843907193 24.38171081433039 15.919294339922635 20.479409626304697 19.08307201492406 17.455788050722866
18.853826823235142"""
# "Large Input": most are 0, the others to four decimals, which is enough for ranks.
ZEROS = """1.2346 1.3333 1.3514 1.3699 1.3889 1.4286 1.4286 1.4286 1.4493 1.4706 1.5152 1.5152 1.5625 1.5625 1.5625
1.5873 1.6129 1.6393 1.6393 1.6667 1.6667 1.6667 1.6949 1.7241 1.7241 1.7544 1.7544 1.7857 1.8182 1.8182 1.8182 1.8182
1.8519 1.8519 1.8519 1.8519 1.8519 1.8868 1.8868 1.8868 1.9231 1.9608 1.9608 2.0 2.0408 2.0408 2.439 2.5641 2.7027
2.8169 2.9851 3.0303 3.125 3.1746 3.2258 3.3333 3.3333 3.3898 3.4483 3.5714 3.7037 4.0816 4.1096 5.5556"""
MORE_ZEROS = """1.3889 1.4706 1.4925 1.4925 1.4925 1.5385 1.5625 1.5873 1.6393 1.6949 1.7241 1.7544 1.7857 1.8519 2.5
2.9851 3.125"""
NONE, ANY = (1.0, 1.0), "0 0 0 0 0"
UP, DOWN = "20 22 21 25 30", "1 2.2 1.1 2.5 3"
VECTORS: dict[str, tuple[str, str, tuple[float, float], Label]] = {
    "Pass Metric": (TEN, OTHER_TEN, NONE, PASS),
    "High Metric": (TWENTY, OTHER_TEN, NONE, HIGH),
    "Low Metric": (TEN, OTHER_TWENTY, NONE, LOW),
    "Large Input": (ZEROS + " 0" * 146, MORE_ZEROS + " 0" * 193, NONE, HIGH),
    "Mean Ratio Effect Size: High": (UP, DOWN, (0.8, 1.2), HIGH),
    "Mean Ratio Effect Size: Low": (TEN, OTHER_TWENTY, (0.8, 1.2), LOW),
    "Mean Ratio Effect Size: Pass": ("10 12.2 10.1 12.5 23", UP, (0.5, 1.0), PASS),
    "Mean Ratio Effect Size: Pass (Large Input)": (ZEROS + " 0" * 146, MORE_ZEROS + " 0" * 193, (1.0, 5.0), PASS),
    "Critical Effect Size: Low": ("2 2 2 2 3", "10 20.2 10.1 20.5 30", NONE, LOW),
    "Critical Effect Size: High": (UP, DOWN, (1.0, 5.0), HIGH),
    "Critical Effect Size: Pass": (UP, DOWN, (1.0, 13.0), PASS),
    "Tied Observations": ("1 1 1", "1 1", NONE, PASS),
    "Identical Populations": ("1 2 3 4 5", "5 4 3 2 1", NONE, PASS),
    "Leading Zero Identical Population": ("0 1 1 1 1", "1 1 1 1 1", NONE, PASS),
    "Majority Tied Observations": ("1 1 1 1 10", "1 1 1 1 1", NONE, PASS),
    "Tied Ranks": ("10 10 10 10 10", "1 1 1 1 1", NONE, HIGH),
    "Tied Ranks With Zeros": ("10 10 10 10 10", ANY, NONE, HIGH),
    "Zero Mean: High Metric with Effect Size": ("54.9 54.5 55.1 55.6 57.4", ANY, (0.8, 1.2), HIGH),
    "Zero Mean: Low Metric with Effect Size": (ANY, "54.9 54.5 55.1 55.6 57.4", (0.8, 1.2), LOW),
    "Zero Mean: Critical Metric": (".05 .05 .0167 .0167 .0167 .05 .0333 .05 .05 .1333", f"{ANY} {ANY}", NONE, HIGH),
    "Zero Mean: Pass Metric": (ANY, ANY, (0.8, 1.2), PASS),
}


def numbers(text: str) -> list[float]:
    return [float(word) for word in text.split()]


@pytest.mark.parametrize("case", VECTORS)
def test_it_classifies_as_kayentas_own_tests_say(case: str) -> None:
    canary, baseline, allowed, label = VECTORS[case]
    found = classify(numbers(canary), numbers(baseline), allowed=allowed, tolerance=0.1, level=0.95)
    assert found.label is label, found


@pytest.mark.parametrize(
    ("label", "direction", "wrong"),
    [  # Kayenta's "increase" is what counts as bad; ours is what is good
        (HIGH, Direction.DECREASE, True),
        (HIGH, Direction.INCREASE, False),
        (LOW, Direction.INCREASE, True),
        (LOW, Direction.DECREASE, False),
        (HIGH, Direction.EITHER, True),
        (LOW, Direction.EITHER, True),
        (PASS, Direction.EITHER, False),
    ],
)
def test_only_the_bad_direction_counts(label: Label, direction: Direction, wrong: bool) -> None:
    assert adverse(label, direction) is wrong


def metric(verdict: CanaryMetricVerdict, class_: str = "business", critical: bool = False) -> CanaryMetric:
    spec = spec_of("m", Threshold.model_validate({"class": class_, "critical": critical}), CanaryConfig())
    return replace(missing(spec, verdict, "as made"), class_=MetricClass(class_))


# The same folder's ScorerSuite.scala; High and Low are both BREACH here, Nodata is NO_DATA.
SCORES = {
    "Single Metric Pass": ([metric(OK)], 100),
    "Single Metric Fail": ([metric(BREACH)], 0),
    "One Group, Two Metrics": ([metric(OK), metric(BREACH)], 50),
    "One Group, Three Metrics": ([metric(OK), metric(BREACH), metric(BREACH)], 33.33),
    "Two Groups, Three Metrics (Equal Weight)": ([metric(OK), metric(BREACH), metric(BREACH, "performance")], 25),
    "No Data": ([metric(NO_DATA)], 0),
    "one good (normal), one fail (critical)": ([metric(OK), metric(BREACH, critical=True)], 0),
    "one low (normal), one good (critical)": ([metric(BREACH), metric(OK, critical=True)], 50),
    "half without data": ([metric(OK), metric(NO_DATA)], 0),
    "critical without data": ([metric(OK), metric(OK), metric(NO_DATA, critical=True)], 0),
    "a group without data is left out": ([metric(OK), metric(BREACH), metric(NO_DATA, "performance")], 50),
    "an error is no data": ([metric(OK), metric(DATA_ERROR)], 0),
}


@pytest.mark.parametrize("case", SCORES)
def test_it_scores_as_kayentas_own_tests_say_and_gives_an_empty_group_nothing(case: str) -> None:
    metrics, expected = SCORES[case]
    assert score(metrics)[0] == expected


# ------------------------------------------------------------ one metric


def test_alike_sides_promote_with_the_score_in_the_reason() -> None:
    found, one = judge(cells(latency_ms=(series(SAME), series(STEADY))), latency_ms={"unit": "ms"})
    assert (one.verdict, found.verdict) == (OK, PROMOTE), one.reason
    assert words(found) == "Score 100 of 100 (passed by group: performance 1 of 1); 95 promotes, 75 pauses."
    assert "ms in the canary against" in one.reason
    assert "Pass, a shift of" in one.reason
    assert "98% interval" in one.reason
    assert "n = 60 and 60" in one.reason
    assert found.window_enough is True


def test_a_rise_for_the_worse_rolls_back_and_says_by_how_much() -> None:
    found, one = judge(cells(latency_ms=(series(WORSE), series(STEADY))), latency_ms={})
    assert (one.verdict, found.verdict) == (BREACH, ROLLBACK)
    assert "High, a shift of +" in one.reason
    assert "beyond the tolerance of" in one.reason
    assert words(found).startswith("Score 0 of 100")
    assert one.relative_change == pytest.approx(np.mean(WORSE) / np.mean(STEADY) - 1)


def test_a_change_for_the_better_is_ok_with_a_note() -> None:
    found, one = judge(cells(latency_ms=(series(STEADY), series(WORSE))), latency_ms={})
    assert (one.verdict, found.verdict) == (OK, PROMOTE)
    assert "change for the better" in " ".join(one.notes)


def test_without_a_known_direction_both_sides_are_adverse_and_it_is_said() -> None:
    made = cells(cart_size=(series(STEADY), series(WORSE)))
    found, one = judge(made, cart_size={})
    assert (one.verdict, found.verdict) == (BREACH, ROLLBACK)
    assert "does not say which way is good" in " ".join(one.notes)
    assert judge(made, cart_size={"direction": "decrease"})[1].verdict is OK


def test_a_relative_limit_is_the_effect_size_that_counts() -> None:
    made = cells(latency_ms=(series(WORSE), series(STEADY)))
    _, one = judge(made, latency_ms={"relative": {"max": 1.5}})
    assert one.verdict is OK
    assert "a ratio of the means of 1.2 where 1.5 is allowed" in one.reason
    assert judge(made, latency_ms={"relative": {"max": 1.1}})[1].verdict is BREACH


def test_rates_and_means_become_one_value_an_interval() -> None:
    more, fewer = RNG.poisson(30, 60), RNG.poisson(10, 60)
    found, one = judge(cells(error_rate=(rates(more), rates(fewer))), error_rate={})
    assert (one.verdict, found.verdict) == (BREACH, ROLLBACK)
    assert (one.canary, one.baseline) == (pytest.approx(more.mean() / 1_000), pytest.approx(fewer.mean() / 1_000))
    assert "pp" in one.reason
    slow, fast = ([Moments(20, value, 5.0) for value in side] for side in (WORSE, STEADY))
    assert judge(cells(latency_ms=(slow, fast)), latency_ms={})[1].verdict is BREACH


def test_raw_samples_are_compared_by_rank_and_the_tail_is_said_to_be_unseen() -> None:
    _, one = judge(cells(latency_ms=(Histogram.of(WORSE), Histogram.of(STEADY))), latency_ms={})
    assert one.verdict is BREACH
    assert "tail" in " ".join(one.notes)


# ------------------------------------------------------------ the holes that are closed


EMPTY: dict[str, tuple[Side, Side]] = {
    "absent from the canary": (None, series(STEADY)),
    "absent from the baseline": (series(STEADY), None),
    "no point in the canary": (series([None] * 60), series(STEADY)),
    "no trials": (rates([0] * 60, 0), rates([1] * 60)),
    "stale": (series([*STEADY[:50], *[None] * 10]), series(STEADY)),
    "no time in common": (series(STEADY), series(SAME, first=60)),
    "a third of the canary's points missing": (
        series([None if i % 3 == 0 else v for i, v in enumerate(STEADY)]),
        series(SAME),
    ),
}


@pytest.mark.parametrize("case", EMPTY)
def test_no_data_never_promotes(case: str) -> None:
    latency = (series(SAME), series(STEADY))
    found, one = judge(cells(m=EMPTY[case], a_ms=latency, b_ms=latency), m={}, a_ms={}, b_ms={})
    assert (one.verdict, found.verdict) == (NO_DATA, PAUSE), one.reason
    assert "`m`" in words(found)
    assert found.window_enough is False


def test_no_data_fails_where_it_is_critical_or_half_of_the_metrics() -> None:
    latency = (series(SAME), series(STEADY))
    made = cells(a_ms=latency, b_ms=latency)
    found, _ = judge(made, m={"critical": True}, a_ms={}, b_ms={})
    assert found.verdict is ROLLBACK
    assert "critical and not passed: `m`" in words(found)
    half, _ = judge(cells(a_ms=latency), m={}, a_ms={})
    assert half.verdict is ROLLBACK
    assert "1 of 2 metrics without usable data, 50% or more" in words(half)


WRONG: dict[str, tuple[Side, Side, dict[str, Any]]] = {
    "NaN": (series([math.nan, *STEADY]), series(STEADY), {}),
    "infinity": (series(STEADY), series([math.inf, *STEADY[1:]]), {}),
    "more events than trials": (rates([2_000] * 60), rates([1] * 60), {}),
    "two forms": (series(STEADY), rates([1] * 60), {}),
    "too many pairs": (Histogram((1.0,), (2_000,)), Histogram((1.0,), (2_000,)), {}),
    "too many points": (series([1.0] * 1_001), series([1.0] * 1_001), {}),
    "a rate without its parts": (series(STEADY), series(SAME), {"type": "rate"}),
    "a quantile of raw samples": (Histogram.of(STEADY), Histogram.of(SAME), {"type": "quantile"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_impossible_numbers_never_promote(case: str) -> None:
    canary, baseline, threshold = WRONG[case]
    latency = (series(SAME), series(STEADY))
    found, one = judge(cells(p95_x=(canary, baseline), a_ms=latency, b_ms=latency), p95_x=threshold, a_ms={}, b_ms={})
    assert (one.verdict, found.verdict) == (DATA_ERROR, PAUSE), one.reason
    assert one.reason.endswith(".")


def test_fewer_than_fifty_points_never_promote() -> None:
    found, one = judge(cells(latency_ms=(series(SAME[:49]), series(STEADY[:49]))), latency_ms={})
    assert (one.verdict, found.verdict) == (THIN, PAUSE)
    assert "49 points a side never promote (50 are asked for)" in one.reason
    enough, _ = judge(cells(latency_ms=(series(SAME[:50]), series(STEADY[:50]))), latency_ms={})
    assert enough.verdict is PROMOTE


def test_few_points_that_prove_harm_are_a_breach_and_a_handful_prove_nothing() -> None:
    assert judge(cells(latency_ms=(series(WORSE[:20]), series(STEADY[:20]))), latency_ms={})[1].verdict is BREACH
    found, one = judge(cells(latency_ms=(series([90.0] * 7), series([1.0] * 7))), latency_ms={})
    assert (one.verdict, found.verdict) == (THIN, PAUSE)
    total, one = judge(cells(error_rate=(Counts(5, 1_000), Counts(0, 1_000))), error_rate={})
    assert (one.verdict, total.verdict) == (THIN, PAUSE)
    assert "1 point a side" in one.reason


def test_one_error_in_the_canary_alone_is_high_but_may_be_luck_and_pauses() -> None:
    found, one = judge(cells(error_rate=(rates([1] + [0] * 59), rates([0] * 60))), error_rate={})
    assert (one.verdict, found.verdict) == (THIN, PAUSE)
    assert "may be luck" in one.reason


@pytest.mark.parametrize("failing", [10, 29, 31, 60])
def test_errors_in_the_canary_alone_are_high(failing: int) -> None:
    found, one = judge(cells(error_rate=(rates([1] * failing + [0] * (60 - failing)), rates([0] * 60))), error_rate={})
    assert (one.verdict, found.verdict) == (BREACH, ROLLBACK)
    assert "the baseline is 0 in every point" in one.reason
    assert one.relative_change is None


@pytest.mark.parametrize("failing", [25, 29, 31, 40, 60])
def test_more_errors_do_not_pass_where_fewer_are_high(failing: int) -> None:
    baseline = rates([1] * 5 + [0] * 55)
    _, one = judge(cells(error_rate=(rates([1] * failing + [0] * (60 - failing)), baseline)), error_rate={})
    assert one.verdict is BREACH, one.reason


def test_sparse_errors_alike_on_both_sides_pass() -> None:
    sparse = rates(([1] + [0] * 9) * 6)
    found, one = judge(cells(error_rate=(sparse, sparse)), error_rate={})
    assert (one.verdict, found.verdict) == (OK, PROMOTE), one.reason


def test_a_negative_baseline_has_no_ratio_that_could_hide_a_rise() -> None:
    made = cells(lag_error=(series([v - 14 for v in WORSE]), series([v - 20 for v in STEADY])))
    assert judge(made, lag_error={})[1].verdict is BREACH


def test_points_are_compared_at_the_same_times_and_never_read_as_zero() -> None:
    canary = [None if i == 3 else v for i, v in enumerate(SAME)]
    found, one = judge(cells(latency_ms=(series(canary), series(STEADY))), latency_ms={})
    assert (one.verdict, found.verdict) == (OK, PROMOTE)
    assert (one.n_canary, one.n_baseline) == (59, 59)
    assert one.canary == pytest.approx(np.mean([v for v in canary if v is not None]))
    assert "1 point of one side only left out." in one.notes


def test_autocorrelated_points_are_said_to_be_so() -> None:
    rng = np.random.default_rng(3)
    slow, other = (lfilter([1], [1, -0.9], rng.normal(size=100)) + 50 for _ in range(2))
    _, one = judge(cells(latency_ms=(series(slow), series(other))), latency_ms={})
    note = next(note for note in one.notes if note.startswith("Autocorrelated"))
    assert "100 points a side are worth about" in note
    assert not judge(cells(latency_ms=(series(SAME), series(STEADY))), latency_ms={})[1].notes


@pytest.mark.parametrize(("phi", "least", "most"), [(0.0, 0.0, 0.03), (0.8, 0.2, 0.4), (0.95, 0.5, 0.75)])
def test_correlated_points_give_the_false_alarms_that_the_page_warns_of(phi: float, least: float, most: float) -> None:
    rng = np.random.default_rng(5)
    noise = lfilter([1], [1, -phi], rng.normal(size=(600, 360)), axis=1)[:, 300:] + 50
    pairs = zip(noise[::2], noise[1::2], strict=True)
    alarms = [classify(list(one), list(other)).label is not PASS for one, other in pairs]
    assert least <= float(np.mean(alarms)) <= most


ODD = st.sampled_from([None, 0.0, -1.0, 1e-300, 1e99, 3.0, 3.0, math.nan, math.inf])
PLAIN = st.floats(0, 10)


@settings(max_examples=150, deadline=None)
@given(st.lists(ODD | PLAIN, max_size=70), st.lists(PLAIN | ODD, max_size=70), st.booleans())
def test_odd_numbers_never_raise_and_only_fifty_real_points_promote(
    canary: list[float | None], baseline: list[float | None], critical: bool
) -> None:
    found, one = judge(cells(m=(series(canary), series(baseline))), m={"critical": critical, "direction": "decrease"})
    assert one.reason.endswith(".")
    assert one.relative_change is None or math.isfinite(one.relative_change)
    shared = [v for pair in zip(canary, baseline, strict=False) if None not in pair for v in pair]
    if found.verdict is PROMOTE:
        assert len(shared) >= 100
    if one.verdict is OK:
        assert all(v is not None and math.isfinite(v) for v in shared)


def test_the_notes_name_the_closed_holes() -> None:
    found, _ = judge(cells(latency_ms=(series(SAME), series(STEADY))), latency_ms={})
    for words_ in ("without data", "fewer than 50 points", "baseline of zeros", "never read as 0", "not samples"):
        assert words_ in " ".join(found.notes)


# ------------------------------------------------------------ the score's verdict


def many(failing: int, of: int) -> tuple[Cells, dict[str, Any]]:
    names = [f"m{i}_ms" for i in range(of)]
    sides = {name: (series(WORSE if i < failing else SAME), series(STEADY)) for i, name in enumerate(names)}
    return cells(**sides), {name: {} for name in names}


@pytest.mark.parametrize(
    ("failing", "of", "verdict"),
    [(0, 4, PROMOTE), (1, 20, PROMOTE), (1, 10, PAUSE), (1, 4, PAUSE), (2, 4, ROLLBACK)],
)
def test_the_score_promotes_from_95_and_pauses_from_75(failing: int, of: int, verdict: CanaryVerdict) -> None:
    made, thresholds = many(failing, of)
    found, _ = judge(made, **thresholds)
    assert found.verdict is verdict
    assert f"Score {100 * (of - failing) / of:g} of 100" in words(found)


def test_a_failure_that_the_average_hides_is_warned_of_and_a_critical_one_is_not_averaged() -> None:
    made, thresholds = many(1, 20)
    found, _ = judge(made, **thresholds)
    assert "promotes although `m0_ms` failed" in " ".join(found.warnings)
    assert judge(made, **{**thresholds, "m0_ms": {"critical": True}})[0].verdict is ROLLBACK


@pytest.mark.parametrize(
    ("minutes", "code"), [(None, "window_unknown"), (14, "window_short"), (30, "window_open"), (60, "score")]
)
def test_a_short_or_unknown_window_does_not_promote(minutes: float | None, code: str) -> None:
    found, _ = judge(cells(minutes, latency_ms=(series(SAME), series(STEADY))), latency_ms={})
    assert found.verdict is (PROMOTE if code == "score" else PAUSE)
    assert found.reasons[-1].code == code
    bad, _ = judge(cells(minutes, latency_ms=(series(WORSE), series(STEADY))), latency_ms={})
    assert bad.verdict is ROLLBACK


def test_no_metrics_pause() -> None:
    found = judge_kayenta(cells(), config({}))
    assert (found.verdict, found.reasons[0].code) == (PAUSE, "no_metrics")


def test_what_is_not_judged_is_said() -> None:
    made = cells(latency_ms=(series(SAME), series(STEADY)), other=(series(SAME), series(STEADY)))
    found, one = judge(made, latency_ms={"absolute": {"max": 5}})
    assert "not judged: `other`" in " ".join(found.notes)
    assert "`latency_ms` has one" in " ".join(found.warnings)
    assert "absolute limit is not checked" in " ".join(one.notes)
