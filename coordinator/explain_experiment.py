"""How an experiment's verdict came about: who was left out, each metric, the guardrails, the join."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coordinator import wording as fmt
from coordinator.explain_canary import Line, Part, short
from coordinator.model import MetricType

_BAD = {"LOSS", "HURT"}
_CAPS = {"sample_ratio_mismatch", "canary_users_not_excluded", "audit_inconclusive", "experiments_overlap"}


def experiment_lines(result: Part, only: str | None = None) -> Iterator[Line]:
    """The lines of step 3 for one experiment.

    Args:
        result: one entry of the report's ``experiments``.
        only: a metric's name: the others are left out.
    """
    metrics = result["metrics"]
    yield 0, f"3. Experiment {short(result['id'])}: {result['verdict']}"
    yield 1, f"Canary users left out: {result['exclusion']}, {fmt.plural(result['excluded_units'], 'unit')}"
    ratio = result["sample_ratio"]
    if ratio is not None:
        seen = ", ".join(f"{short(arm)} {fmt.count(units)}" for arm, units in ratio["observed"].items())
        word = "a mismatch" if ratio["mismatch"] else "as declared"
        yield 1, f"Sample ratio: {seen}, {fmt.p_phrase(ratio['p_value'])}: {word}"
    if result["sequential"]:
        yield 1, "It is looked at more than once: p-values and intervals are always-valid."
    for item in metrics:
        if only is None or item["name"] == only:
            yield from _metric(item, result["correction"], len(metrics))
    yield from _join(result, metrics)


def _metric(item: Part, correction: str, total: int) -> Iterator[Line]:
    kind, unit = MetricType(item["type"]), item["unit"]
    yield 1, f"{short(item['name'])} in {short(item['arm'])} ({item['role']}): {item['verdict'].replace('_', ' ')}"
    before, after = fmt.pair(item["control"], item["treatment"], kind, unit)
    yield (
        2,
        (
            f"Figures: {before} in control (n = {fmt.count(item['n_control'])}), {after} in the arm "
            f"(n = {fmt.count(item['n_treatment'])})"
        ),
    )
    interval = fmt.change_interval(item["ci_low"], item["ci_high"], item["ci_level"])
    effect = fmt.change(item["relative_effect"])
    if item["relative_effect"] is None:
        effect = fmt.difference(item["difference"], kind, unit)
    yield 2, f"Effect: {effect} {interval}; good is: {item['direction']}"
    p = fmt.p_phrase(item["p_value"])
    if item["role"] == "guardrail":
        yield 2, f"Luck: {p}, not corrected, so that no harm is hidden ({item['test'] or 'no test'})"
    else:
        adjusted = fmt.p_phrase(item["p_adjusted"])
        yield (
            2,
            f"Luck: {p}, {adjusted} after {correction} over {fmt.plural(total, 'test')} ({item['test'] or 'no test'})",
        )
        yield 2, f"Minimum effect (MDE): {_mde(item)}"
    yield 2, f"Because: {item['reason']}"
    for note in item["notes"]:
        yield 2, f"Note: {note}"
    for text in _changes(item):
        yield 2, f"What would change it: {text}"


def _mde(item: Part) -> str:
    if item["mde_met"] is None:
        return "none that counts here"
    size = fmt.change(item["mde"]) if item["mde"] is not None else "as given"
    met = "reached" if item["mde_met"] else "not reached"
    needed = f", {fmt.count(item['required_n'])} users a variant needed" if item["required_n"] is not None else ""
    return f"{size}, {met} by the effect; power to see it {fmt.chance(item['power'])}{needed}"


def _changes(item: Part) -> Iterator[str]:
    verdict = item["verdict"]
    if verdict == "INCONCLUSIVE" and item["required_n"] is not None:
        sizes = [size for size in (item["n_control"], item["n_treatment"]) if size is not None]
        have = min(sizes, default=0)
        if item["required_n"] > have:
            more = fmt.count(item["required_n"] - have)
            yield f"{more} more units a variant ({fmt.count(item['required_n'])} in all)."
    if verdict == "INCONCLUSIVE" and item["mde_met"] is None and item["role"] != "guardrail":
        yield "an MDE for it in `mde.yml`; with it the gate can tell no effect from too few units."
    if verdict == "NO_EFFECT":
        yield "nothing but a smaller MDE: the interval excludes the one that was asked for."
    if verdict in _BAD:
        yield "a variant that does not make it worse; more units only make the figure surer."


def _join(result: Part, metrics: Sequence[Part]) -> Iterator[Line]:
    yield (
        1,
        (
            "Join: SHIP where the primary metric wins in an arm, no other metric is worse there and no guardrail "
            "open; DON'T-SHIP where it loses or has no effect in every arm; else MIXED."
        ),
    )
    for reason in result["reasons"]:
        yield (
            1,
            f"{'Limits it to MIXED' if reason['code'] in _CAPS else 'So ' + result['verdict']}: {reason['message']}",
        )
    if result["winning_arm"] is not None:
        yield 1, f"The arm to ship: {short(result['winning_arm'])}"
    for text in _would_change(result, metrics):
        yield 1, f"What would change it: {text}"


def _would_change(result: Part, metrics: Sequence[Part]) -> Iterator[str]:
    if result["verdict"] == "SHIP":
        yield "a guardrail that is hurt or open, or a primary metric that no longer wins."
        return
    if any(reason["code"] in _CAPS for reason in result["reasons"]):
        yield "first what limits it to MIXED."
    primary = [item for item in metrics if item["role"] == "primary"]
    for item in primary:
        arm = short(item["arm"])
        against = [
            other["name"]
            for other in metrics
            if other["arm"] == item["arm"]
            and other["role"] != "primary"
            and (other["verdict"] in _BAD or (other["role"], other["verdict"]) == ("guardrail", "INCONCLUSIVE"))
        ]
        if item["verdict"] == "WIN" and against:
            yield f"{', '.join(short(name) for name in against[:10])} no longer against {arm}: it would ship."
        elif item["verdict"] != "WIN":
            yield f"{short(item['name'])} winning in {arm} (it is {item['verdict'].replace('_', ' ')})."
