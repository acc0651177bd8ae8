"""Every number, once: the Markdown, the HTML page, the terminal and the messages all format with these.

Fractions come in, per cent goes out. Nothing here raises on an odd number: None, NaN and infinity have a text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime

from coordinator.model import MetricType, Window

NONE = "–"
MINUS = "\u2212"
_RATES = frozenset({MetricType.RATE, MetricType.PROPORTION})
_CURRENCIES = "$€£¥"
_UNBROKEN = re.compile(
    r" (?=[^\[\]]{1,30}\])(?<=, )"  # in an interval
    r"|(?<=[✅⛔➖\ufe0f]) |(?<=[≤≥=<>→×]) |(?<=\bp) (?=[=<])|(?<=\d) (?=(?:pp|ms|s|min|h)\b)"
)
_MAX_DECIMALS = 4  # of a per cent


def share(value: float | None) -> str:
    """A declared share: as few digits as it has.

    >>> share(0.025), share(0.05), share(1 / 3), share(None)
    ('2.5%', '5%', '33.33%', '–')
    """
    if value is None or not math.isfinite(value):
        return _odd(value)
    text = f"{value * 100:,.{max(_decimals(value * 100, 4), 1)}f}".rstrip("0").rstrip(".")
    rounded_away = (text in {"0", "-0"} and value != 0) or (text == "100" and value != 1)
    return rate(value) if rounded_away or abs(value) >= 1e7 else _signed(text + "%")


def rate(value: float | None) -> str:
    """A measured rate or share: three significant digits, of its distance to 100% too.

    >>> rate(0.00926), rate(0.904), rate(0.9996), rate(0), rate(1)
    ('0.926%', '90.4%', '99.960%', '0%', '100%')
    """
    if value is None or not math.isfinite(value):
        return _odd(value)
    return _percent(value, _rate_decimals(value))


def points(value: float | None) -> str:
    """A difference of two rates, in percentage points.

    >>> points(0.0031), points(-0.00000512), points(0.0)
    ('+0.31 pp', '−0.0005 pp', '0.00 pp')
    """
    if value is None or not math.isfinite(value):
        return _odd(value)
    return _plus(value * 100, _decimals(value * 100, 2, least=2)) + " pp"


def change(value: float | None) -> str:
    """A relative change.

    >>> change(0.33), change(-0.0012), change(12.5), change(0.0)
    ('+33.0%', '−0.12%', '+1,250%', '0.0%')
    """
    if value is None or not math.isfinite(value):
        return _odd(value)
    return _plus(value * 100, _change_decimals(value * 100)) + "%"


def change_interval(low: float | None, high: float | None, level: float | None = None) -> str:
    """The interval of a relative change; "" without one.

    >>> change_interval(0.021, 0.098), change_interval(-0.5, None, 0.95)
    ('[+2.1%, +9.8%]', '95% CI [−50.0%, –]')
    """
    finite = [abs(bound) * 100 for bound in (low, high) if bound is not None and math.isfinite(bound)]
    shown = _change_decimals(max(finite, default=0.0))
    texts = [
        _odd(bound) if bound is None or not math.isfinite(bound) else _plus(bound * 100, shown) + "%"
        for bound in (low, high)
    ]
    if texts == [NONE, NONE]:
        return ""
    text = f"[{texts[0]}, {texts[1]}]"
    return text if level is None else f"{share(level)} CI {text}"


def p_value(value: float | None) -> str:
    """A p-value, with its digits where they matter.

    >>> p_value(1e-9), p_value(0.0043), p_value(0.0496), p_value(0.27), p_value(1.0)
    ('< 0.0001', '0.0043', '0.0496', '0.27', '1.00')
    """
    if value is None or not math.isfinite(value):
        return _odd(value)
    if value < 0.0001:
        return "< 0.0001"
    return f"{value:.{4 if value < 0.1 else 2}f}"


def p_phrase(value: float | None) -> str:
    """A p-value inside a sentence.

    >>> p_phrase(1e-9), p_phrase(0.27)
    ('p < 0.0001', 'p = 0.27')
    """
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def chance(value: float | None) -> str:
    """A probability or power, to a whole per cent; never a 0% or a 100% that is none.

    >>> chance(0.913), chance(0.0001), chance(0.9999), chance(0.0)
    ('91%', '< 1%', '> 99%', '0%')
    """
    if value is None or not math.isfinite(value):
        return _odd(value)
    if 0 < value <= 0.005:
        return "< 1%"
    if 0.995 <= value < 1:
        return "> 99%"
    return _signed(f"{value * 100:.0f}%")


def count(value: float | None) -> str:
    """How many, with thousands separators.

    >>> count(412380), count(12.5), count(None)
    ('412,380', '12.5', '–')
    """
    if value is None or not math.isfinite(value):
        return _odd(value)
    return _signed(f"{value:,.0f}" if value == int(value) else f"{value:,.1f}")


def number(value: float | None, unit: str | None = None) -> str:
    """A plain figure with four significant digits and its unit.

    >>> number(243.13, "ms"), number(3.19, "$"), number(1234567.0), number(-0.00012)
    ('243.1 ms', '$3.19', '1,234,567', '−0.00012')
    """
    if value is None or not math.isfinite(value):
        return _odd(value)
    return _unit(_plain(value, _number_decimals(value)), unit)


def signed(value: float | None, unit: str | None = None) -> str:
    """A difference of plain figures.

    >>> signed(1.4, "ms"), signed(-0.139)
    ('+1.4 ms', '−0.139')
    """
    text = number(value, unit)
    return text if value is None or not math.isfinite(value) or value <= 0 else f"+{text}"


def value(figure: float | None, kind: MetricType, unit: str | None = None) -> str:
    """A metric's figure: per cent for rates, else with its unit.

    >>> value(0.0123, MetricType.RATE), value(12.0, MetricType.MEAN, "s")
    ('1.23%', '12 s')
    """
    return rate(figure) if kind in _RATES else number(figure, unit)


def pair(first: float | None, second: float | None, kind: MetricType, unit: str | None = None) -> tuple[str, str]:
    """Two figures that are compared, with the same decimals, and enough of them to show the difference.

    >>> pair(0.5012, 0.50127, MetricType.RATE), pair(198.5, 199.93, MetricType.MEAN, "ms")
    (('50.120%', '50.127%'), ('198.5 ms', '199.9 ms'))
    """
    if first is None or second is None or not math.isfinite(first) or not math.isfinite(second):
        return value(first, kind, unit), value(second, kind, unit)
    if kind in _RATES:
        shown = max(_rate_decimals(first), _rate_decimals(second), _decimals((second - first) * 100, 1))
        return _percent(first, shown), _percent(second, shown)
    shown = max(_number_decimals(first), _number_decimals(second), _decimals(second - first, 1))
    if shown > 6 or not shown:
        return number(first, unit), number(second, unit)
    return _unit(_plain(first, shown), unit), _unit(_plain(second, shown), unit)


def difference(figure: float | None, kind: MetricType, unit: str | None = None) -> str:
    """An absolute difference: percentage points for rates, else with the unit."""
    return points(figure) if kind in _RATES else signed(figure, unit)


def limits(bounds: Mapping[str, Mapping[str, float]], kind: MetricType, unit: str | None = None) -> str:
    """The limits of a canary metric.

    >>> limits({"absolute": {"max": 0.005}, "relative": {"max": 1.5}}, MetricType.RATE)
    '≤ 0.5%, ≤ 1.5× baseline'
    """
    signs = {"max": "≤", "min": "≥"}
    parts = []
    for name, bound in bounds.get("absolute", {}).items():
        text = share(bound) if kind in _RATES else number(bound, unit)
        parts.append(f"{signs.get(name, name)} {text}")
    parts += [
        f"{signs.get(name, name)} {number(bound)}× baseline" for name, bound in bounds.get("relative", {}).items()
    ]
    return ", ".join(parts) or NONE


def time(moment: datetime | None) -> str:
    """A time to the minute; it is always UTC.

    >>> from datetime import UTC
    >>> time(datetime(2026, 11, 23, 9, 4, tzinfo=UTC))
    '2026-11-23 09:04'
    """
    return NONE if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def window(period: Window | None) -> str:
    """A stretch of time, the date once where both ends share it.

    >>> from datetime import UTC
    >>> window(Window(datetime(2026, 5, 5, 14, tzinfo=UTC), datetime(2026, 5, 5, 14, 30, tzinfo=UTC)))
    '2026-05-05 14:00 to 14:30 UTC'
    """
    if period is None:
        return NONE
    end = f"{period.end:%H:%M}" if period.start.date() == period.end.date() else time(period.end)
    return f"{time(period.start)} to {end} UTC"


def minutes(length: float | None) -> str:
    """A length of time, given in minutes.

    >>> minutes(30), minutes(125), minutes(5000), minutes(1)
    ('30 minutes', '2 h 5 min', '3.5 days', '1 minute')
    """
    if length is None or not math.isfinite(length):
        return _odd(length)
    whole = math.ceil(length)
    if whole < 120:
        return _signed(f"{whole:,} minute{'' if whole == 1 else 's'}")
    if whole < 2880:
        return f"{whole // 60:,} h" + (f" {whole % 60} min" if whole % 60 else "")
    return f"{length / 1440:,.1f} days"


def unbroken(text: str) -> str:
    r"""A table cell's text with no-break spaces where a line must not end: in an interval, before a unit, after a sign.

    >>> unbroken("+1.5% [−0.4%, +3.5%]") == "+1.5% [−0.4%,\u00a0+3.5%]"
    True
    """
    return _UNBROKEN.sub("\u00a0", text)


def plural(how_many: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "metric"), plural(1200, "unit")
    ('1 metric', '1,200 units')
    """
    return f"{count(how_many)} {noun}{'' if how_many == 1 else 's'}"


# ---------------------------------------------------------------- how many digits


def _third(fraction: float) -> str:
    return _signed(f"{fraction * 100:.3g}%")


def _decimals(figure: float, digits: int, *, least: int = 0) -> int:
    """Decimals that show ``digits`` significant digits of ``figure``."""
    if figure == 0 or not math.isfinite(figure):
        return least
    return max(least, min(_MAX_DECIMALS, digits - 1 - math.floor(math.log10(abs(figure)))))


def _rate_decimals(fraction: float) -> int:
    if fraction in {0, 1}:
        return 0
    return max(_decimals(fraction * 100, 3), _decimals((1 - fraction) * 100, 2) if 0 < fraction < 1 else 0)


def _change_decimals(percent: float) -> int:
    return 0 if abs(percent) >= 1000 else _decimals(percent, 2, least=1)


def _number_decimals(figure: float) -> int:
    """At most four significant digits, without zeros at the end."""
    if figure == 0:
        return 0
    wanted = max(0, 3 - math.floor(math.log10(abs(figure))))
    text = f"{figure:.{min(wanted, 12)}f}"
    return len(text.rstrip("0").partition(".")[2]) if "." in text else 0


def _percent(fraction: float, shown: int) -> str:
    percent = fraction * 100
    if percent == 0:
        return "0%"
    if abs(percent) < 0.5 * 10**-_MAX_DECIMALS:
        return "< 0.0001%" if percent > 0 else f"> {MINUS}0.0001%"
    if 0 < 1 - fraction < 0.5 * 10 ** -(_MAX_DECIMALS + 2):
        return "> 99.9999%"
    return _signed(f"{percent:,.{shown}f}%") if abs(percent) < 1e9 else _third(fraction)


def _plain(figure: float, shown: int) -> str:
    if figure and not 1e-9 <= abs(figure) < 1e15:
        return _signed(f"{figure:.3g}")
    return _signed(f"{figure:,.{shown}f}")


def _plus(figure: float, shown: int) -> str:
    text = _signed(f"{figure:,.{shown}f}") if abs(figure) < 1e15 else _signed(f"{figure:.3g}")
    digits = text.strip(MINUS + "0.,")
    if not digits:
        return text.lstrip(MINUS)
    return text if figure < 0 else f"+{text}"


def _signed(text: str) -> str:
    """The true minus sign, and none before a zero."""
    if text.startswith("-") and not any(digit in text for digit in "123456789"):
        text = text[1:]
    return text.replace("-", MINUS)


def _unit(text: str, unit: str | None) -> str:
    if not unit:
        return text
    if unit in _CURRENCIES:
        return f"{MINUS}{unit}{text[1:]}" if text.startswith(MINUS) else f"{unit}{text}"
    return f"{text}%" if unit == "%" else f"{text} {unit}"


def _odd(figure: float | None) -> str:
    if figure is None or math.isnan(figure):
        return NONE
    return "∞" if figure > 0 else f"{MINUS}∞"
