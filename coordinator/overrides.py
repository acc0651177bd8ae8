"""The action's inputs laid over the raw ``release.yml``: an input that is given wins over the config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from coordinator.model import Problem
from coordinator.values import number

Where = tuple[str | int, ...]

_EXPERIMENT: Where = ("experiments", 0)
PATHS: dict[str, Where] = {
    "mode": ("mode",),
    "canary-sha": ("canary", "sha"),
    "canary-share": ("canary", "share"),
    "canary-routing-unit": ("canary", "routing_unit"),
    "canary-assignments": ("canary", "assignments"),
    "canary-metrics": ("canary", "metrics"),
    "canary-thresholds": ("canary", "thresholds"),
    "experiment-id": (*_EXPERIMENT, "id"),
    "experiment-split": (*_EXPERIMENT, "split"),
    "experiment-unit": (*_EXPERIMENT, "unit"),
    "experiment-assignments": (*_EXPERIMENT, "assignments"),
    "experiment-data": (*_EXPERIMENT, "data"),
    "mde": (*_EXPERIMENT, "mde"),
    "assignments": ("assignments",),
    "audit-rule": ("audit", "rule"),
    "platform-config": ("platform", "configs"),
    "environment": ("environment",),
    "deployment-id": ("deployment_id",),
    "pull-request": ("pull_request",),
    "post-to": ("post_to",),
    "comment": ("comment",),
    "step": ("step",),
    "canary-promoted-at": ("canary_promoted_at",),
    "canary-report": ("canary_report",),
    "report": ("publish_report",),
    "fail-on": ("fail_on",),
    "dry-run": ("dry_run",),
    "memory-limit": ("engine", "memory_limit"),
    "threads": ("engine", "threads"),
    "cache-dir": ("engine", "cache_dir"),
}
"""Where each input stands in the config."""

_LISTS = {"canary-assignments", "experiment-assignments", "assignments", "experiment-data", "platform-config"}
_WORD_LISTS = ("post_to", "fail_on")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")


def input_of(path: Where) -> str | None:
    """The input that says the same as the config's key at ``path``.

    >>> input_of(("canary", "share")), input_of(("experiments", 2, "unit"))
    ('canary-share', 'experiment-unit')
    """
    plain = (*_EXPERIMENT, *path[2:]) if path[:1] == ("experiments",) and len(path) > 2 else path
    return next((name for name, where in PATHS.items() if where == plain), None)


def apply(raw: dict[str, Any], given: Mapping[str, str]) -> tuple[dict[str, Where], list[Problem], list[str]]:
    """Lay the inputs over ``raw``, in place.

    Args:
        raw: the content of ``release.yml``.
        given: input name -> text.

    Returns:
        Input name -> where it went; problems; notes on what an input replaced.
    """
    origin: dict[str, Where] = {}
    problems: list[Problem] = []
    notes: list[str] = []
    experiments = raw.get("experiments")
    several = isinstance(experiments, list) and len(experiments) > 1
    for name, text in given.items():
        where = PATHS.get(name)
        if where is None:
            problems.append(Problem("unknown_input", f"input `{name}` is not known", fix="See the README's table."))
        elif several and where[0] == "experiments":
            problems.append(
                Problem(
                    "several_experiments",
                    f"input `{name}` is given, but the config has {len(experiments or ())} experiments",
                    fix="Leave the input out and write it into the config's list.",
                )
            )
        elif _put(raw, where, _lines(text) if name in _LISTS else text.strip()):
            origin[name] = where
    canary = raw.get("canary")
    if "canary-share" in origin and isinstance(canary, dict) and canary.pop("steps", None) is not None:
        notes.append("Input `canary-share` replaces the config's `canary.steps`.")
    first = experiments[0] if isinstance(experiments, list) and experiments else None
    if "experiment-split" in origin and isinstance(first, dict) and first.pop("steps", None) is not None:
        notes.append("Input `experiment-split` replaces the experiment's `steps`.")
    return origin, problems, notes


def tidy(raw: dict[str, Any]) -> list[str]:
    """Bring short forms into the config's own form, in place; returns notes on how shares were read."""
    for key in _WORD_LISTS:
        if isinstance(raw.get(key), str):
            raw[key] = [word.strip() for word in raw[key].replace("\n", ",").split(",") if word.strip()]
    notes = []
    canary = raw.get("canary")
    if isinstance(canary, dict):
        notes += _read_as("canary.share", canary.get("share"))
        steps = canary.get("steps")
        for index, step in enumerate(steps if isinstance(steps, list) else ()):
            notes += _read_as(f"canary.steps[{index}].share", step.get("share") if isinstance(step, dict) else None)
    experiments = raw.get("experiments")
    for experiment in experiments if isinstance(experiments, list) else ():
        steps = experiment.get("steps") if isinstance(experiment, dict) else None
        if steps and isinstance(steps, list) and not experiment.get("split") and isinstance(steps[-1], dict):
            experiment["split"] = steps[-1].get("split")
    return notes


def drop_empty(raw: dict[str, Any]) -> None:
    """A key without a value, or with an empty text, is a key that is not given; in place.

    >>> raw = {"step": "", "canary": {"sha": None, "share": "5%"}}
    >>> drop_empty(raw)
    >>> raw
    {'canary': {'share': '5%'}}
    """
    for key in [key for key, value in raw.items() if value is None or value == ""]:
        del raw[key]
    for value in raw.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                drop_empty(item)


def look_up(raw: Any, where: Where) -> Any:
    """What stands at ``where``, or None.

    >>> look_up({"experiments": [{"id": "a"}]}, ("experiments", 0, "id")), look_up({}, ("canary", "sha"))
    ('a', None)
    """
    for part in where:
        if isinstance(raw, dict):
            raw = raw.get(str(part))
        elif isinstance(raw, list) and isinstance(part, int) and part < len(raw):
            raw = raw[part]
        else:
            return None
    return raw


def drop_missing(raw: dict[str, Any]) -> None:
    """A metric without a value is one that the canary's document lacks, so an outcome later; in place."""
    for side in ("canary", "baseline"):
        _drop_none(look_up(raw, (side, "metrics")))


def tidy_experiment(raw: dict[str, Any]) -> None:
    """``experiment-data.yml`` without empty metrics, and with the end of its last day; in place."""
    variants = raw.get("variants")
    for variant in variants if isinstance(variants, list) else ():
        _drop_none(look_up(variant, ("metrics",)))
    _end_of_day(raw)


def _drop_none(metrics: Any) -> None:
    if isinstance(metrics, dict):
        for name in [name for name, value in metrics.items() if value is None]:
            del metrics[name]


def _end_of_day(raw: dict[str, Any]) -> None:
    """A date ``running_until`` includes that day: the experiment ends at the next midnight, UTC."""
    until = str(raw.get("running_until")).strip()
    with suppress(ValueError, OverflowError):
        if _DATE.match(until):
            raw["running_until"] = (date.fromisoformat(until) + timedelta(days=1)).isoformat()


def _read_as(key: str, value: Any) -> list[str]:
    try:
        bare = number(value) if value is not None else None
    except ValueError:
        return []
    return [f"`{key}: {value}` was read as {bare * 100:g}%."] if bare is not None and 0 < bare < 1 else []


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _put(raw: dict[str, Any], where: Where, value: Any) -> bool:
    """Set the value; False where something else than a mapping stands in the way (validation names it)."""
    node: Any = raw
    for part, following in pairwise(where):
        empty: Any = [{}] if isinstance(following, int) else {}
        if isinstance(node, list):
            if not node:
                node.append({})
            node = node[0]
        elif isinstance(node, dict):
            if not node.get(str(part)):
                node[str(part)] = empty
            node = node[str(part)]
        else:
            return False
    if not isinstance(node, dict):
        return False
    node[str(where[-1])] = value
    return True
