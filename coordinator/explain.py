"""Says in plain words how a verdict came about: ``explain`` takes a ``report.json`` apart, step by step.

Nothing is judged here: every figure and reason is the report's own, and what would change the verdict follows from
the rules in ``docs/statistics.md``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from coordinator import wording as fmt
from coordinator.errors import InputError
from coordinator.explain_canary import Line, Part, canary_lines, short
from coordinator.explain_experiment import experiment_lines
from coordinator.explain_fit import must_fit
from coordinator.report import escape
from coordinator.values import timestamp

_WIDTH = 110
_LONGEST = 4_000  # characters of one line's text
_RULES = {
    "evidence": "a deviation beyond the tolerance counts only where it is no luck",
    "threshold": "any deviation beyond the tolerance counts, luck or not",
}
_EXIT = {
    0: "the gate is open",
    1: "the gate is closed: contaminated, rollback, or what `fail-on` or `step` adds",
    2: "refused: input is missing, invalid or contradictory",
    3: "the run could not finish",
    130: "the run was interrupted",
    143: "the run was cancelled",
}


def explain(report: Mapping[str, Any], metric: str | None = None, *, file: str = "report.json") -> str:
    """How the report's verdict came about, and what would change it.

    Args:
        report: a parsed ``report.json`` of schema version 1.
        metric: the name of a metric: only its path is told, with the joins and the decision that it led to.
        file: the file as messages name it.

    Returns:
        Lines of plain text, with a line end.

    Raises:
        InputError: the report does not fit its schema, or no metric has that name; the message names file and field.
    """
    must_fit(report, file)
    if metric is not None:
        _must_have(report, metric, file)
    lines = [line for line in _lines(report, metric) if line[1]]
    return "\n".join(text for level, line in lines for text in _wrapped(level, line)) + "\n"


def _must_have(report: Part, metric: str, file: str) -> None:
    names = list(dict.fromkeys(item["name"] for part in _judged(report) for item in part["metrics"]))
    if metric in names:
        return
    known = ", ".join(short(escape.plain(name)) for name in names[:20]) or "none: no metric was judged"
    message = f"`metrics`: no metric is called {short(escape.plain(metric))}"
    fix = f"The report's metrics: {known}." + ("" if report["experiments"] is not None else f" {_not_run(report)}")
    raise InputError.of("unknown_metric", message, file=escape.plain(file), fix=fix)


def _judged(report: Part) -> Iterator[Part]:
    if report["canary"] is not None:
        yield report["canary"]
    yield from report["experiments"] or ()


def _lines(report: Part, metric: str | None) -> Iterator[Line]:
    yield from _header(report)
    if metric is None:
        yield from _audit(report)
    for number, name, parts in (
        (2, "Canary", [report["canary"]] if report["canary"] is not None else None),
        (3, "Experiment", report["experiments"]),
    ):
        if parts is None:
            if metric is None:
                yield 0, f"{number}. {name}: not run. {_not_run(report)}"
            continue
        for part in parts:
            if metric is None or any(item["name"] == metric for item in part["metrics"]):
                yield from canary_lines(part, metric) if number == 2 else experiment_lines(part, metric)
    yield from _decision(report)


def _header(report: Part) -> Iterator[Line]:
    release, window = report["release"], report["window"]
    facts = []
    if release is not None:
        share = fmt.share(release["canary_share"]) if release["canary_share"] else "its current share"
        facts.append(
            f"build {release['canary_sha'] or fmt.NONE} at {share} of {release['canary_routing_unit'] or 'units'}"
        )
    if window is not None:
        facts.append(f"{fmt.time(timestamp(window['start']))} to {fmt.time(timestamp(window['end']))} UTC")
    yield 0, f"How this verdict came about{': ' if facts else ''}{', '.join(facts)}"


# ---------------------------------------------------------------- step 1


def _audit(report: Part) -> Iterator[Line]:
    audit = report["audit"]
    if audit is None:
        yield 0, "1. Audit: not run. " + _not_run(report)
        return
    yield 0, f"1. Audit: {audit['verdict']}"
    yield 1, f"Rule '{audit['rule']}': {_RULES[audit['rule']]}; the tolerance is {fmt.share(audit['tolerance'])}."
    yield (
        1,
        f"Units in both splits: {fmt.count(audit['units'])}, in the canary {fmt.count(audit['canary_units'])} of them.",
    )
    for arm in audit["arms"]:
        yield from _arm(arm)
    tests = sum(1 + (arm["relative_deviation"] is not None) for arm in audit["arms"])
    if audit["rule"] == "evidence" and tests:
        yield (
            1,
            f"Luck is ruled out below `audit.alpha` over the arms and expectations ({tests} tests in all).",
        )
    for item in audit["sample_ratios"]:
        word = "MISMATCH" if item["mismatch"] else "as declared"
        yield 1, f"Sizes of {short(item['split'])}: {word} ({fmt.p_phrase(item['p_value'])})."
    for pair in audit["pairs"]:
        names = " and ".join(short(name) for name in pair["experiments"])
        deviation = fmt.change(pair["largest_deviation"])
        yield (
            1,
            f"Pair {names}: {pair['verdict']} ({fmt.p_phrase(pair['p_value'])}, off by {deviation}).",
        )
    for reason in audit["reasons"]:
        yield 1, f"So {audit['verdict']}: {reason['message']}"
    yield 1, f"What would change it: {_audit_change(audit)}"


def _arm(arm: Part) -> Iterator[Line]:
    yield (
        1,
        (
            f"{short(arm['experiment'])}, arm {short(arm['arm'])}: {fmt.rate(arm['observed_overlap'])} of the units "
            f"are in the canary and in the arm ({fmt.count(arm['overlap_units'])})"
        ),
    )
    yield (
        2,
        (
            f"Declared (canary share × arm share): {fmt.rate(arm['expected_overlap'])}, deviation "
            f"{fmt.change(arm['relative_deviation'])}"
        ),
    )
    interval = fmt.change_interval(arm["ci_low"], arm["ci_high"], 0.95)
    yield (
        2,
        (
            f"Independent (the split sizes that were seen): {fmt.rate(arm['independent_overlap'])}, deviation "
            f"{fmt.change(arm['independent_deviation'])} {interval}"
        ),
    )
    yield (
        2,
        (
            f"Luck: {fmt.p_phrase(arm['p_value'])} of the larger deviation; so many independent units break the line "
            f"in {fmt.chance(arm['chance_of_false_alarm'])} of releases"
        ),
    )


def _audit_change(audit: Part) -> str:
    needed = max((arm["units_needed"] or 0 for arm in audit["arms"]), default=0)
    have = audit["units"]
    codes = {reason["code"] for reason in audit["reasons"]}
    tolerance = fmt.share(audit["tolerance"])
    if audit["verdict"] == "CLEAN":
        return f"an overlap that is off by more than {tolerance}."
    if audit["verdict"] == "INCONCLUSIVE":
        if "crossovers" in codes:
            return "an assignment that sticks to the unit: fewer units under several labels."
        more = f"{fmt.count(needed - have)} more units ({fmt.count(needed)} in all)" if needed > have else "more units"
        return f"{more}, or the number that the reasons name."
    if codes == {"share_mismatch"}:
        return "the share that is not what the config says, put right in the router or in the config."
    if "layer_overlap" in codes:
        return "no unit of one layer in both splits."
    return f"a salt (seed) of the canary's own, so that every overlap is within {tolerance}; more units do not help."


# ---------------------------------------------------------------- step 4


def _decision(report: Part) -> Iterator[Line]:
    yield 0, f"4. Decision: {report['decision']}"
    yield 1, f"Row of the table: {_row(report)}"
    yield 1, f"Action: {report['action']}"
    audited = report["audit"] is not None and report["audit"]["verdict"] == "CONTAMINATED"
    if report["decision"] in {"hold", "refused"} and not audited:
        for reason in report["reasons"]:
            yield 1, f"Because: {reason['message']}"
    for problem in report["errors"]:
        where = ":".join(str(problem[key]) for key in ("file", "line", "column") if problem[key] is not None)
        fix = f" To do: {problem['fix']}" if problem["fix"] else ""
        yield 1, f"Error: {where + ': ' if where else ''}{problem['message']}{fix}"
    yield 1, f"Exit code {report['exit_code']}: {_EXIT[int(report['exit_code'])]}."
    step = f"step {report['step']!r}" if report["step"] else "the next job"
    yield 1, f"{step[0].upper()}{step[1:]} {'may' if report['may_proceed'] else 'may not'} proceed."


def _row(report: Part) -> str:
    """The verdicts that choose the row, in the order in which they are asked."""
    audit, canary, experiments = report["audit"], report["canary"], report["experiments"]
    if report["errors"]:
        return "none: the run ended with an error"
    if audit is None:
        return "none: the audit did not run"
    if audit["verdict"] in {"CONTAMINATED", "REFUSED"}:
        return f"audit {audit['verdict']}, so nothing else was asked"
    if canary is None:
        return f"audit {audit['verdict']}, audit only"
    if canary["verdict"] == "ROLLBACK":
        return f"audit {audit['verdict']}, canary ROLLBACK, whatever the experiment says"
    if audit["verdict"] == "INCONCLUSIVE":
        return f"audit INCONCLUSIVE, canary {canary['verdict']}: the experiment is MIXED at best"
    if canary["verdict"] == "PAUSE":
        return "audit CLEAN, canary PAUSE, whatever the experiment says"
    verdicts = ", ".join(f"{short(item['id'])} {item['verdict']}" for item in experiments or ())
    return f"audit CLEAN, canary PROMOTE, experiment {verdicts or 'not judged'}"


def _not_run(report: Part) -> str:
    audit, canary = report["audit"], report["canary"]
    if report["errors"]:
        return "The run ended with an error first."
    if audit is not None and audit["verdict"] == "CONTAMINATED":
        return "The audit is CONTAMINATED: neither validator runs."
    if canary is not None and canary["verdict"] == "ROLLBACK":
        return "The canary rolls back: the experiment is not judged."
    return "It was not asked for, or the release was refused before it."


# ---------------------------------------------------------------- lines


def _wrapped(level: int, line: str) -> list[str]:
    """One line of visible text, wrapped under itself; a blank line before each step."""
    text = escape.cut(escape.plain(line).replace("`", ""), _LONGEST)
    start = "   " * level
    rows = textwrap.wrap(
        text, _WIDTH - len(start), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    before = [""] if level == 0 and not text.startswith("How this") else []
    return before + [escape.log(start + row) for row in rows or [""]]
