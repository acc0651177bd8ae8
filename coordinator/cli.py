"""The command line: ``python -m coordinator``. The same program as the action, without GitHub."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator import __version__
from coordinator.errors import CancelledError, GateError, InputError, RefusedError, combine, describe, internal
from coordinator.inputs import INPUTS
from coordinator.model import ExitCode, Problem

if TYPE_CHECKING:
    from coordinator.config import Config
    from coordinator.model import Report

_ABOUT = """\
A release gate for a canary deploy and A/B experiments that run at the same time.

It audits first whether the two assignments of users are independent, then judges the canary, then the
experiment, and joins the verdicts into one decision: promote, hold or rollback.
"""
_EXIT_CODES = """\
exit codes:
  0  the gate is open
  1  the gate is closed: contaminated, rollback, or whatever --fail-on or --step adds
  2  refused: input is missing, invalid or contradictory
  3  could not finish: a source was out of reach, a file damaged, time or memory ran out

examples:
  python -m coordinator demo                      make a realistic release and run the gate on it
  python -m coordinator gate --config release.yml
  python -m coordinator validate                  check release.yml and its files, run nothing
  python -m coordinator explain                   how the last verdict came about, and what would change it
  python -m coordinator gate --canary-sha 9f3c2ab --canary-share 5% ...    without a config file
"""
_EXAMPLES = {
    "gate": """\
  python -m coordinator gate                      release.yml of this folder
  python -m coordinator gate --step canary        exit 0 only if the canary may be promoted now
  python -m coordinator gate --json > report.json""",
    "audit": """\
  python -m coordinator audit                     needs the two logs alone: no metrics, thresholds or data
  python -m coordinator audit --audit-rule threshold""",
    "validate": """\
  python -m coordinator validate                  before you commit a change of release.yml""",
    "schema": """\
  python -m coordinator schema > release.schema.json
  first line of release.yml:  # yaml-language-server: $schema=release.schema.json""",
    "explain": """\
  python -m coordinator explain                   of release-gate/report.json
  python -m coordinator explain report.json --metric error_rate""",
    "demo": """\
  python -m coordinator demo --scenario contaminated
  python -m coordinator demo --directory /tmp/demo --units 50000""",
}
_NOT_FLAGS = {
    "config",
    "github-token",
    "mode",
    "dry-run",
    "post-to",
    "comment",
    "report",
}  # they mean nothing on a laptop


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after the program's name; the process's own without it.

    Returns:
        The exit code of the contract, section 3.
    """
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except GateError as error:
        return _failed(error)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - so that the exit does not flush into it
        return 0
    except KeyboardInterrupt:
        return _failed(CancelledError([Problem("cancelled", "cancelled")], ExitCode.INTERRUPTED))
    except Exception as error:  # noqa: BLE001 - no traceback in a user's face
        return _failed(internal(error))


def _failed(error: GateError) -> int:
    _clear_progress()
    for problem in error.problems:
        _say(f"error: {describe(problem)}")
    return int(error.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m coordinator",
        description=_ABOUT,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    gate = _command(commands, "gate", _gate, "run all steps: audit, canary, experiments, decision, report")
    _release_flags(gate)
    gate.add_argument("--json", action="store_true", help="print report.json instead of the report for people")
    audit = _command(commands, "audit", _audit, "step 1 alone: are the two assignments independent?")
    _release_flags(audit)
    audit.add_argument("--json", action="store_true", help="print report.json instead of the report for people")
    validate = _command(commands, "validate", _validate, "check the config and every file it names; run nothing")
    _release_flags(validate)
    _command(commands, "schema", _schema, "print the JSON Schema of release.yml, for editors")
    explain = _command(commands, "explain", _explain, "say how a verdict came about, and what would change it")
    explain.add_argument(
        "report",
        nargs="?",
        type=Path,
        default=Path("release-gate/report.json"),
        metavar="REPORT",
        help="a report.json (default: release-gate/report.json)",
    )
    explain.add_argument("--metric", metavar="NAME", help="tell only the path of this metric")
    demo = _command(commands, "demo", _demo, "make a realistic release and run the gate on it")
    demo.add_argument("--scenario", choices=("promote", "contaminated", "rollback"), default="promote")
    demo.add_argument("--directory", type=Path, default=Path("demo"), help="where to make it (default: demo)")
    demo.add_argument("--units", type=int, default=200_000, help="how many users (default: 200000)")
    demo.add_argument("--seed", type=int, default=7, help="the same seed makes the same release (default: 7)")
    return parser


def _command(commands: argparse._SubParsersAction, name: str, run: object, text: str) -> argparse.ArgumentParser:  # type: ignore[type-arg] # argparse has no public name for it
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"{_EXIT_CODES.split(chr(10) * 2, maxsplit=1)[0]}\n\nexamples:\n{_EXAMPLES[name]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


def _release_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, help="the release config (default: release.yml, where it is there)")
    parser.add_argument("--workspace", type=Path, default=Path(), help="folder that paths are relative to (default: .)")
    group = parser.add_argument_group("inputs", "each wins over the config; the names are those of the action")
    for name, text in INPUTS.items():
        if name not in _NOT_FLAGS:
            group.add_argument(f"--{name}", metavar="TEXT", help=text.replace("%", "%%"))


def _gate(arguments: argparse.Namespace) -> int:
    return _run(arguments, audit_only=False)


def _audit(arguments: argparse.Namespace) -> int:
    return _run(arguments, audit_only=True)


def _run(arguments: argparse.Namespace, *, audit_only: bool) -> int:
    from coordinator.deliver import leave, write_files  # noqa: PLC0415 - `--help` must not pay for it
    from coordinator.gate import execute  # noqa: PLC0415
    from coordinator.world import World  # noqa: PLC0415

    workspace = _workspace(arguments)
    world = World(workspace, datetime.now(UTC), progress=_progress)
    outcome = execute(partial(_load, arguments, audit_only=audit_only), world, audit_only=audit_only)
    _clear_progress()
    report = outcome.report
    files = _written(partial(write_files, report, outcome.config, workspace))
    if arguments.json and files:
        sys.stdout.write((workspace / files["report-json"]).read_text(encoding="utf-8"))
        for problem in report.errors:
            _say(f"error: {describe(problem)}")
    else:
        _show(report, {name: path for name, path in files.items() if path})
    if not files:
        return max(report.exit_code, int(ExitCode.UNFINISHED))
    if outcome.abrupt:
        leave(report.exit_code)
    return report.exit_code


def _written(write: Callable[[], dict[str, str]]) -> dict[str, str]:
    """The files of the report; none where the folder cannot be written to, which the terminal then says."""
    try:
        return write()
    except OSError as error:
        _say(f"error: the report could not be written: {error.strerror or type(error).__name__}. Check the disk.")
        return {}


def _workspace(arguments: argparse.Namespace) -> Path:
    workspace: Path = arguments.workspace.resolve()
    if not workspace.is_dir():
        raise InputError.of("no_workspace", f"`--workspace`: there is no folder `{arguments.workspace}`")
    return workspace


def _load(arguments: argparse.Namespace, *, audit_only: bool = False) -> Config:
    from coordinator.loader import load_config  # noqa: PLC0415

    given = {name: getattr(arguments, name.replace("-", "_"), None) for name in INPUTS if name not in _NOT_FLAGS}
    overrides = {name: value for name, value in given.items() if value is not None}
    return load_config(arguments.config, overrides, workspace=_workspace(arguments), audit_only=audit_only)


def _validate(arguments: argparse.Namespace) -> int:
    from coordinator.audit import routing_units_match  # noqa: PLC0415
    from coordinator.engine import open_engine  # noqa: PLC0415

    config = _load(arguments)
    problems = routing_units_match(config)
    if problems:
        raise RefusedError(problems)
    engine = open_engine(config, workspace=_workspace(arguments), progress=_progress)
    reads = [engine.audit_cells, *([] if config.step == "experiment" else [engine.canary_cells])]
    reads += [partial(engine.experiment_cells, experiment.id) for experiment in config.experiments]
    try:
        error = combine(error for read in reads if (error := _fault(read)) is not None)
        if error:
            raise error
        records, warnings = engine.sources, (*config.notes, *engine.notes, *engine.warnings)
    finally:
        engine.close()
    _clear_progress()
    for record in records:
        _print(f"ok: {record.role}: {record.uri} ({record.rows:,} rows)" if record.rows else f"ok: {record.role}")
    for warning in warnings:
        _print(f"note: {warning}")
    _print("The config and every file it names can be read. Nothing was judged.")
    return 0


def _fault(read: Callable[[], object]) -> GateError | None:
    try:
        read()
    except GateError as error:
        return error
    return None


def _schema(_arguments: argparse.Namespace) -> int:
    from coordinator.schema import schema_text  # noqa: PLC0415

    sys.stdout.write(schema_text())
    return 0


def _explain(arguments: argparse.Namespace) -> int:
    from coordinator.explain import explain  # noqa: PLC0415
    from coordinator.explain_fit import read_json  # noqa: PLC0415

    sys.stdout.write(explain(read_json(arguments.report), arguments.metric, file=str(arguments.report)))
    return 0


def _demo(arguments: argparse.Namespace) -> int:
    from coordinator.demo import make_release  # noqa: PLC0415

    release = make_release(arguments.directory, arguments.scenario, units=arguments.units, seed=arguments.seed)
    _print(f"Made a release of {arguments.units:,} users in {release.parent} (scenario: {arguments.scenario}).\n")
    return main(["gate", "--workspace", str(release.parent), "--config", str(release)])


def _show(report: Report, files: Mapping[str, str]) -> None:
    from coordinator.report.text import render_text  # noqa: PLC0415

    _print(render_text(report))
    if files:
        _print("Files: " + ", ".join(files.values()))


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


def _clear_progress() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
