"""Runs the work in a thread, so that a signal or the time limit ends the run at once, whatever the engine does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

from coordinator.errors import CancelledError, ResourceError
from coordinator.model import ExitCode, Problem

T = TypeVar("T")
_POLL_SECONDS = 0.2
_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


def supervise(work: Callable[[], T], *, seconds: float) -> T:
    """What ``work`` returns; its own exception where it raises one.

    As PID 1 of a container Python ignores SIGTERM without a handler, and a query in C keeps the main thread from
    seeing a signal: so the work runs in a daemon thread and the main thread only waits.

    Args:
        work: the work, without arguments.
        seconds: the time limit.

    Raises:
        CancelledError: on SIGINT (exit 130) or SIGTERM (exit 143).
        ResourceError: after ``seconds``.
    """
    done = threading.Event()
    results: list[T] = []
    faults: list[BaseException] = []
    stopped: list[int] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as fault:  # noqa: BLE001 - it is raised again in the main thread
            faults.append(fault)
        finally:
            done.set()

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)
        done.set()

    before = {number: signal.signal(number, stop) for number in _CODES}
    try:
        threading.Thread(target=run, name="gate", daemon=True).start()
        waited = 0.0
        while not done.wait(_POLL_SECONDS) and waited < seconds:
            waited += _POLL_SECONDS
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stopped:
        name = signal.Signals(stopped[0]).name
        problem = Problem("cancelled", f"the run was cancelled ({name}); nothing was decided")
        raise CancelledError([problem], _CODES[signal.Signals(stopped[0])])
    if faults:
        raise faults[0]
    if not results:
        raise ResourceError.of(
            "time_limit",
            f"the run did not finish within {seconds:g} seconds",
            fix="Set `limits: {run: ...}` higher, use `memory-limit` and `threads`, or give it less data.",
        )
    return results[0]
