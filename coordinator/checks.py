"""What each key of the config allows by itself, but not together with another: missing parts and contradictions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from coordinator.config import CanaryConfig, EngineConfig, ExperimentConfig
from coordinator.documents import Mde, Threshold
from coordinator.model import Direction, MetricClass, Problem, Role
from coordinator.names import class_by_name, direction_by_name
from coordinator.overrides import Where, input_of
from coordinator.problems import dotted, near, nearest

Found = Iterator[tuple[Where, Problem]]
"""Problems with the place of the config, or of a document, that they belong to."""

_MEMORY = re.compile(r"^\d+(\.\d+)?\s*([KMGT]i?B)$", re.IGNORECASE)
_MISSING_PARTS = {
    "thresholds": "the canary thresholds are missing, so no metric can be judged",
    "data": "the experiment data is missing, so no variant can be judged",
}


def missing_parts(raw: dict[str, Any], *, audit_only: bool = False) -> Found:
    """The keys that a run cannot do without, looked for in the raw config.

    Args:
        raw: the config with the inputs laid over it.
        audit_only: only what step 1 needs.
    """
    canary = raw.get("canary", {})
    shared_log = raw.get("assignments")
    promoted = raw.get("step") == "experiment"
    needed = ["sha", "routing_unit"]
    needed += [] if shared_log else ["assignments"]
    needed += [] if audit_only or promoted else ["metrics", "thresholds"]
    if isinstance(canary, dict):  # what is no mapping is named by the validation, once
        if _lacks(canary, "share", CanaryConfig) and _lacks(canary, "steps", CanaryConfig):
            yield _missing(("canary", "share"), "or `canary.steps` for a ramp")
        yield from (_missing(("canary", key)) for key in needed if _lacks(canary, key, CanaryConfig))
    experiments = raw.get("experiments") or [{}]
    first = [] if raw.get("experiments") else ["id"]  # where an experiment stands, its model asks for the id
    for index, experiment in enumerate(experiments if isinstance(experiments, list) else ()):
        keys = [*first, "unit", "split"]
        keys += [] if shared_log else ["assignments"]
        keys += [] if audit_only else ["data"]
        if isinstance(experiment, dict):
            absent = (key for key in keys if _lacks(experiment, key, ExperimentConfig))
            yield from (_missing(("experiments", index, key)) for key in absent)
    if promoted:
        keys = ["canary_promoted_at", "canary_report"]
        yield from (_missing((key,), "`step: experiment` needs it") for key in keys if not raw.get(key))


def _missing(path: Where, more: str = "") -> tuple[Where, Problem]:
    name = input_of(path)
    text = _MISSING_PARTS.get(str(path[-1]), "a key is missing")
    also = f", {more}" if more else ""
    fix = f"Give the config's key `{dotted(path)}`" + (f" or the input `{name}`" if name else "") + also + "."
    return path, Problem(f"missing_{path[-1]}", f"`{dotted(path)}`: {text}", fix=fix)


def _lacks(given: dict[str, Any], key: str, model: type[BaseModel]) -> bool:
    """Whether the key is not given, not even misspelt: an unknown key near it is one error, not two."""
    known = list(model.model_fields)
    unknown = (name for name in given if name not in known)
    return not given.get(key) and all(near(name, known) != key for name in unknown)


# ------------------------------------------------------------ release.yml


def experiment_contradictions(experiments: Mapping[int, ExperimentConfig]) -> Found:
    """What contradicts itself in the experiments that are valid key by key, by their place in the list."""
    seen: set[str] = set()
    for index, experiment in experiments.items():
        where: Where = ("experiments", index)
        if experiment.id in seen:
            yield (*where, "id"), Problem("duplicate_id", f"the experiment `{experiment.id}` stands twice")
        seen.add(experiment.id)
        yield from _experiment(experiment, where)


def engine_contradictions(engine: EngineConfig | None) -> Found:
    """Limits of the engine that cannot be meant as they stand."""
    if engine is None:
        return
    if engine.memory_limit and not _MEMORY.match(engine.memory_limit):
        text = f"found {engine.memory_limit!r}, expected an amount such as 4GB or 512MB"
        yield ("engine", "memory_limit"), Problem("memory_limit", text)
    if engine.threads is not None and engine.threads < 1:
        yield ("engine", "threads"), Problem("threads", f"found {engine.threads}, expected 1 or more")
    if engine.sample != "none":
        yield ("engine", "sample"), Problem("sample", "sampling is not in this version", fix="Leave `sample` out.")


def canary_contradictions(canary: CanaryConfig | None) -> Found:
    """What contradicts itself in a canary that is valid key by key."""
    if canary is None:
        return
    times = [step.at for step in canary.steps]
    if times != sorted(set(times)):
        yield ("canary", "steps"), Problem("steps", "the steps' times must increase, each later than the one before")
    shares = [step.share for step in canary.steps]
    if canary.share is not None and shares and canary.share not in shares:
        text = f"`share: {canary.share * 100:g}%` is none of the shares in `steps`"
        yield ("canary", "share"), Problem("share_and_steps", text, fix="Give one of the two.")
    both = {word.lower() for word in canary.cohorts.canary} & {word.lower() for word in canary.cohorts.baseline}
    if both:
        text = f"`{min(both)}` stands for the canary and for the baseline"
        yield ("canary", "cohorts"), Problem("cohorts", text)
    window = canary.window
    if isinstance(window, timedelta):
        if window.total_seconds() <= 0:
            yield ("canary", "window"), Problem("window", "the window must be longer than nothing")
    elif window.end <= window.start:
        yield ("canary", "window"), Problem("window", "the window ends before it starts")


def _experiment(experiment: ExperimentConfig, where: Where) -> Found:
    arms = list(experiment.split)
    if experiment.control is not None and experiment.control not in arms:
        text = f"the control `{experiment.control}` is no arm of the split"
        yield (*where, "control"), Problem("control", text, fix=nearest(experiment.control, arms))
    times = [step.at for step in experiment.steps]
    if times != sorted(set(times)):
        yield (*where, "steps"), Problem("steps", "the steps' times must increase, each later than the one before")
    for number, step in enumerate(experiment.steps):
        if set(step.split) != set(arms):
            text = f"the arms {sorted(step.split)} are not those of the split, {sorted(arms)}"
            yield (*where, "steps", number, "split"), Problem("steps", text)
    ignored = set(experiment.ignore_variants) & set(arms)
    if ignored:
        text = f"`{min(ignored)}` is an arm of the split and ignored"
        yield (*where, "ignore_variants"), Problem("ignore_variants", text)
    named = [name for name, metric in experiment.metrics.items() if metric.role is Role.PRIMARY]
    other = [name for name in named if name != (experiment.primary or named[0])]
    if other:
        text = f"`{other[0]}` and `{experiment.primary or named[0]}` are both the primary metric"
        yield (*where, "metrics", other[0]), Problem("two_primaries", text, fix="Make one of them secondary.")


# ------------------------------------------------------------ canary-thresholds.yml


def threshold_problems(thresholds: dict[str, Threshold], on_thin: str) -> Found:
    """Limits that cannot be meant as they stand; places are those of ``canary-thresholds.yml``."""
    for name, threshold in thresholds.items():
        where: Where = ("metrics", name)
        bounds = [limit for limit in (threshold.absolute, threshold.relative) if limit is not None]
        for kind, end, value in _ends(threshold):
            if not math.isfinite(value):
                text = f"`{name}`: found {value:g}, expected a number: nothing would ever pass this limit"
                yield (*where, kind, end), Problem("limit", text, fix="Leave the limit out, or give a number.")
        if not any(limit.max is not None or limit.min is not None for limit in bounds):
            text = f"`{name}` has no limit"
            yield where, Problem("no_limit", text, fix="Give `absolute` or `relative` with a `max` or a `min`.")
        yield from _relative(threshold, name, where)
        yield from _direction(threshold, name, where)
        judged = threshold.class_ or class_by_name(name) or MetricClass.BUSINESS
        asked = threshold.on_thin == "note" or on_thin == "note"
        if threshold.on_thin == "note" and (judged is MetricClass.RELIABILITY or threshold.critical):
            kind = "critical" if threshold.critical else "reliability"
            text = f"`on_thin: note` would let the {kind} metric `{name}` pass with too little data"
            yield (*where, "on_thin"), Problem("on_thin", text, fix="Leave `on_thin` out.")
        elif asked and threshold.promote == "proven":
            text = f"`{name}` asks for `promote: proven` and lets too little data pass (`on_thin: note`)"
            yield where, Problem("on_thin", text, fix="Choose one of the two.")


def _ends(threshold: Threshold) -> Iterator[tuple[str, str, float]]:
    for kind, limit in (("absolute", threshold.absolute), ("relative", threshold.relative)):
        for end in ("max", "min"):
            value = getattr(limit, end, None)
            if value is not None:
                yield kind, end, value


def _relative(threshold: Threshold, name: str, where: Where) -> Found:
    limit = threshold.relative
    if limit is None:
        return
    if limit.max is not None and limit.max <= 1:
        text = (
            f"`{name}`: a relative max of {limit.max:g} is passed by no change at all; it is a factor of the baseline"
        )
        yield (*where, "relative", "max"), Problem("relative_limit", text, fix="Write 1.5 for at most 1.5 x baseline.")
    if limit.min is not None and limit.min >= 1:
        text = (
            f"`{name}`: a relative min of {limit.min:g} is passed by no change at all; it is a factor of the baseline"
        )
        fix = "Write 0.95 for at least 95 % of the baseline."
        yield (*where, "relative", "min"), Problem("relative_limit", text, fix=fix)


def _direction(threshold: Threshold, name: str, where: Where) -> Found:
    given = threshold.direction
    expected = given or direction_by_name(name)
    if expected is None or expected is Direction.EITHER:
        return
    worse, better = ("min", "max") if expected is Direction.INCREASE else ("max", "min")
    for kind in ("absolute", "relative"):
        limit = getattr(threshold, kind)
        if limit is not None and getattr(limit, better) is not None and getattr(limit, worse) is None:
            why = "its `direction`" if given else "its name"
            good = "higher" if expected is Direction.INCREASE else "lower"
            text = f"`{name}`: {why} says that {good} is better, but `{kind}` limits it by `{better}`"
            fix = f"Use `{worse}`, or say `direction: {'decrease' if good == 'higher' else 'increase'}`."
            yield (*where, kind, better), Problem("direction", text, fix=fix)


# ------------------------------------------------------------ mde.yml


def mde_problems(effects: Mapping[str, Mde]) -> Found:
    """Minimum effects that cannot be meant as they stand; places are those of ``mde.yml``."""
    for name, effect in effects.items():
        given = {"mde_relative": effect.mde_relative, "mde_absolute": effect.mde_absolute}
        if not any(value is not None for value in given.values()):
            yield (name,), Problem("no_mde", f"`{name}`: expected `mde_relative`, `mde_absolute` or both")
        for key, value in given.items():
            if value is not None and not 0 < value < math.inf:
                text = f"`{name}`: found {value:g}, expected a size above 0, whichever direction is good"
                yield (name, key), Problem("mde", text)


def reported(name: str) -> str:
    """The name a metric is reported under: ``*_count`` over its cohort's size is ``*_rate``.

    >>> reported("checkout_completion_count"), reported("revenue")
    ('checkout_completion_rate', 'revenue')
    """
    return name.removesuffix("_count") + "_rate" if name.endswith("_count") else name
