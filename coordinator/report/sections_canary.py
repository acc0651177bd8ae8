"""Section "Canary verdict": per metric what was seen, what the limit is, and why the verdict is what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coordinator import wording as fmt
from coordinator.model import CanaryMetric, CanaryMetricVerdict, CanaryResult, Report
from coordinator.report.blocks import Block, Details, Items, Rich, Table, code, paragraph, rich, strong
from coordinator.report.headline import NOT_RUN, not_run, stop, word
from coordinator.report.view import View
from coordinator.report.why import canary_change, canary_why

_ORDER = tuple(CanaryMetricVerdict)  # BREACH first, OK last


def canary_section(report: Report, view: View) -> Iterator[Block]:
    """The canary's blocks, the verdict first.

    Args:
        report: what was found.
        view: how much of it to show.
    """
    canary = report.canary
    if canary is None:
        yield paragraph(rich(strong("Verdict:"), " ", strong(word(NOT_RUN) + "."), " ", not_run(report)))
        return
    yield paragraph(
        rich(strong("Verdict:"), " ", strong(word(canary.verdict) + "."), " ", stop(canary_why(canary, names=False)))
    )
    if canary.window or canary.window_enough is not None:
        yield paragraph(_window(canary))
    metrics = sorted(canary.metrics, key=lambda item: _ORDER.index(item.verdict))
    failing = [item for item in metrics if item.verdict is not CanaryMetricVerdict.OK]
    shown = metrics if view.passed else failing
    hidden = len(metrics) - len(shown)
    if shown:
        yield (_full if view.full else _compact)(
            shown, view, f"{fmt.plural(hidden, 'metric')} passed" if hidden else ""
        )
    elif hidden:
        yield paragraph(f"{fmt.plural(hidden, 'metric')} passed.")
    if failing:
        yield Items(tuple(_reason(item) for item in view.some(failing)))
    if canary.warnings:
        yield Items(tuple(rich("⚠️ Warning: ", text) for text in view.some(canary.warnings)))
    if not view.full and shown and view.tables:
        yield Details("All figures: canary, baseline, change, p-value", (_mission(shown, view),))
    if view.tests:
        yield from _tests(canary, metrics, view)


def _window(canary: CanaryResult) -> Rich:
    enough = {True: ", long enough", False: ", too short or too thin to see the limits", None: ""}[canary.window_enough]
    if canary.window is None:
        return rich(strong("Window:"), f" not known{enough}")
    return rich(strong("Window:"), f" {fmt.window(canary.window)} ({fmt.minutes(canary.window.minutes)}{enough})")


def _reason(item: CanaryMetric) -> Rich:
    return rich(strong(word(item.verdict)), " ", code(item.name), ": ", item.reason)


def _compact(metrics: Sequence[CanaryMetric], view: View, passed: str) -> Table:
    """The open table: verdict first, five columns."""
    rows = []
    for item in view.some(metrics):
        before, after = fmt.pair(item.baseline, item.canary, item.type, item.unit)
        decides = item.verdict is CanaryMetricVerdict.BREACH
        cells = (
            rich(word(item.verdict)),
            code(item.name),
            rich(f"{before} → {after}"),
            rich(canary_change(item)),
            rich(fmt.limits(item.limits, item.type, item.unit)),
        )
        rows.append(tuple(strong(cell) for cell in cells) if decides else cells)
    columns = ("Verdict", "Metric", "Baseline → canary", _interval_column(metrics), "Limit")
    more = "; ".join(part for part in (view.more(metrics, "metrics, none graver than these"), passed) if part)
    return Table(columns, tuple(rows), "lllll", more)


def _interval_column(metrics: Sequence[CanaryMetric]) -> str:
    levels = {item.ci_level for item in metrics if item.ci_level is not None}
    return f"Change ({fmt.share(levels.pop())} CI)" if len(levels) == 1 else "Change (CI)"


_MISSION = ("Metric", "Canary", "Baseline", "Change", "p-value", "Verdict")


def _mission_cells(item: CanaryMetric) -> tuple[Rich, ...]:
    before, after = fmt.pair(item.baseline, item.canary, item.type, item.unit)
    change = fmt.change(item.relative_change) if item.relative_change is not None else canary_change(item)
    texts = (after, before, change, fmt.p_value(item.p_value), word(item.verdict))
    return (code(item.name), *(rich(text) for text in texts))


def _mission(metrics: Sequence[CanaryMetric], view: View) -> Table:
    rows = tuple(_mission_cells(item) for item in view.some(metrics))
    return Table(_MISSION, rows, "lrrrrl", view.more(metrics, "metrics"))


def _full(metrics: Sequence[CanaryMetric], view: View, passed: str) -> Table:
    """The wide table of the HTML page."""
    rows = []
    for item in view.some(metrics):
        interval = fmt.change_interval(item.ci_low, item.ci_high, item.ci_level) or fmt.NONE
        limits = fmt.limits(item.limits, item.type, item.unit)
        rows.append((*_mission_cells(item), rich(interval), rich(limits)))
    return Table((*_MISSION, "Interval of the change", "Limit"), tuple(rows), "lrrrrlll", passed)


def _tests(canary: CanaryResult, metrics: Sequence[CanaryMetric], view: View) -> Iterator[Block]:
    """Test, sizes and power of each metric, the sentences of those that passed, notes."""
    blocks: list[Block] = []
    rows = tuple(
        (
            code(item.name),
            rich(str(item.class_)),
            rich(item.test or fmt.NONE),
            rich(f"{fmt.count(item.n_canary)} / {fmt.count(item.n_baseline)}"),
            rich(fmt.p_value(item.p_adjusted)),
            rich(fmt.chance(item.power)),
            rich(_needed(item)),
        )
        for item in view.some(metrics)
    )
    columns = ("Metric", "Class", "Test", "n canary / baseline", "p adjusted", "Power at the limit", "Still needed")
    if rows:
        blocks.append(Table(columns, rows, "lllrrrl", view.more(metrics, "metrics")))
    fine = [item for item in metrics if item.verdict is CanaryMetricVerdict.OK]
    if fine:
        blocks.append(Items(tuple(_reason(item) for item in view.some(fine))))
    notes = [rich(code(item.name), ": ", note) for item in metrics for note in item.notes]
    notes += [rich(note) for note in canary.notes]
    notes += [rich(reason.message) for reason in canary.reasons]
    if notes:
        blocks.append(Items(tuple(view.some(notes))))
    if blocks:
        yield Details("Tests, sizes and power behind the verdict", tuple(blocks))


def _needed(item: CanaryMetric) -> str:
    parts = [f"{fmt.count(item.units_needed)} units"] if item.units_needed is not None else []
    parts += [f"{fmt.minutes(length)} at {share}" for share, length in item.minutes_needed.items()]
    return ", ".join(parts) or fmt.NONE
