"""The canary's observation window: how long it was to be, and why it allows no promote. Pure."""

from __future__ import annotations

from datetime import timedelta

from coordinator import wording as fmt
from coordinator.config import Config
from coordinator.model import Reason, Window

DEFAULT_MINUTES = 30.0
SLACK = 0.99  # a window counted in whole intervals may end a moment early
_SMOKE_MINUTES, _LEAST_MINUTES = 5, 15


def planned_minutes(config: Config) -> float:
    """How long ``canary.window`` asks to watch, in minutes."""
    window = config.canary.window
    length = window if isinstance(window, timedelta) else window.end - window.start
    return length.total_seconds() / 60 or DEFAULT_MINUTES


def window_reason(window: Window | None, planned: float) -> Reason | None:
    """Why the window allows no promote; None if it does.

    Args:
        window: what the data covers; None where it does not say.
        planned: minutes that were asked for.
    """
    if window is None:
        text = "The data does not say which window it covers; give `window: {start, end}` in it or in the config."
        return Reason("window_unknown", text)
    length = fmt.minutes(window.minutes)
    if window.minutes < _LEAST_MINUTES * SLACK:
        word = " is a smoke check and" if window.minutes <= _SMOKE_MINUTES else ""
        text = f"A window of {length}{word} never promotes: below 15 minutes nothing is promoted."
        return Reason("window_short", text)
    if window.minutes < planned * SLACK:
        text = f"The data covers {length} of the {fmt.minutes(planned)} that `canary.window` asks for."
        return Reason("window_open", text)
    return None
