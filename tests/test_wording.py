"""Every number has one text, and no number breaks it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator import wording as fmt
from coordinator.model import MetricType, Window

ANY = st.none() | st.floats() | st.integers(-(10**20), 10**20)
SHARES = st.floats(0, 1)
KINDS = st.sampled_from(MetricType)
SINGLE = [
    fmt.share,
    fmt.rate,
    fmt.points,
    fmt.change,
    fmt.p_value,
    fmt.p_phrase,
    fmt.chance,
    fmt.count,
    fmt.number,
    fmt.signed,
    fmt.minutes,
]


@given(ANY)
def test_a_number_never_reads_nan_none_or_inf_and_never_has_a_hyphen_for_minus(figure: float | None) -> None:
    for one in SINGLE:
        text = one(figure)
        assert not re.search(r"nan|none|inf", text, re.IGNORECASE), one
        assert text
        assert "-" not in text


@given(ANY, ANY, KINDS, st.sampled_from([None, "ms", "$", "%", "users"]))
def test_two_figures_that_are_compared_never_break(
    first: float | None, second: float | None, kind: MetricType, unit: str | None
) -> None:
    for text in (*fmt.pair(first, second, kind, unit), fmt.change_interval(first, second)):
        assert not re.search(r"nan|none|inf", text, re.IGNORECASE)


@pytest.mark.parametrize("one", SINGLE)
def test_no_number_is_a_dash(one: object) -> None:
    assert callable(one)
    assert one(None) in {"–", "p = –"}
    assert one(math.nan) in {"–", "p = –"}


@given(SHARES)
def test_a_rate_that_is_neither_0_nor_1_never_reads_as_one(rate: float) -> None:
    text = fmt.rate(rate)
    if 0 < rate < 1:
        assert text not in {"0%", "100%"}
        assert re.search("[1-9]", text)
        assert not re.fullmatch(r"100\.0*%", text)


@given(SHARES)
def test_a_rate_reads_back_within_half_a_per_cent_of_itself(rate: float) -> None:
    text = fmt.rate(rate)
    if text[0] not in "<>" and rate >= 1e-4:
        assert float(text.rstrip("%")) / 100 == pytest.approx(rate, rel=0.005)


@given(st.floats(0, 1), st.floats(0, 1))
def test_two_rates_that_differ_visibly_read_differently(first: float, second: float) -> None:
    before, after = fmt.pair(first, second, MetricType.RATE)
    if abs(first - second) > 1e-6:
        assert before != after


@given(st.floats(-9, 9).filter(lambda change: abs(change) >= 1e-5))
def test_a_change_always_has_its_sign(change: float) -> None:
    assert fmt.change(change)[0] == ("+" if change > 0 else "−")


@given(st.floats(1e-300, 1))
def test_a_p_value_is_never_shown_as_zero(p: float) -> None:
    assert re.search("[1-9]", fmt.p_value(p))


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_p_value_never_reads_as_a_smaller_one(first: float, second: float) -> None:
    low, high = sorted((first, second))

    def shown(p: float) -> float:
        return float(fmt.p_value(p).replace("< 0.0001", "0"))

    assert shown(low) <= shown(high) + 0.005


@given(st.floats(0, 1))
def test_a_power_that_is_not_certain_never_reads_as_certain(power: float) -> None:
    assert (fmt.chance(power) == "100%") == (power == 1)
    assert (fmt.chance(power) == "0%") == (power == 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (fmt.share(0.025), "2.5%"),
        (fmt.points(0.0031), "+0.31 pp"),
        (fmt.change(0.33), "+33.0%"),
        (fmt.p_value(1e-30), "< 0.0001"),
        (fmt.p_phrase(1e-30), "p < 0.0001"),
        (fmt.change(-0.0214), "−2.1%"),
        (fmt.count(412_380), "412,380"),
        (fmt.time(datetime(2026, 11, 23, 9, 4, 59, tzinfo=UTC)), "2026-11-23 09:04"),
        (fmt.time(None), "–"),
        (fmt.window(None), "–"),
        (fmt.rate(0.00926), "0.926%"),
        (fmt.rate(1e-9), "< 0.0001%"),
        (fmt.number(-3.19, "$"), "−$3.19"),
        (fmt.number(math.inf), "∞"),
        (fmt.change(-math.inf), "−∞"),
        (fmt.limits({}, MetricType.MEAN), "–"),
        (fmt.limits({"absolute": {"max": 500}}, MetricType.MEAN, "ms"), "≤ 500 ms"),
        (fmt.limits({"absolute": {"min": 0.9}, "relative": {"min": 0.95}}, MetricType.RATE), "≥ 90%, ≥ 0.95× baseline"),
        (fmt.difference(0.0031, MetricType.PROPORTION), "+0.31 pp"),
        (fmt.difference(-1.4, MetricType.MEAN, "ms"), "−1.4 ms"),
        (fmt.change_interval(None, None), ""),
        (fmt.change_interval(-0.0041, 0.0345, 0.95), "95% CI [−0.4%, +3.5%]"),
        (fmt.minutes(90), "90 minutes"),
    ],
)
def test_a_number_has_one_text(text: str, expected: str) -> None:
    assert text == expected


def test_a_window_over_two_days_names_both() -> None:
    window = Window(datetime(2026, 5, 5, tzinfo=UTC), datetime(2026, 5, 6, 1, tzinfo=UTC))
    assert fmt.window(window) == "2026-05-05 00:00 to 2026-05-06 01:00 UTC"


def test_a_cell_breaks_between_estimate_and_interval_but_not_inside() -> None:
    assert fmt.unbroken("+1.5% [−0.4%, +3.5%]").split(" ") == ["+1.5%", "[−0.4%,\u00a0+3.5%]"]
    assert fmt.unbroken("⛔ BREACH") == "⛔\u00a0BREACH"
