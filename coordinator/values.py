"""Words of the config turned into numbers: shares, per cents, durations, times. Pure; no I/O."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)\s*$")
_SUM_SLACK = 0.001  # 33.3 + 33.3 + 33.3 is meant as 100
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def number(value: Any) -> float:
    """A number from YAML text, ``.nan`` and ``.inf`` included. ValueError where it is none.

    >>> number("1e3"), number(".inf")
    (1000.0, inf)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip().replace("_", "")
    special = {".nan": math.nan, ".inf": math.inf, "+.inf": math.inf, "-.inf": -math.inf}
    if text.lower() in special:
        return special[text.lower()]
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"found {value!r}, expected a number") from None


def share(value: Any) -> float:
    """A share strictly between 0 and 1 from ``5%``, ``5`` (per cent) or ``0.05``.

    A bare number of exactly 1 is refused as ambiguous; a bare number below 1 is a fraction.

    >>> share("5%"), share("5"), share("0.05")
    (0.05, 0.05, 0.05)
    """
    text = str(value).strip()
    if text.endswith("%"):
        fraction = number(text[:-1]) / 100
    else:
        bare = number(text)
        if bare == 1:
            raise ValueError(f"found {text}, which is ambiguous: write 1% for one per cent")
        fraction = bare if bare < 1 else bare / 100
    if not 0 < fraction < 1:
        raise ValueError(f"found {text}, expected a share between 0% and 100%, both excluded")
    return fraction


def fraction(value: Any) -> float:
    """A fraction from ``10%`` or ``0.1``; 0 and 100% allowed.

    >>> fraction("10%"), fraction(0.1)
    (0.1, 0.1)
    """
    text = str(value).strip()
    result = number(text[:-1]) / 100 if text.endswith("%") else number(text)
    if not 0 <= result <= 1:
        raise ValueError(f"found {text}, expected a fraction between 0 and 1 or a per cent with its sign")
    return result


def duration(value: Any) -> timedelta:
    """A length of time from ``90s``, ``30m``, ``2h`` or ``3d``.

    >>> duration("30m")
    datetime.timedelta(seconds=1800)
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(str(value))
    if not match:
        raise ValueError(f"found {value!r}, expected a length of time such as 30m, 2h or 3d")
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


def timestamp(value: Any) -> datetime:
    """An aware UTC time from ISO 8601 (UTC where there is no offset) or epoch seconds, ms or µs.

    >>> timestamp("2026-05-01T02:00:00+02:00").isoformat()
    '2026-05-01T00:00:00+00:00'
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    text = str(value).strip()
    if re.fullmatch(r"-?\d+(\.\d+)?", text) and len(text.split(".")[0]) >= 9:
        seconds = float(text)
        while abs(seconds) > 1e11:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC)
    try:
        return timestamp(datetime.fromisoformat(text))
    except ValueError:
        raise ValueError(f"found {value!r}, expected a time such as 2026-05-01T00:00:00Z") from None


def strings(value: Any) -> Any:
    """A single string as a tuple of one; None as an empty tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, (str, int, float)) else value


def split(value: Any) -> Any:
    """Arm shares as fractions from ``control=50,treatment=50`` or a mapping; the sum decides whether they are per cent.

    >>> split("control=50,treatment=50")
    {'control': 0.5, 'treatment': 0.5}
    >>> split({"on": "0.9", "off": "0.1"})
    {'on': 0.9, 'off': 0.1}
    """
    arms = _arms(value)
    if len(arms) < 2:
        raise ValueError(f"found {len(arms)} arm, expected at least two")
    if all(text.endswith("%") for text in arms.values()):
        shares = {arm: number(text[:-1]) / 100 for arm, text in arms.items()}
    elif any(text.endswith("%") for text in arms.values()):
        raise ValueError("found shares with and without a per cent sign, expected all of one kind")
    else:
        bare = {arm: number(text) for arm, text in arms.items()}
        scale = 100 if abs(sum(bare.values()) - 100) < abs(sum(bare.values()) - 1) else 1
        shares = {arm: part / scale for arm, part in bare.items()}
    total = sum(shares.values())
    if not abs(total - 1) <= _SUM_SLACK:
        raise ValueError(f"the shares add up to {total * 100:g}%, expected 100%")
    wrong = [arm for arm, part in shares.items() if not 0 < part < 1]
    if wrong:
        raise ValueError(f"the share of {wrong[0]} is {shares[wrong[0]] * 100:g}%, expected between 0% and 100%")
    return shares


def _arms(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        arms: dict[str, str] = {}
        for part in value.replace("\n", ",").split(","):
            if not part.strip():
                continue
            name, equals, text = part.partition("=")
            if not equals or not name.strip():
                raise ValueError(f"found {part.strip()!r}, expected arm=share, as in control=50,treatment=50")
            if name.strip() in arms:
                raise ValueError(f"the arm {name.strip()} stands twice")
            arms[name.strip()] = text.strip()
        return arms
    if not isinstance(value, dict):
        raise ValueError("found a list, expected arm: share pairs, as in { control: 50%, treatment: 50% }")  # noqa: TRY004 - pydantic reports ValueError
    return {str(arm): str(text).strip() for arm, text in value.items()}


def samples(value: Any) -> Any:
    """A list of numbers from YAML text; anything else as it is.

    >>> samples(["1", "2.5"])
    [1.0, 2.5]
    """
    if not isinstance(value, (list, tuple)):
        return value
    try:
        return [float(item) for item in value]
    except (TypeError, ValueError):
        return [number(item) for item in value]


Number = Annotated[float, BeforeValidator(number)]
Share = Annotated[float, BeforeValidator(share)]
Fraction = Annotated[float, BeforeValidator(fraction)]
Duration = Annotated[timedelta, BeforeValidator(duration)]
Timestamp = Annotated[datetime, BeforeValidator(timestamp)]
Strings = Annotated[tuple[str, ...], BeforeValidator(strings)]
Split = Annotated[dict[str, float], BeforeValidator(split)]
Samples = Annotated[tuple[float, ...], BeforeValidator(samples)]
