"""Section "Experiment verdict": every experiment with its metrics, its exclusion of canary users and its power."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coordinator import wording as fmt
from coordinator.model import ExperimentMetric, ExperimentMetricVerdict, ExperimentResult, Report, Role
from coordinator.report.blocks import Block, Details, Heading, Items, Rich, Table, code, paragraph, rich, strong
from coordinator.report.headline import NOT_RUN, not_run, stop, word
from coordinator.report.view import View
from coordinator.report.why import experiment_effect, experiment_why

_ROLES = tuple(Role)
_FINE = frozenset({ExperimentMetricVerdict.WIN, ExperimentMetricVerdict.HOLDS, ExperimentMetricVerdict.NO_EFFECT})
_CORRECTIONS = {"fdr_bh": "Benjamini-Hochberg", "bonferroni": "Bonferroni", "holm": "Holm", "none": "none"}


def experiment_section(report: Report, view: View) -> Iterator[Block]:
    """The experiments' blocks, each with its verdict first.

    Args:
        report: what was found.
        view: how much of it to show.
    """
    results = report.experiments
    if not results:
        yield paragraph(rich(strong("Verdict:"), " ", strong(word(NOT_RUN) + "."), " ", not_run(report)))
        return
    for result in view.some(results):
        if len(results) > 1:
            yield Heading(4, code(result.id))
        yield from _experiment(result, view)
    if more := view.more(results, "experiments are in `report.json`"):
        yield paragraph(more)


def _experiment(result: ExperimentResult, view: View) -> Iterator[Block]:
    verdict = rich(strong("Verdict:"), " ", strong(word(result.verdict)), " for ", code(result.id))
    arm = rich(", arm ", code(result.winning_arm)) if result.winning_arm else ()
    yield paragraph(rich(verdict, arm, ": ", stop(experiment_why(result))))
    if result.reasons:
        yield Items(tuple(rich(reason.message) for reason in view.some(result.reasons)))
    metrics = sorted(result.metrics, key=lambda item: _ROLES.index(item.role))
    kept = [item for item in metrics if item.role is Role.PRIMARY or item.verdict not in _FINE]
    shown = metrics if view.passed else kept
    hidden = len(metrics) - len(shown)
    if shown:
        passed = f"{fmt.plural(hidden, 'metric')} without harm" if hidden else ""
        yield (_full if view.full else _compact)(shown, result, view, passed)
    yield Items(tuple(_facts(result)))
    told = [item for item in shown if item.role is Role.PRIMARY or item.verdict not in _FINE]
    if told:
        yield Items(tuple(_reason(item, result) for item in view.some(told)))
    if result.warnings:
        yield Items(tuple(rich("⚠️ Warning: ", text) for text in view.some(result.warnings)))
    if not view.full and shown and view.tables:
        table = _mission(shown, result, view)
        yield Details("All figures: type, control, treatment, effect, p raw and adjusted, MDE", (table,))
    if view.tests:
        yield from _tests(result, metrics, view)


def _facts(result: ExperimentResult) -> Iterator[Rich]:
    excluded = "yes" if result.canary_users_excluded else "no"
    detail = f"{fmt.plural(result.excluded_units, 'unit')} left out" if result.canary_users_excluded else ""
    notes = "; ".join(part for part in (detail, _after_word(result.exclusion, excluded)) if part)
    yield rich(strong("Canary users excluded:"), f" {excluded}{f' ({notes})' if notes else ''}")
    for item in (metric for metric in result.metrics if metric.role is Role.PRIMARY):
        yield rich(strong("Power:"), " ", _power(item, result))
    kind = "anytime-valid: it may be looked at again" if result.sequential else "fixed horizon: one look"
    correction = _CORRECTIONS.get(result.correction, result.correction)
    yield rich(strong("Tests:"), f" {kind}; correction {correction}")


def _after_word(text: str, word_: str) -> str:
    """The explanation without a yes or no of its own, and without its brackets.

    >>> _after_word("no (aggregated data has no user ids)", "no")
    'aggregated data has no user ids'
    """
    rest = text.removeprefix(word_).strip(" :,.")
    return rest[1:-1] if rest.startswith("(") and rest.endswith(")") else rest


def _power(item: ExperimentMetric, result: ExperimentResult) -> Rich:
    sizes = f"{fmt.count(item.n_control)} in control and {fmt.count(item.n_treatment)} in treatment"
    if item.required_n is None and item.power is None:
        return rich(_label(item, result), f" has no MDE, so no power is stated; {sizes}")
    needed = f"{fmt.count(item.required_n)} users a variant give 80%"
    text = f" {fmt.chance(item.power)} at the MDE; {needed}, there are {sizes}"
    if item.win_chance_at_mde is not None:
        text += f"; chance of a WIN when the effect is just the MDE: {fmt.chance(item.win_chance_at_mde)}"
    return rich(_label(item, result), text)


def _label(item: ExperimentMetric, result: ExperimentResult) -> Rich:
    several = len({metric.arm for metric in result.metrics}) > 1
    role = "" if item.role is Role.SECONDARY else f" ({item.role})"
    return rich(code(item.name), " in ", code(item.arm), role) if several else rich(code(item.name), role)


def _reason(item: ExperimentMetric, result: ExperimentResult) -> Rich:
    return rich(strong(word(item.verdict)), " ", _label(item, result), ": ", item.reason)


def _met(item: ExperimentMetric) -> str:
    return {True: "yes", False: "no", None: fmt.NONE}[item.mde_met]


def _compact(metrics: Sequence[ExperimentMetric], result: ExperimentResult, view: View, passed: str) -> Table:
    """The open table: verdict first, five columns."""
    rows = []
    for item in view.some(metrics):
        before, after = fmt.pair(item.control, item.treatment, item.type, item.unit)
        cells = (
            rich(word(item.verdict)),
            _label(item, result),
            rich(f"{before} → {after}"),
            rich(experiment_effect(item)),
            rich(_met(item)),
        )
        rows.append(tuple(strong(cell) for cell in cells) if item.role is Role.PRIMARY else cells)
    levels = {item.ci_level for item in metrics if item.ci_level is not None}
    interval = f"{fmt.share(levels.pop())} CI" if len(levels) == 1 else "CI"
    columns = ("Verdict", "Metric", "Control → treatment", f"Effect (rel) ({interval})", "MDE met?")
    more = "; ".join(part for part in (view.more(metrics, "metrics"), passed) if part)
    return Table(columns, tuple(rows), "lllll", more)


_MISSION = ("Metric", "Type", "Control", "Treatment", "Effect (rel)", "p raw", "p adjusted", "MDE met?", "Verdict")


def _mission_cells(item: ExperimentMetric, result: ExperimentResult) -> tuple[Rich, ...]:
    before, after = fmt.pair(item.control, item.treatment, item.type, item.unit)
    effect = fmt.change(item.relative_effect) if item.relative_effect is not None else experiment_effect(item)
    texts = (
        str(item.type), before, after, effect, fmt.p_value(item.p_value), fmt.p_value(item.p_adjusted), _met(item),
        word(item.verdict),
    )  # fmt: skip
    return (_label(item, result), *(rich(text) for text in texts))


def _mission(metrics: Sequence[ExperimentMetric], result: ExperimentResult, view: View) -> Table:
    rows = tuple(_mission_cells(item, result) for item in view.some(metrics))
    return Table(_MISSION, rows, "llrrrrrll", view.more(metrics, "metrics"))


def _full(metrics: Sequence[ExperimentMetric], result: ExperimentResult, view: View, passed: str) -> Table:
    """The wide table of the HTML page."""
    rows = []
    for item in view.some(metrics):
        interval = fmt.change_interval(item.ci_low, item.ci_high, item.ci_level) or fmt.NONE
        rows.append((*_mission_cells(item, result), rich(interval)))
    return Table((*_MISSION, "Interval of the effect"), tuple(rows), "llrrrrrlll", passed)


def _tests(result: ExperimentResult, metrics: Sequence[ExperimentMetric], view: View) -> Iterator[Block]:
    """Test, sizes and power of each metric, the remaining sentences, the split's ratio, notes."""
    blocks: list[Block] = []
    rows = tuple(
        (
            _label(item, result),
            rich(item.test or fmt.NONE),
            rich(f"{fmt.count(item.n_control)} / {fmt.count(item.n_treatment)}"),
            rich(fmt.chance(item.power)),
            rich(fmt.count(item.required_n)),
            rich(fmt.chance(item.win_chance_at_mde)),
        )
        for item in view.some(metrics)
    )
    powers = ("Power at the MDE", "Users a variant for 80%", "Chance of WIN at the MDE")
    columns = ("Metric", "Test", "n control / treatment", *powers)
    if rows:
        blocks.append(Table(columns, rows, "llrrrr", view.more(metrics, "metrics")))
    fine = [item for item in metrics if item.role is not Role.PRIMARY and item.verdict in _FINE]
    lines = [_reason(item, result) for item in fine]
    lines += list(_ratio(result))
    lines += [rich(_label(item, result), ": ", note) for item in metrics for note in item.notes]
    lines += [rich(note) for note in result.notes]
    if result.window:
        lines.append(rich("Data of ", fmt.window(result.window)))
    if lines:
        blocks.append(Items(tuple(view.some(lines))))
    if blocks:
        yield Details("Tests, sizes and power behind the verdict", tuple(blocks))


def _ratio(result: ExperimentResult) -> Iterator[Rich]:
    check = result.sample_ratio
    if check is not None:
        observed = " / ".join(f"{arm} {fmt.count(units)}" for arm, units in check.observed.items())
        outcome = "mismatch" if check.mismatch else "as declared"
        yield rich(f"Sample ratio of the analysed units: {observed}, {fmt.p_phrase(check.p_value)}, {outcome}")
