"""What each key of the config allows by itself, but not together with another: missing parts and contradictions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from coordinator.config import CanaryConfig, Config, ExperimentConfig, ReleaseFile
from coordinator.documents import CanaryDocument, ExperimentDocument, Threshold, Value
from coordinator.model import Direction, MetricClass, Problem
from coordinator.names import class_by_name, direction_by_name
from coordinator.overrides import Where, input_of
from coordinator.problems import dotted, nearest

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
    canary = _mapping(raw.get("canary"))
    shared_log = raw.get("assignments")
    promoted = raw.get("step") == "experiment"
    needed = ["sha", "routing_unit"]
    needed += [] if shared_log else ["assignments"]
    needed += [] if audit_only or promoted else ["metrics", "thresholds"]
    if not canary.get("share") and not canary.get("steps"):
        yield _missing(("canary", "share"), "or `canary.steps` for a ramp")
    yield from (_missing(("canary", key)) for key in needed if not canary.get(key))
    experiments = raw.get("experiments")
    listed = experiments if isinstance(experiments, list) and experiments else [{}]
    first = [] if experiments else ["id"]  # where an experiment stands, its model asks for the id
    for index, experiment in enumerate(listed):
        given = _mapping(experiment)
        keys = [*first, "unit", "split"]
        keys += [] if shared_log else ["assignments"]
        keys += [] if audit_only else ["data"]
        yield from (_missing(("experiments", index, key)) for key in keys if not given.get(key))
    if promoted:
        keys = ["canary_promoted_at", "canary_report"]
        yield from (_missing((key,), "`step: experiment` needs it") for key in keys if not raw.get(key))


def _missing(path: Where, more: str = "") -> tuple[Where, Problem]:
    name = input_of(path)
    text = _MISSING_PARTS.get(str(path[-1]), "a key is missing")
    also = f", {more}" if more else ""
    fix = f"Give the config's key `{dotted(path)}`" + (f" or the input `{name}`" if name else "") + also + "."
    return path, Problem(f"missing_{path[-1]}", f"`{dotted(path)}`: {text}", fix=fix)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


# ------------------------------------------------------------ release.yml


def contradictions(release: ReleaseFile) -> Found:
    """What contradicts itself in a release that is valid key by key."""
    yield from _canary(release.canary)
    seen: dict[str, int] = {}
    for index, experiment in enumerate(release.experiments):
        where: Where = ("experiments", index)
        if experiment.id in seen:
            yield (*where, "id"), Problem("duplicate_id", f"the experiment `{experiment.id}` stands twice")
        seen[experiment.id] = index
        yield from _experiment(experiment, where)
    engine = release.engine
    if engine.memory_limit and not _MEMORY.match(engine.memory_limit):
        text = f"found {engine.memory_limit!r}, expected an amount such as 4GB or 512MB"
        yield ("engine", "memory_limit"), Problem("memory_limit", text)
    if engine.threads is not None and engine.threads < 1:
        yield ("engine", "threads"), Problem("threads", f"found {engine.threads}, expected 1 or more")
    if engine.sample != "none":
        yield ("engine", "sample"), Problem("sample", "sampling is not in this version", fix="Leave `sample` out.")


def _canary(canary: CanaryConfig) -> Found:
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
    yield from _looks(canary.looks, ("canary", "looks"))
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
    yield from _looks(experiment.looks, (*where, "looks"))


def _looks(looks: int | str, where: Where) -> Found:
    if isinstance(looks, int) and looks < 1:
        yield where, Problem("looks", f"found {looks}, expected 1 or more, `auto` or `many`")


# ------------------------------------------------------------ canary-thresholds.yml


def threshold_problems(thresholds: dict[str, Threshold], on_thin: str) -> Found:
    """Limits that cannot be meant as they stand; places are those of ``canary-thresholds.yml``."""
    for name, threshold in thresholds.items():
        where: Where = ("metrics", name)
        bounds = [limit for limit in (threshold.absolute, threshold.relative) if limit is not None]
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


def _relative(threshold: Threshold, name: str, where: Where) -> Found:
    limit = threshold.relative
    if limit is None:
        return
    if limit.max is not None and not limit.max > 1:
        text = (
            f"`{name}`: a relative max of {limit.max:g} is passed by no change at all; it is a factor of the baseline"
        )
        yield (*where, "relative", "max"), Problem("relative_limit", text, fix="Write 1.5 for at most 1.5 x baseline.")
    if limit.min is not None and not limit.min < 1:
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


# ------------------------------------------------------------ data documents


def canary_problems(document: CanaryDocument, config: Config) -> Found:
    """Where the canary's metrics document contradicts the release or is not of one form; places are the document's."""
    found, expected = document.canary.sha, config.canary.sha
    if found and expected and not same_sha(found, expected):
        text = f"the metrics are of build `{found}`, the release says `{expected}`"
        yield ("canary", "sha"), Problem("sha_mismatch", text, fix="Export the metrics of the build to be released.")
    if document.window and document.window.end <= document.window.start:
        yield ("window",), Problem("window", "the window ends before it starts")
    for side, data in (("canary", document.canary), ("baseline", document.baseline)):
        for name, value in data.metrics.items():
            if _form(value) is None:
                yield (side, "metrics", name), Problem("metric_form", f"`{name}`: {_FORMS}")


def experiment_problems(document: ExperimentDocument, experiment: ExperimentConfig) -> Found:
    """Where ``experiment-data.yml`` contradicts the release; places are the document's."""
    if document.experiment_id != experiment.id:
        text = f"the data is of experiment `{document.experiment_id}`, the release says `{experiment.id}`"
        yield ("experiment_id",), Problem("experiment_mismatch", text)
    if document.running_since and document.running_until and document.running_until <= document.running_since:
        yield ("running_until",), Problem("running_until", "`running_until` is before `running_since`")
    names = [variant.name for variant in document.variants]
    expected = [arm for arm in experiment.split if arm not in names]
    if expected:
        text = f"the data has no variant `{expected[0]}`, an arm of the split"
        yield ("variants",), Problem("missing_variant", text, fix=nearest(expected[0], names))
    for index, variant in enumerate(document.variants):
        where: Where = ("variants", index)
        if variant.name not in experiment.split and variant.name not in experiment.ignore_variants:
            text = f"the variant `{variant.name}` is no arm of the split"
            fix = nearest(variant.name, list(experiment.split))
            yield (*where, "name"), Problem("unknown_variant", text, fix=fix)
        if names.count(variant.name) > 1 and names.index(variant.name) != index:
            yield (*where, "name"), Problem("duplicate_variant", f"the variant `{variant.name}` stands twice")
        for name, value in variant.metrics.items():
            yield from _metric(name, value, variant.cohort_size, (*where, "metrics", name))
    if experiment.primary:
        known = sorted({reported(name) for variant in document.variants for name in variant.metrics})
        if experiment.primary not in known:
            text = f"the primary metric `{experiment.primary}` is not in the data"
            yield ("variants",), Problem("missing_primary", text, fix=nearest(experiment.primary, known))


def _metric(name: str, value: float | Sequence[float] | Value, size: float, where: Where) -> Found:
    if isinstance(value, float):
        if math.isfinite(size) and math.isfinite(value) and value > size:
            text = f"`{name}` is {value:g}, above its cohort's size of {size:g}: it is not a proportion"
            yield where, Problem("count_above_cohort", text, fix="Give { n, mean, std } or samples instead.")
    elif isinstance(value, Value) and _form(value) is None:
        yield where, Problem("metric_form", f"`{name}`: {_FORMS}")


_FORMS = "expected one of { numerator, denominator }, { n, mean, std }, { samples } or { value }, whole and alone"


def _form(value: Value) -> frozenset[str] | None:
    given = frozenset(value.model_fields_set)
    return given if given in FORMS else None


FORMS = frozenset(
    frozenset(names) for names in (("numerator", "denominator"), ("n", "mean", "std"), ("samples",), ("value",))
)
"""The forms that a metric of a document may have."""


def reported(name: str) -> str:
    """The name a metric is reported under: ``*_count`` over its cohort's size is ``*_rate``.

    >>> reported("checkout_completion_count"), reported("revenue")
    ('checkout_completion_rate', 'revenue')
    """
    return name.removesuffix("_count") + "_rate" if name.endswith("_count") else name


def same_sha(one: str, other: str) -> bool:
    """Whether two builds are the same: short and full SHAs compare by prefix, from 7 characters on.

    >>> same_sha("9f3c2ab", "9F3C2AB0000"), same_sha("9f3", "9f3c2ab")
    (True, False)
    """
    first, second = sorted((one.strip().lower(), other.strip().lower()), key=len)
    return first == second or (len(first) >= 7 and second.startswith(first))
