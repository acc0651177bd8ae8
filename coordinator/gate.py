"""THE SHELL: reads the world, calls the stages in order, writes the world. Read this first.

The stages are pure and verdicts are values. Only this module turns a result into an exit code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator import earlier
from coordinator.config import Config
from coordinator.errors import CancelledError, GateError, InputError, RefusedError, ResourceError, internal
from coordinator.failure import SCHEMA_VERSION, failed
from coordinator.loader import load_config
from coordinator.model import (
    Audit,
    AuditVerdict,
    CanaryResult,
    CanaryVerdict,
    Cells,
    Decision,
    DecisionKind,
    ExitCode,
    ExperimentVerdict,
    LayerFinding,
    Problem,
    Report,
)
from coordinator.provenance import complete, declared_window, header
from coordinator.sources.paths import find_files
from coordinator.supervise import supervise
from coordinator.world import Found, World

if TYPE_CHECKING:
    from coordinator.engine.base import Engine
    from coordinator.inputs import GitHubContext

_LOAD_SECONDS = 600
_DELIVERY_SECONDS = 900


def run_gate(config: Config, world: World | None = None, *, audit_only: bool = False) -> Report:
    """The gate's result on one release: audit, canary, experiments, decision, steps.

    Never raises: a refusal or a fault is in ``errors``, with its exit code, and the decision is then ``refused``
    or ``error``.

    Args:
        config: the release, from ``load_config``.
        world: the workspace and the clock; without it the current folder and time.
        audit_only: stop after step 1.

    Returns:
        The typed form of ``report.json``.
    """
    world = world or World(Path.cwd(), datetime.now(UTC))
    found = Found(notes=config.notes)
    try:
        decision, steps = _stages(config, world, found, audit_only=audit_only)
    except GateError as error:
        return failed(error, world.now, config, found)
    except Exception as error:  # noqa: BLE001 - a fault of ours must end closed, with a report
        return failed(internal(error), world.now, config, found)
    may_proceed = _may_proceed(config, decision, found)
    return Report(
        schema_version=SCHEMA_VERSION,
        decision=decision.decision,
        may_proceed=may_proceed,
        action=decision.action,
        exit_code=int(_exit_code(config, decision, found, may_proceed=may_proceed, audit_only=audit_only)),
        release=header(config),
        audit=found.audit,
        canary=found.canary,
        experiments=found.experiments,
        sequencing=steps,
        sources=found.sources,
        errors=(),
        warnings=found.warnings,
        notes=found.notes,
        step=config.step,
        reasons=decision.reasons,
        window=found.window,
        created_at=world.now,
    )


# ---------------------------------------------------------------- the stages, in order


def _stages(config: Config, world: World, found: Found, *, audit_only: bool) -> tuple[Decision, tuple[str, ...]]:
    from coordinator.audit import audit, routing_units_match  # noqa: PLC0415 - after the cheap refusals
    from coordinator.engine import open_engine  # noqa: PLC0415
    from coordinator.reconcile import reconcile  # noqa: PLC0415
    from coordinator.sequence import plan_steps  # noqa: PLC0415

    _refuse(config)
    problems = routing_units_match(config)
    if problems:
        raise RefusedError(problems)
    promotion = earlier.promotion(config, world.workspace, world.now)
    layers: tuple[LayerFinding, ...] = ()
    if config.platform.configs:
        from coordinator.platforms import read_layers  # noqa: PLC0415 - only with a platform's config

        allow = config.limits.allow_paths
        files = find_files(config.platform.configs, world.workspace, what="the platform's config", allow=allow)
        layers = read_layers(files, config, world.workspace)
    engine = open_engine(
        config,
        workspace=world.workspace,
        temp_dir=world.temp_dir,
        progress=world.progress,
        now=world.now,
    )
    try:
        cells = engine.audit_cells()
        _keep(found, engine, cells)
        many = _looks(config, world, found) is None
        found.audit = audit(cells, config, layers=layers, sequential=many)
        if found.audit.verdict is AuditVerdict.REFUSED:
            raise InputError(Problem(reason.code, reason.message) for reason in found.audit.reasons)
        if found.audit.verdict is not AuditVerdict.CONTAMINATED and not audit_only:
            _validate(config, world, found, engine, found.audit, promotion)
    finally:
        engine.close()
    found.sources = complete(found.sources, found.window or declared_window(config))
    decision, found.experiments = reconcile(found.audit, found.canary, found.experiments)
    if promotion and decision.decision is DecisionKind.PROMOTE and not promotion.window_passed:
        decision = replace(decision, decision=DecisionKind.HOLD, action=promotion.wait, reasons=(promotion.reason,))
    return decision, plan_steps(decision, config, found.audit, found.canary, found.experiments)


def _validate(
    config: Config,
    world: World,
    found: Found,
    engine: Engine,
    audited: Audit,
    promotion: earlier.Promotion | None,
) -> None:
    """Steps 2 and 3, in order; step 3 is skipped where the canary rolls back."""
    from coordinator.experiment import judge_experiment  # noqa: PLC0415

    if promotion:
        canary = promotion.canary
        found.sources += (promotion.source,)
    else:
        cells = engine.canary_cells()
        _keep(found, engine, cells)
        canary = _judged(cells, config, _looks(config, world, found))
    found.canary = canary
    if canary.verdict is CanaryVerdict.ROLLBACK:
        return
    results = []
    for experiment in config.experiments:
        cells = engine.experiment_cells(experiment.id)
        _keep(found, engine, cells)
        results.append(judge_experiment(cells, config, experiment.id, audited, now=world.now))
    found.experiments = tuple(results)
    if config.report.exclusions:
        directory = world.workspace / config.report.directory
        directory.mkdir(parents=True, exist_ok=True)
        engine.write_exclusions(directory / "exclusions.txt")


def _judged(cells: Cells, config: Config, looks: int | None) -> CanaryResult:
    """The canary by the judge that the config names."""
    if config.canary.judge == "kayenta":
        from coordinator.kayenta import judge_kayenta  # noqa: PLC0415

        return judge_kayenta(cells, config)
    from coordinator.canary import judge_canary  # noqa: PLC0415 - only when it is reached

    return judge_canary(cells, config, looks=looks)


def _refuse(config: Config) -> None:
    if config.mode != "gate":
        what = "runs as the action on GitHub only" if config.mode == "publish" else "is not in this version"
        raise InputError.of("mode", f"mode `{config.mode}` {what}", fix="Leave `mode` out, or set it to `gate`.")
    if config.step == "both":
        raise RefusedError.of(
            "atomic_promote_and_ship",
            "`step: both` asks to promote the canary and to ship the variant in one step; two causes merged into one "
            "make a later regression unattributable",
            fix="Run the gate with `step: canary` first, and with `step: experiment` one observation window later.",
        )


def _looks(config: Config, world: World, found: Found) -> int | None:
    window = found.windows.get("canary")
    open_window = window is not None and world.now < window.end
    return earlier.looks(config, world.workspace, found.sources, many=world.scheduled or open_window)


def _keep(found: Found, engine: Engine, cells: Cells) -> None:
    found.sources = engine.sources
    found.warnings = engine.warnings
    found.notes = tuple(dict.fromkeys(found.notes + engine.notes))
    found.windows |= cells.windows


# ---------------------------------------------------------------- the exit code


def _may_proceed(config: Config, decision: Decision, found: Found) -> bool:
    """Whether the job that ``step`` names may act; without ``step`` whether the decision is ``promote``."""
    if decision.decision is not DecisionKind.PROMOTE:
        return False
    if config.step == "experiment":
        return bool(found.experiments) and all(
            result.verdict is ExperimentVerdict.SHIP for result in found.experiments or ()
        )
    return True


def _exit_code(config: Config, decision: Decision, found: Found, *, may_proceed: bool, audit_only: bool) -> ExitCode:
    audit, canary = found.audit, found.canary
    verdicts = {result.verdict for result in found.experiments or ()}
    happened = {
        "contaminated": audit is not None and audit.verdict is AuditVerdict.CONTAMINATED,
        "rollback": decision.decision is DecisionKind.ROLLBACK,
        "inconclusive": audit is not None and audit.verdict is AuditVerdict.INCONCLUSIVE,
        "pause": canary is not None and canary.verdict is CanaryVerdict.PAUSE,
        "hold": decision.decision is DecisionKind.HOLD and not audit_only,
        "mixed": ExperimentVerdict.MIXED in verdicts,
        "dont-ship": ExperimentVerdict.DONT_SHIP in verdicts,
    }
    failing = {"contaminated", "rollback", *config.fail_on}
    closed = any(happened[name] for name in failing)
    return ExitCode.CLOSED if closed or (config.step is not None and not may_proceed) else ExitCode.OPEN


# ---------------------------------------------------------------- a whole run


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's report; ``abrupt`` where it was cut off and a query may still be running in its thread.

    ``received``: another run's report, to be posted; its decision and exit code are not this run's.
    """

    report: Report
    config: Config | None
    abrupt: bool = False
    fault: GateError | None = None
    received: bool = False


def execute(
    load: Callable[[], Config], world: World, *, audit_only: bool = False, github: GitHubContext | None = None
) -> Outcome:
    """Load the config and run the gate under its time limit, stopping at once on a signal. Never raises.

    Args:
        load: gives the config, or raises GateError with everything that is wrong with it.
        world: the workspace and the clock.
        audit_only: stop after step 1.
        github: the run on GitHub, for ``mode: publish``.
    """
    config: Config | None = None
    try:
        config = supervise(load, seconds=_LOAD_SECONDS)
        if config.mode == "publish" and github is not None:
            from coordinator.publish import received  # noqa: PLC0415 - PyGithub is only loaded to post

            take = partial(received, config, world.workspace, github)
            return Outcome(supervise(take, seconds=_LOAD_SECONDS), config, received=True)
        run = partial(run_gate, config, world, audit_only=audit_only)
        return Outcome(supervise(run, seconds=config.limits.run.total_seconds()), config)
    except (CancelledError, ResourceError) as error:
        return Outcome(failed(error, world.now, config), config, abrupt=True, fault=error)
    except GateError as error:
        return Outcome(failed(error, world.now, config), config, fault=error)
    except Exception as error:  # noqa: BLE001 - no traceback in a user's face
        return Outcome(failed(internal(error), world.now, config), config, fault=internal(error))


def main_action() -> int:
    """Run as the action: inputs and event in; files, outputs, summary and posts out.

    Returns:
        The exit code. After a cancel or a time-out the process ends here instead, with that code.
    """
    from coordinator.deliver import Delivery  # noqa: PLC0415 - keeps `import coordinator.gate` light
    from coordinator.inputs import read_inputs  # noqa: PLC0415

    inputs = read_inputs()
    delivery = Delivery(inputs)
    scheduled = inputs.github is not None and inputs.github.event_name == "schedule"
    world = World(inputs.workspace, datetime.now(UTC), inputs.temp_dir, delivery.progress, scheduled)
    load = partial(load_config, inputs.config_path, inputs.given, workspace=inputs.workspace)
    outcome = execute(load, world, github=inputs.github)
    report, abrupt = outcome.report, outcome.abrupt
    if outcome.fault:
        delivery.traceback(outcome.fault)
    try:
        finish = partial(delivery.finish, report, outcome.config, post=not abrupt)
        if outcome.received and outcome.config:
            finish = partial(delivery.relay, report, outcome.config)
        supervise(finish, seconds=_DELIVERY_SECONDS)
    except GateError as error:
        report, abrupt = failed(error, world.now, outcome.config), True
        outcome = replace(outcome, received=False)
        delivery.finish(report, outcome.config, post=False)
    if abrupt:
        delivery.leave(report.exit_code)
    return int(ExitCode.OPEN) if outcome.received else report.exit_code
