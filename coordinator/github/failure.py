"""Why a call to GitHub failed. Posting never decides the gate, so this is no ``GateError`` and has no exit code."""

from __future__ import annotations


class GitHubError(Exception):
    """A call that failed for good, or that may be tried again.

    Attributes:
        message: what happened, in one sentence without a full stop.
        status: the HTTP status; None where no answer came.
        wait: seconds that GitHub asks to wait; None where it asks for nothing.
        again: whether another try can help.
        uncertain: whether the call may have taken effect all the same.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        *,
        wait: float | None = None,
        again: bool = False,
        uncertain: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.wait = wait
        self.again = again
        self.uncertain = uncertain

    @property
    def refused(self) -> bool:
        """Whether the token lacks a permission. GitHub answers 404 where it may not even tell that a thing exists."""
        if self.wait is not None or "locked" in self.message.lower():
            return False
        return self.status in {403, 404}


def answer_error(status: int, headers: dict[str, str], message: str) -> GitHubError:
    """The error of an answer that is not a success.

    Args:
        status: the HTTP status, 300 or more.
        headers: the answer's headers, names in lower case.
        message: GitHub's own words.

    Returns:
        The error; a rate limit has ``wait`` set, a fault of the server may be tried again.
    """
    text = f"GitHub answered {status}" + (f": {message}" if message else "")
    if status in {403, 429}:
        wait = _rate_limit_wait(status, headers, message)
        return GitHubError(text, status, wait=wait, again=wait is not None)
    fault = status >= 500 or status == 408
    after = headers.get("retry-after", "")
    return GitHubError(text, status, wait=float(after) if after.isdigit() else None, again=fault, uncertain=fault)


def _rate_limit_wait(status: int, headers: dict[str, str], message: str) -> float | None:
    """Seconds to wait; None for a 403 that is no rate limit. The server's own clock counts, not this machine's."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - only an error needs it

    after = headers.get("retry-after", "")
    if after.isdigit():
        return float(after)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        try:
            now = parsedate_to_datetime(headers.get("date", "")).timestamp()
        except ValueError:
            return 60.0
        return max(float(reset) - now, 0.0) + 1
    limited = status == 429 or "rate limit" in message.lower()
    return 60.0 if limited else None
