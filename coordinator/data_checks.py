"""Where a document of data contradicts the release, or itself: another build, another experiment, another form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from coordinator.checks import Found, reported
from coordinator.config import ExperimentConfig
from coordinator.documents import CanaryDocument, ExperimentDocument, Mde, Value
from coordinator.model import Problem
from coordinator.overrides import Where
from coordinator.problems import nearest


def canary_problems(document: CanaryDocument, expected: str | None) -> Found:
    """Where the canary's metrics document contradicts the release or is not of one form; places are the document's."""
    found = document.canary.sha
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
    for arm in expected:
        text = f"the data has no variant `{arm}`, an arm of the split"
        yield ("variants",), Problem("missing_variant", text, fix=nearest(arm, names))
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


def unmatched(document: ExperimentDocument, experiment: ExperimentConfig, effects: Mapping[str, Mde]) -> list[str]:
    """Notes on settings and minimum effects of metrics that the data lacks."""
    names = {name for variant in document.variants for name in variant.metrics}
    known = names | {reported(name) for name in names}
    given = [("The minimum effect", name) for name in effects] + [("The setting", name) for name in experiment.metrics]
    return [
        f"{what} of `{name}` is given, but the data has no such metric. {nearest(name, sorted(known))}"
        for what, name in given
        if name not in known
    ]


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


def same_sha(one: str, other: str) -> bool:
    """Whether two builds are the same: short and full SHAs compare by prefix, from 7 characters on.

    >>> same_sha("9f3c2ab", "9F3C2AB0000"), same_sha("9f3", "9f3c2ab")
    (True, False)
    """
    first, second = sorted((one.strip().lower(), other.strip().lower()), key=len)
    return first == second or (len(first) >= 7 and second.startswith(first))
