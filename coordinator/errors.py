"""What can go wrong, one tree: every class has its exit code and says what, where, and what to do.

Verdicts are values, not errors: only a refusal, a fault or a cancel is raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from coordinator.model import DecisionKind, ExitCode, Problem


class GateError(Exception):
    """A problem, or several found together, that end the run.

    Example:
        >>> InputError.of("no_rows", "the file is empty", file="a.csv", fix="export the log again").exit_code
        <ExitCode.REFUSED: 2>
    """

    exit_code: ExitCode = ExitCode.UNFINISHED
    decision: DecisionKind = DecisionKind.ERROR

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(describe(problem) for problem in self.problems))

    @classmethod
    def of(
        cls,
        code: str,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        fix: str | None = None,
    ) -> Self:
        """An error of this class with one problem."""
        return cls([Problem(code, message, file, line, column, fix)])


class InputError(GateError):
    """Missing, invalid or contradictory input: the gate refuses (exit 2)."""

    exit_code = ExitCode.REFUSED
    decision = DecisionKind.REFUSED


class RefusedError(GateError):
    """A rule of the gate forbids to go on: routing units differ, promote and ship in one step (exit 2)."""

    exit_code = ExitCode.REFUSED
    decision = DecisionKind.REFUSED


class SourceError(GateError):
    """A source was out of reach, or a file was damaged (exit 3)."""


class ResourceError(GateError):
    """Time, memory or disk ran out (exit 3)."""


class InternalError(GateError):
    """A fault of the gate itself (exit 3)."""


class CancelledError(GateError):
    """The run was cancelled by a signal (exit 130 or 143)."""

    def __init__(self, problems: Iterable[Problem], exit_code: ExitCode = ExitCode.TERMINATED) -> None:
        super().__init__(problems)
        self.exit_code = exit_code


def describe(problem: Problem) -> str:
    """Return one line for a log: ``file:line:column: message. Fix``.

    >>> describe(Problem("x", "unknown key 'shar'", "release.yml", 3, 5, "did you mean 'share'?"))
    "release.yml:3:5: unknown key 'shar'. did you mean 'share'?"
    """
    where = ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)
    text = problem.message if problem.fix is None else f"{problem.message.rstrip('.')}. {problem.fix}"
    return f"{where}: {text}" if where else text


def combine(errors: Iterable[GateError]) -> GateError | None:
    """All errors as one, of the gravest class; None without errors. A refusal outweighs a fault."""
    found = list(errors)
    if not found:
        return None
    gravest = next((e for e in found if e.exit_code == ExitCode.REFUSED), found[0])
    return type(gravest)(problem for error in found for problem in error.problems)


def internal(fault: BaseException) -> InternalError:
    """A fault of the gate itself as an error: what it was, without a traceback (the debug log has that)."""
    if isinstance(fault, MemoryError):
        problem = Problem("out_of_memory", "memory ran out", fix="Set `memory-limit` lower, or use a larger runner.")
    else:
        name = type(fault).__name__
        problem = Problem(
            "internal", f"the gate itself failed ({name})", fix="Run again with debug logging and report the traceback."
        )
    error = InternalError([problem])
    error.__cause__ = fault
    return error
