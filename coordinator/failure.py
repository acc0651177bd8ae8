"""The report of a run that ended early: what ended it, and what had been found before."""

from __future__ import annotations

from datetime import datetime

from coordinator.config import Config
from coordinator.errors import GateError
from coordinator.model import Decision, DecisionKind, Reason, Report
from coordinator.provenance import header
from coordinator.world import Found

SCHEMA_VERSION = 1


def failed(error: GateError, now: datetime, config: Config | None = None, found: Found | None = None) -> Report:
    """The report of a run that was refused or could not finish; never ``promote``.

    Args:
        error: what ended the run.
        now: the time.
        config: the release, where it could be read.
        found: what the stages had found before.
    """
    found = found or Found()
    refused = error.decision is DecisionKind.REFUSED
    count = len(error.problems)
    first = error.problems[0].message if error.problems else "no reason was given"
    more = f" (and {count - 1} more)" if count > 1 else ""
    action = f"{'Refused' if refused else 'Could not finish'}: {first}{more}."
    return Report(
        schema_version=SCHEMA_VERSION,
        decision=error.decision,
        may_proceed=False,
        action=action,
        exit_code=int(error.exit_code),
        release=header(config) if config else None,
        audit=found.audit,
        canary=found.canary,
        experiments=found.experiments,
        sequencing=_steps_after_failure(config, found),
        sources=found.sources,
        errors=error.problems,
        warnings=found.warnings,
        notes=found.notes,
        step=config.step if config else None,
        reasons=tuple(Reason(problem.code, problem.message) for problem in error.problems),
        window=found.window,
        created_at=now,
    )


def _steps_after_failure(config: Config | None, found: Found) -> tuple[str, ...]:
    if config is None:
        return ()
    from coordinator.sequence import plan_steps  # noqa: PLC0415

    return plan_steps(Decision(DecisionKind.ERROR, ""), config, found.audit, found.canary, found.experiments)
