"""The work ends at once on a signal or at the time limit, and its own faults come through."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from coordinator.errors import CancelledError, ResourceError
from coordinator.model import ExitCode
from coordinator.supervise import supervise


def test_the_work_gives_its_result() -> None:
    assert supervise(lambda: 42, seconds=5) == 42


def test_a_fault_of_the_work_is_raised_as_it_is() -> None:
    def work() -> None:
        raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        supervise(work, seconds=5)


def test_the_time_limit_is_a_resource_error_that_says_what_to_set() -> None:
    release = threading.Event()
    with pytest.raises(ResourceError, match="limits") as caught:
        supervise(release.wait, seconds=0.1)
    release.set()
    assert caught.value.exit_code is ExitCode.UNFINISHED


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_a_signal_ends_the_run_at_once(number: signal.Signals, code: ExitCode) -> None:
    release = threading.Event()
    finished: list[bool] = []
    threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
    with pytest.raises(CancelledError) as caught:
        supervise(lambda: finished.append(release.wait(30)), seconds=60)
    assert not finished, "the run ended while the work was still going on"
    release.set()
    assert caught.value.exit_code is code
