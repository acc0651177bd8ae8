"""The audit's cells and facts counted one unit at a time in plain Python, from the words of the design."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

Exposure = tuple[str | None, str, int]
"""Id as it stands in the log, label, minute."""


@dataclass(frozen=True)
class Answer:
    """What the engine should have counted."""

    cells: dict[tuple[int, str, str], int]
    complete: bool
    canary_only: int
    experiment_only: int
    crossed: int
    crossovers: dict[tuple[str, tuple[str, ...]], int]
    mixed: int
    early: int
    nulls: dict[tuple[str, str], tuple[int, int]]
    coverage: dict[tuple[str, str], tuple[int, int]]
    only_arm: dict[str, str] = field(default_factory=dict)


def plain_id(raw: str | None) -> str | None:
    """The id as compared: trimmed, ``123.0`` as ``123``, UUIDs in lower case, no id as None."""
    if raw is None or raw.strip(" ").lower() in {"", "null", "nan", "none"}:
        return None
    text = raw.strip(" ")
    whole, dot, zeros = text.partition(".")
    if dot and zeros and set(zeros) == {"0"} and whole.removeprefix("-").isdecimal() and whole.isascii():
        return whole
    if len(text) == 36 and text[8] == "-" and text[23] == "-":
        return text.lower()
    return text


def stratum_of(minute: int, starts: Sequence[int]) -> int:
    return sum(minute >= start for start in starts)


def latest(seen: Mapping[str, int], until: int, order: Sequence[str]) -> str:
    """Of the labels seen by then the one that began last; of equals the first in ``order``."""
    begun = [label for label in order if label in seen and seen[label] <= until]
    return max(begun, key=lambda label: seen[label])


def firsts(rows: Iterable[Exposure]) -> dict[str, dict[str, int]]:
    """First minute by unit and label."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for raw, label, minute in rows:
        unit = plain_id(raw)
        if unit is not None:
            found[unit][label] = min(minute, found[unit].get(label, minute))
    return found


def judge(
    canary: Sequence[Exposure],
    experiment: Sequence[Exposure],
    arms: Sequence[str],
    canary_steps: Sequence[int] = (),
    experiment_steps: Sequence[int] = (),
) -> Answer:
    """Count everything.

    Args:
        canary: labels ``canary`` and ``baseline``.
        experiment: labels are arms.
        arms: in the order of the split.
        canary_steps, experiment_steps: minutes of the declared steps.
    """
    complete = any(label == "baseline" for _, label, _ in canary)
    canary_minutes = [minute for _, label, minute in canary if label == "canary"]
    start, end = max([min(canary_minutes), *canary_steps[:1]]), max(canary_minutes)
    own_start = experiment_steps[0] if experiment_steps else -(10**9)
    both_started = max([*canary_steps[:1], *experiment_steps[:1]], default=None)
    starts = sorted({m for m in (*canary_steps, *experiment_steps) if both_started is not None and m > both_started})

    live = [row for row in canary if start <= row[2] <= end]
    cohorts = firsts(live)
    analysed = firsts(row for row in experiment if row[2] >= own_start)
    inside = firsts(row for row in experiment if row[2] >= own_start and start <= row[2] <= end)
    last_baseline: dict[str, int] = {}
    for raw, label, minute in live:
        unit = plain_id(raw)
        if unit is not None and label == "baseline":
            last_baseline[unit] = max(minute, last_baseline.get(unit, minute))
    last_exposure: dict[str, int] = {}
    for raw, _, minute in experiment:
        unit = plain_id(raw)
        if unit is not None:
            last_exposure[unit] = max(minute, last_exposure.get(unit, minute))

    back = {unit for unit, seen in cohorts.items() if "canary" in seen and last_baseline.get(unit, -1) > seen["canary"]}
    cells: Counter[tuple[int, str, str]] = Counter()
    crossovers: Counter[tuple[str, tuple[str, ...]]] = Counter()
    crossed = 0
    for unit, seen in inside.items():
        if complete and unit not in cohorts:
            continue
        first = min(seen.values())
        joint = max(first, min(cohorts[unit].values())) if complete else first
        stratum = stratum_of(joint, starts)
        if complete:
            cohort = latest(cohorts[unit], joint, ("canary", "baseline"))
        else:
            became = cohorts.get(unit, {}).get("canary")
            cohort = "canary" if became is not None and stratum_of(became, starts) <= stratum else "baseline"
        cells[stratum, cohort, latest(seen, joint, arms)] += 1
        several = len(analysed[unit]) > 1
        crossed += several or unit in back
        for pair in combinations(arms, 2):
            crossovers["arms", pair] += set(pair) <= set(analysed[unit])
        crossovers["cohorts", ("canary", "baseline")] += unit in back

    first_cohort = {unit: latest(seen, min(seen.values()), ("canary", "baseline")) for unit, seen in cohorts.items()}
    coverage: dict[tuple[str, str], tuple[int, int]] = {}
    for label in ("canary", "baseline") if complete else ("canary",):
        units = [unit for unit, cohort in first_cohort.items() if cohort == label]
        coverage["canary", label] = len(units), sum(unit in inside for unit in units)
    for arm in arms if complete else ():
        units = [unit for unit, seen in inside.items() if arm in seen]
        coverage["experiment", arm] = len(units), sum(unit in cohorts for unit in units)
    return Answer(
        cells=dict(cells),
        complete=complete,
        canary_only=len(set(cohorts) - set(inside)),
        experiment_only=len(set(inside) - set(cohorts)) if complete else 0,
        crossed=crossed,
        crossovers={key: units for key, units in crossovers.items() if units},
        mixed=sum(len(seen) == 2 for seen in cohorts.values()),
        early=sum(minute < max(start, own_start) for minute in last_exposure.values()),
        nulls=_nulls("canary", canary) | _nulls("experiment", experiment),
        coverage=coverage,
        only_arm={unit: next(iter(seen)) for unit, seen in analysed.items() if len(seen) == 1},
    )


def _nulls(log: str, rows: Sequence[Exposure]) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for raw, label, _ in rows:
        total, null = found.get((log, label), (0, 0))
        found[log, label] = total + 1, null + (plain_id(raw) is None)
    return found


def pairs(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Units in two experiments by their only arms."""
    return dict(Counter((arm, other[unit]) for unit, arm in one.items() if unit in other))
