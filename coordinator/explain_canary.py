"""How the canary's verdict came about: for each metric the first rung that held, then the join."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coordinator import wording as fmt
from coordinator.model import MetricType
from coordinator.report.escape import cut_middle

Part = Mapping[str, Any]
Line = tuple[int, str]

_LADDER = ("NO_DATA", "DATA_ERROR", "BREACH", "TREND", "THIN", "OK")
_MEANS = {
    "NO_DATA": "a side has no data",
    "DATA_ERROR": "the figures are impossible",
    "BREACH": "a limit is passed, and not by luck",
    "TREND": "a limit is passed without proof, or a real change is well on the way to one",
    "THIN": "within the limits, but too little data to trust that",
    "OK": "within the limits, with enough data",
}
_SHOWN = 60


def short(name: str) -> str:
    """A name fit for a line, in quotes."""
    return f"'{cut_middle(name, _SHOWN)}'"


def canary_lines(canary: Part, only: str | None = None) -> Iterator[Line]:
    """The lines of step 2.

    Args:
        canary: the report's part.
        only: a metric's name: the others are left out.
    """
    metrics = canary["metrics"]
    yield 0, f"2. Canary: {canary['verdict']}"
    kayenta = any("Kayenta" in (item["test"] or "") for item in metrics)
    if kayenta:
        yield 1, "Judged by Kayenta's score, not by the ladder below; the reasons name the score."
    for item in metrics:
        if only is None or item["name"] == only:
            yield from _metric(item, len(metrics), ladder=not kayenta)
    yield from _join(canary, metrics, kayenta=kayenta)


def _metric(item: Part, total: int, *, ladder: bool) -> Iterator[Line]:
    kind, unit = MetricType(item["type"]), item["unit"]
    critical = ", critical" if item["critical"] else ""
    yield 1, f"{short(item['name'])} ({item['class']}{critical}): {item['verdict'].replace('_', ' ')}"
    before, after = fmt.pair(item["baseline"], item["canary"], kind, unit)
    if item["canary"] is not None or item["baseline"] is not None:
        interval = fmt.change_interval(item["ci_low"], item["ci_high"], item["ci_level"])
        yield (
            2,
            (
                f"Figures: {after} in the canary (n = {fmt.count(item['n_canary'])}), {before} in the baseline "
                f"(n = {fmt.count(item['n_baseline'])}); change {fmt.change(item['relative_change'])} {interval}"
            ),
        )
        for limit, found, beyond in _bounds(item):
            yield 2, f"Limit {limit}: {found}, {'beyond it' if beyond else 'within it'}"
        yield (
            2,
            (
                f"Luck: {fmt.p_phrase(item['p_value'])}, {fmt.p_phrase(item['p_adjusted'])} after Holm over "
                f"{fmt.plural(total, 'metric')} ({item['test'] or 'no test'})"
            ),
        )
        yield 2, f"Power: a change as large as the limit is seen in {fmt.chance(item['power'])} of such windows"
    if ladder:
        verdict = item["verdict"]
        before_it = [f"{rung.replace('_', ' ')} no" for rung in _LADDER[: _LADDER.index(verdict)]]
        held = f"{verdict.replace('_', ' ')} yes ({_MEANS[verdict]})"
        yield 2, f"The first that held: {', '.join([*before_it, held])}"
    yield 2, f"Because: {item['reason']}"
    for note in item["notes"]:
        yield 2, f"Note: {note}"
    for text in _changes(item):
        yield 2, f"What would change it: {text}"


def _bounds(item: Part) -> Iterator[tuple[str, str, bool]]:
    """Every limit in words, what stands against it, and whether that is beyond it."""
    kind, unit = MetricType(item["type"]), item["unit"]
    change, baseline, canary = item["relative_change"], item["baseline"], item["canary"]
    factor = None if change is None else 1 + change
    for end, limit in item["limits"].get("absolute", {}).items():
        words = fmt.limits({"absolute": {end: limit}}, kind, unit)
        beyond = canary is not None and (canary > limit if end == "max" else canary < limit)
        yield words, f"the canary has {fmt.value(canary, kind, unit)}", beyond
    for end, limit in item["limits"].get("relative", {}).items():
        words = fmt.limits({"relative": {end: limit}}, kind, unit)
        if factor is not None:
            yield words, f"the canary has {fmt.number(factor)}×", factor > limit if end == "max" else factor < limit
        elif canary is not None and baseline is not None:
            worse = canary > baseline if end == "max" else canary < baseline
            yield words, "of this baseline no factor can be told, so any change for the worse is", worse


def _changes(item: Part) -> Iterator[str]:
    """What would give this metric another verdict."""
    verdict = item["verdict"]
    beyond = [limit for limit, _, passed in _bounds(item) if passed]
    if verdict in {"NO_DATA", "DATA_ERROR"}:
        yield "figures of both sides that can be, for the whole window."
    elif verdict == "OK":
        limits = fmt.limits(item["limits"], MetricType(item["type"]), item["unit"])
        yield f"a canary beyond {limits.replace(', ', ' or ')}."
    elif beyond:
        yield f"a build that is back within {' and '.join(beyond)}, or another limit, if that one is wrong."
    if verdict == "BREACH" and item["class"] == "performance" and not item["critical"]:
        yield "`critical: true` would make this breach a rollback."
    if verdict in {"TREND", "THIN"}:
        yield from _more_data(item)


def _more_data(item: Part) -> Iterator[str]:
    if item["minutes_needed"]:
        times = ", ".join(f"{fmt.minutes(value)} at {share}" for share, value in item["minutes_needed"].items())
        yield f"more minutes: about {times} in all."
    if item["units_needed"] is not None:
        yield f"more units: about {fmt.count(item['units_needed'])} in the canary and the baseline together."
    if item["smallest_limit"] is not None:
        yield f"another limit: {fmt.number(item['smallest_limit'])}× is the smallest that this window can check."


def _join(canary: Part, metrics: Sequence[Part], *, kayenta: bool) -> Iterator[Line]:
    if not kayenta:
        yield (
            1,
            (
                "Join: ROLLBACK where a reliability, business or critical metric is breached; else PAUSE where one is "
                "not OK (`on_thin: note` lets a THIN pass) or the window is too short; else PROMOTE."
            ),
        )
        tally = [f"{sum(m['verdict'] == rung for m in metrics)} {rung.replace('_', ' ')}" for rung in _LADDER]
        yield 1, f"Here: {', '.join(text for text in tally if not text.startswith('0 ')) or 'no metric'}."
    for reason in canary["reasons"]:
        yield 1, f"So {canary['verdict']}: {reason['message']}"
    if canary["verdict"] != "PROMOTE":
        blocking = [m["name"] for m in metrics if m["verdict"] != "OK"]
        shown = ", ".join(short(name) for name in blocking[:10]) or "what the reasons name"
        yield 1, f"What would change it: {shown}{' and others' if len(blocking) > 10 else ''} resolved."
