"""What to do next, in order: a decision turned into numbered steps that never change two things at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from coordinator import wording as fmt
from coordinator.actions import STOP
from coordinator.config import Config
from coordinator.model import (
    Audit,
    AuditVerdict,
    CanaryResult,
    CanaryVerdict,
    Decision,
    DecisionKind,
    ExperimentMetricVerdict,
    ExperimentResult,
    ExperimentVerdict,
)

_WORSE = {ExperimentMetricVerdict.LOSS, ExperimentMetricVerdict.HURT}
_FIRST_MEND = {"sample_ratio_mismatch", "canary_users_not_excluded", "experiments_overlap"}


def observation_window(config: Config) -> timedelta:
    """The release's observation window: as declared, at least 15 minutes (below that nothing is promoted)."""
    window = config.canary.window
    length = window if isinstance(window, timedelta) else window.end - window.start
    return max(length, timedelta(minutes=15))


def plan_steps(
    decision: Decision,
    config: Config,
    audit: Audit | None,
    canary: CanaryResult | None,
    experiments: Sequence[ExperimentResult] | None,
) -> tuple[str, ...]:
    """The numbered steps of the report, each a sentence that begins with its number.

    The canary's step always comes first; every later change waits one observation window for the one before.

    Args:
        decision: what was decided.
        config: shares, ids and the window.
        audit: step 1; None in a refused run.
        canary: step 2; None where it did not run.
        experiments: step 3; None where it did not run.
    """
    release = _Words(config)
    if decision.action == STOP:
        steps = _stop(release, audit)
    elif decision.decision is DecisionKind.ROLLBACK:
        steps = _rollback(release)
    elif decision.decision is DecisionKind.HOLD:
        steps = _hold(release, audit, canary)
    elif decision.decision is DecisionKind.PROMOTE:
        steps = _promote(release, experiments or ())
    else:
        steps = [
            f"Change nothing: leave {release.canary} and {release.flags} as they are.",
            "Correct what is named under the errors, then run this gate again.",
        ]
    return tuple(f"{number}. {text}" for number, text in enumerate(steps, 1))


class _Words:
    """The release's facts as phrases."""

    def __init__(self, config: Config) -> None:
        self.config = config
        share = config.canary.share or (config.canary.steps[-1].share if config.canary.steps else None)
        self.share = percent(share) if share else "its current share"
        sha = (config.canary.sha or "")[:12]
        self.build = f"build {sha}" if sha else "the build"
        self.canary = f"the canary ({self.build}) at {self.share}"
        ids = [experiment.id for experiment in config.experiments]
        self.flags = " and ".join(f"the flag of {name}" for name in ids) or "the experiment's flag"
        self.window = duration(observation_window(config))

    def split(self, experiment_id: str) -> str:
        """The split of an experiment, as arm 50% / arm 50%."""
        shares = self.config.experiment(experiment_id).split
        return " / ".join(f"{arm} {percent(value)}" for arm, value in shares.items())


def _promote(release: _Words, experiments: Sequence[ExperimentResult]) -> list[str]:
    if release.config.canary_promoted_at is None:
        first = (
            f"Canary: raise {release.build} from {release.share} to 100%. "
            "Leave "
            + " and ".join(f"{item.id} at {release.split(item.id)}" for item in experiments)
            + ". Watch the canary's metrics for one observation window."
        )
    else:
        first = f"Canary: {release.build} is at 100% already; leave it there."
    steps = [first]
    for item in experiments:
        later = f"not before one observation window ({release.window}) after step {len(steps)}"
        if item.verdict is ExperimentVerdict.SHIP:
            arm = item.winning_arm or "the winning arm"
            steps.append(
                f"Experiment {item.id}: {later}, run this gate with `step: experiment`; if it opens, set the flag "
                f"from {release.split(item.id)} to {arm} 100%. Never in the same step as the canary."
            )
        elif item.verdict is ExperimentVerdict.DONT_SHIP:
            steps.append(
                f"Experiment {item.id}: do not ship it. Hold it at {release.split(item.id)} while you find out why the "
                f"variant does not help; switch it off {later}."
            )
        else:
            steps.append(
                f"Experiment {item.id}: leave it at {release.split(item.id)} and extend its window. {_mixed(item)}, "
                f"{later}."
            )
    return steps


def _mixed(item: ExperimentResult) -> str:
    """What to wait for: what is worse must be understood, else the users still needed must be there."""
    worse = [metric.name for metric in item.metrics if metric.verdict in _WORSE]
    if worse:
        names = " and ".join(dict.fromkeys(worse))
        return f"Find out why {names} is worse, then run this gate again"
    if any(reason.code in _FIRST_MEND for reason in item.reasons):
        return "Mend what its verdict names first, then run this gate again"
    return "Run this gate again when the users still needed are there"


def _rollback(release: _Words) -> list[str]:
    return [
        f"Canary: take {release.build} from {release.share} to 0% now.",
        (
            f"Experiment: suspend it: leave {release.flags} as it is and read no verdict from it. Not before one "
            f"observation window ({release.window}) after step 1, and with the metrics back at the baseline, go on."
        ),
        "Fix the build, deploy it as a new canary with its own SHA, and run this gate again before it is promoted.",
    ]


def _hold(release: _Words, audit: Audit | None, canary: CanaryResult | None) -> list[str]:
    if audit is not None and audit.verdict is AuditVerdict.INCONCLUSIVE:
        needed = max((arm.units_needed or 0 for arm in audit.arms), default=0)
        more = f" About {needed:,} units in all settle it; there are {audit.units:,}." if needed > audit.units else ""
        first = f"Canary: keep {release.build} at {release.share}; do not promote.{more}"
    elif canary is not None and canary.verdict is CanaryVerdict.PAUSE:
        first = (
            f"Canary: keep {release.build} at {release.share}; do not promote. "
            "Resolve each metric that the canary verdict names."
        )
    else:
        first = f"Canary: keep {release.build} at {release.share}; do not promote."
    return [
        first,
        (
            f"Experiment: leave {release.flags} unchanged, and run this gate again not before one observation window "
            f"({release.window}) has passed."
        ),
    ]


def _stop(release: _Words, audit: Audit | None) -> list[str]:
    codes = {reason.code for reason in audit.reasons} if audit else set()
    if codes == {"share_mismatch"}:
        cause = "correct the share that is not what the config says, in the router or in the config"
    elif "layer_overlap" in codes:
        cause = "find out why users of one layer are in both splits"
    else:
        cause = "give the canary its own salt (seed), apart from the experiment's"
    return [
        f"Canary: keep {release.build} at {release.share} or take it to 0%; do not promote. To fix: {cause}.",
        (
            f"Experiment: do not read or ship {release.flags}; its figures up to now are mixed with the canary's. "
            f"Start both anew, and run this gate again one observation window ({release.window}) after the fix."
        ),
    ]


def percent(share: float) -> str:
    """A share for a sentence.

    >>> percent(0.05), percent(0.125)
    ('5%', '12.5%')
    """
    return fmt.share(share)


def duration(length: timedelta) -> str:
    """A length of time in words.

    >>> duration(timedelta(minutes=30)), duration(timedelta(hours=2)), duration(timedelta(days=3))
    ('30 minutes', '2 hours', '3 days')
    """
    minutes = length.total_seconds() / 60
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes >= size and minutes % size == 0:
            count = int(minutes // size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{minutes:g} minutes"
