"""Words of the config turned into numbers: shares, per cents, durations, times. Pure; no I/O."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_DURATION = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d)\s*$")
_USER = re.compile(r"://[^\s]*@")
_QUERY = re.compile(r"(://[^\s?]*)\?.*", re.DOTALL)
_ARM_SLACK = 0.0006  # an arm: a share rounded to one decimal, as in 33.3 + 33.3 + 33.3
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
        raise ValueError(f"found {short(value)}, expected a number") from None


def share(value: Any) -> float:
    """A share strictly between 0 and 1 from ``5%``, ``5`` (per cent) or ``0.05``.

    A bare number of exactly 1 is refused as ambiguous; a bare number below 1 is a fraction.

    >>> share("5%"), share("5"), share("0.05")
    (0.05, 0.05, 0.05)
    """
    text = str(value).strip()
    try:
        bare = number(text.removesuffix("%"))
    except ValueError:
        raise ValueError(f"found {short(value)}, expected a share such as 5%, 5 (per cent) or 0.05") from None
    if bare == 1 and not text.endswith("%"):
        raise ValueError(f"found {text}, which is ambiguous, expected 1% (one per cent) or a share below 100%")
    result = bare / 100 if text.endswith("%") or bare >= 1 else bare
    if not 0 < result < 1:
        raise ValueError(f"found {text}, expected a share between 0% and 100%, both excluded")
    return result


def fraction(value: Any) -> float:
    """A fraction from ``10%`` or ``0.1``; 0 and 100% allowed.

    >>> fraction("10%"), fraction(0.1)
    (0.1, 0.1)
    """
    text = str(value).strip()
    try:
        result = number(text[:-1]) / 100 if text.endswith("%") else number(text)
    except ValueError:
        result = math.nan
    if not 0 <= result <= 1:
        raise ValueError(f"found {short(value)}, expected a fraction between 0 and 1 or a per cent with its sign")
    return result


def level(value: Any) -> float:
    """A significance level: a fraction strictly between 0 and 1.

    >>> level("5%"), level("0.01")
    (0.05, 0.01)
    """
    result = fraction(value)
    if not 0 < result < 1:
        raise ValueError(f"found {str(value).strip()}, expected a level between 0 and 1, both excluded, such as 0.05")
    return result


def looks(value: Any) -> int | str:
    """How often a verdict is looked at: a whole number from 1 on, ``auto`` or ``many``.

    >>> looks("3"), looks("auto")
    (3, 'auto')
    """
    text = str(value).strip()
    if text in {"auto", "many"}:
        return text
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise ValueError(f"found {text!r}, expected `auto`, `many` or a whole number from 1 on")
    return int(text)


def duration(value: Any) -> timedelta:
    """A length of time from ``90s``, ``30m``, ``2h`` or ``3d``.

    >>> duration("30m")
    datetime.timedelta(seconds=1800)
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.match(str(value))
    if not match:
        raise ValueError(f"found {short(value)}, expected a length of time such as 30m, 2h or 3d")
    try:
        return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
    except OverflowError:
        raise ValueError(f"found {short(value)}, which is too long, expected 30m, 2h or 3d, say") from None


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
    try:
        if re.fullmatch(r"-?[0-9]{9,}(\.[0-9]+)?", text):
            return _epoch(float(text))
        return timestamp(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise ValueError(f"found {short(value)}, expected a time such as 2026-05-01T00:00:00Z") from None


def _epoch(ticks: float) -> datetime:
    """Seconds, milliseconds or microseconds since 1970, told apart by their size. ValueError where it is none."""
    for unit in (1, 1e3, 1e6):
        if abs(ticks) / unit <= 1e11:
            return datetime.fromtimestamp(ticks / unit, UTC)
    raise ValueError("no time")


def strings(value: Any) -> Any:
    """A single string as a tuple of one; None as an empty tuple."""
    if value is None:
        return ()
    if isinstance(value, dict):
        raise ValueError("found a mapping, expected one text or a list of them")  # noqa: TRY004 - pydantic reports ValueError
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
        raise ValueError(f"found {'one arm' if arms else 'no arm'}, expected at least two")
    if all(text.endswith("%") for text in arms.values()):
        shares = {arm: _part(arm, text[:-1]) / 100 for arm, text in arms.items()}
    elif any(text.endswith("%") for text in arms.values()):
        raise ValueError("found shares with and without a per cent sign, expected all of one kind")
    else:
        bare = {arm: _part(arm, text) for arm, text in arms.items()}
        scale = 100 if sum(bare.values()) > 2 else 1
        shares = {arm: part / scale for arm, part in bare.items()}
    wrong = [arm for arm, part in shares.items() if not 0 < part < 1]
    if wrong:
        found = f"the share of {wrong[0]} is {shares[wrong[0]] * 100:g}%"
        raise ValueError(f"{found}, expected between 0% and 100%, both excluded")
    total = sum(shares.values())
    if not abs(total - 1) <= _ARM_SLACK * len(shares):
        raise ValueError(f"the shares add up to {total * 100:.6g}%, expected 100%")
    return shares if abs(total - 1) < 1e-9 else {arm: part / total for arm, part in shares.items()}


def _part(arm: str, text: str) -> float:
    try:
        return number(text)
    except ValueError:
        raise ValueError(f"the share of {arm}: found {short(text)}, expected a number or a per cent") from None


def _arms(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        arms: dict[str, str] = {}
        for part in value.replace("\n", ",").split(","):
            if not part.strip():
                continue
            name, equals, text = part.partition("=")
            if not equals or not name.strip():
                raise ValueError(f"found {short(part.strip())}, expected arm=share, as in control=50,treatment=50")
            if name.strip() in arms:
                raise ValueError(f"the arm {name.strip()} stands twice")
            arms[name.strip()] = text.strip()
        return arms
    if not isinstance(value, dict):
        raise ValueError(f"found {short(value)}, expected arm: share pairs, as in {{ control: 50%, treatment: 50% }}")  # noqa: TRY004 - pydantic reports ValueError
    return {str(arm): str(text).strip() for arm, text in value.items()}


def masked(text: str) -> str:
    """A URI without what may be secret in it: user, password and query.

    >>> masked("postgres://me:secret@db/logs?token=x")
    'postgres://...@db/logs?...'
    """
    return _QUERY.sub(r"\1?...", _USER.sub("://...@", text))


def short(value: Any) -> str:
    """A value as messages show it: its kind, or its text, cut where it is long and without a secret.

    >>> short("half"), short(None), short(["a"])
    ("'half'", 'nothing', 'a list')
    """
    if isinstance(value, (dict, list, tuple)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = "" if value is None else masked(str(value))
    return repr(text if len(text) <= 60 else text[:57] + "...") if text else "nothing"


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
        return [_sample(item, index) for index, item in enumerate(value)]


def _sample(value: Any, index: int) -> float:
    try:
        return number(value)
    except ValueError as error:
        raise PydanticCustomError("list_item", "{said}", {"said": str(error), "index": index}) from None


Number = Annotated[float, BeforeValidator(number)]
Share = Annotated[float, BeforeValidator(share)]
Fraction = Annotated[float, BeforeValidator(fraction)]
Level = Annotated[float, BeforeValidator(level)]
Duration = Annotated[timedelta, BeforeValidator(duration)]
Timestamp = Annotated[datetime, BeforeValidator(timestamp)]
Strings = Annotated[tuple[str, ...], BeforeValidator(strings)]
Split = Annotated[dict[str, float], BeforeValidator(split)]
Samples = Annotated[tuple[float, ...], BeforeValidator(samples)]
