"""Words that people write, as numbers, times and shares; what is none of them says what was expected."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from coordinator import values

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"), [("5%", 0.05), ("5", 0.05), ("0.05", 0.05), ("0.5%", 0.005), (" 5 % ", 0.05), (20, 0.2)]
)
def test_a_share_may_be_written_in_three_ways(text: Any, expected: float) -> None:
    assert values.share(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["1", "1.0", "0", "0%", "100", "100%", "-5%", "120%", ".nan", ".inf", "five", "", "%"])
def test_what_is_no_share_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r"found .*expected"):
        values.share(text)


def test_one_per_cent_is_written_with_its_sign() -> None:
    assert values.share("1%") == 0.01
    with pytest.raises(ValueError, match="ambiguous"):
        values.share("1")


@pytest.mark.parametrize(("text", "expected"), [("10%", 0.1), ("0.1", 0.1), ("0", 0.0), ("100%", 1.0), ("1", 1.0)])
def test_a_fraction_has_a_sign_or_is_at_most_one(text: str, expected: float) -> None:
    assert values.fraction(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["5", "-0.1", "101%", "nan", "a tenth", ["0.1"]])
def test_what_is_no_fraction_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"found .*expected a fraction"):
        values.fraction(text)


@pytest.mark.parametrize("text", ["0", "1", "100%"])
def test_a_level_is_never_certain(text: str) -> None:
    with pytest.raises(ValueError, match="expected a level between 0 and 1, both excluded"):
        values.level(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("30 min", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("1.5d", timedelta(days=1.5)),
        (timedelta(hours=1), timedelta(hours=1)),
    ],
)
def test_a_length_of_time(text: Any, expected: timedelta) -> None:
    assert values.duration(text) == expected


@pytest.mark.parametrize("text", ["30", "half an hour", "-5m", "", None, "9" * 30 + "d", "m", ["30m"]])
def test_what_is_no_length_of_time_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match=r"found .*expected"):
        values.duration(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-05T12:00:00Z",
        "2026-05-05 12:00",
        "2026-05-05T14:00:00+02:00",
        "2026-05-05T12:00:00.000000",
        "20260505T120000Z",
        "1777982400",
        "1777982400000",
        "1777982400000000",
        "1777982400.0",
        datetime(2026, 5, 5, 12),
        datetime(2026, 5, 5, 14, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_a_time_is_utc_whatever_it_is_written_as(text: Any) -> None:
    assert values.timestamp(text) == NOON


def test_a_date_is_its_midnight() -> None:
    assert values.timestamp("2026-05-05") == values.timestamp(date(2026, 5, 5)) == datetime(2026, 5, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    ["noon", "", "2026-13-01", "0001-01-01T00:00:00+14:00", "9" * 400, "-" + "9" * 11, None, {"a": 1}, "2026-05-05T25"],
)
def test_what_is_no_time_is_refused_at_once(text: Any) -> None:
    with pytest.raises(ValueError, match=r"found .*expected a time such as"):
        values.timestamp(text)


@pytest.mark.parametrize(("text", "expected"), [("1", 1), ("12", 12), ("auto", "auto"), ("many", "many"), (3, 3)])
def test_looks_are_a_number_or_a_word(text: Any, expected: int | str) -> None:
    assert values.looks(text) == expected


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "often", "", "9" * 30])
def test_other_looks_are_told_the_whole_expectation(text: str) -> None:
    with pytest.raises(ValueError, match="expected `auto`, `many` or a whole number from 1 on"):
        values.looks(text)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a=50,b=50", {"a": 0.5, "b": 0.5}),
        ("a=0.5,b=0.5", {"a": 0.5, "b": 0.5}),
        ("a=99,b=1", {"a": 0.99, "b": 0.01}),
        ("a = 50% , b = 50%", {"a": 0.5, "b": 0.5}),
        ({"a": "50%", "b": "50%"}, {"a": 0.5, "b": 0.5}),
        ({"a": 25, "b": 75}, {"a": 0.25, "b": 0.75}),
        ("a=33.3,b=33.3,c=33.3", {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}),
        ("a=16.7,b=16.7,c=16.7,d=16.7,e=16.7,f=16.7", dict.fromkeys("abcdef", 1 / 6)),
        ("a=b=50,c=50", None),
    ],
)
def test_a_split(given: Any, expected: dict[str, float] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="expected a number or a per cent"):
            values.split(given)
    else:
        assert values.split(given) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a=50", "found one arm, expected at least two"),
        ("", "found no arm, expected at least two"),
        ({}, "found no arm"),
        ("a=60,b=60", "the shares add up to 120%, expected 100%"),
        ("a=5,b=5", "the shares add up to 10%, expected 100%"),
        ("a=33,b=66", "the shares add up to 99%, expected 100%"),
        ("a=100,b=0", "the share of a is 100%, expected between 0% and 100%"),
        ("a=110,b=-10", "the share of a is 110%"),
        ("a=50%,b=50", "with and without a per cent sign"),
        ("a=50,a=50", "the arm a stands twice"),
        ("a,b", "found 'a', expected arm=share"),
        ("a=x,b=50", "the share of a: found 'x', expected a number"),
        ("a=.nan,b=50", "the share of a is nan%"),
        (["a", "b"], "found a list, expected arm: share pairs"),
        (None, "found nothing, expected arm: share pairs"),
    ],
)
def test_what_is_no_split_says_why(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        values.split(given)


@pytest.mark.parametrize(
    ("text", "expected"), [("1_000", 1000), ("-.inf", -math.inf), ("+.inf", math.inf), ("1e3", 1000), (True, None)]
)
def test_a_number_as_yaml_writes_it(text: Any, expected: float | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="expected a number"):
            values.number(text)
    else:
        assert values.number(text) == expected


def test_a_long_or_secret_value_is_not_repeated() -> None:
    assert len(values.short("x" * 5_000)) < 70
    assert "secret" not in values.short("https://me:secret@host/a?token=secret")
