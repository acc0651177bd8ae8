"""GitHub's REST API within one deadline: bounded retries, no POST sent twice blindly, all pages. Wraps PyGithub."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from coordinator.github.failure import GitHubError, answer_error
from coordinator.inputs import GitHubContext
from coordinator.report.escape import cut, plain

if TYPE_CHECKING:
    from github import Github

ATTEMPTS = 5
REQUEST_SECONDS = 10
PAGE = 100
MOST_PAGES = 100

Json = dict[str, Any]


class Client:
    """One repository's API for one run. Made by ``connect``; a with-block closes its connections.

    Example:
        >>> client = connect(GitHubContext(repository="o/r"), deadline_seconds=1, clock=float, sleep=print)
        >>> client.path("commits", "a b", "comments")
        '/repos/o/r/commits/a%20b/comments'
    """

    def __init__(
        self,
        context: GitHubContext,
        *,
        deadline_seconds: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.repository = context.repository
        self._api_url = context.api_url.rstrip("/")
        self._token = context.token
        self._seconds = deadline_seconds
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + deadline_seconds
        self._connections: dict[int, Github] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        while self._connections:
            self._connections.popitem()[1].close()

    @property
    def acts_as_app(self) -> bool:
        """Whether the token is an installation's, as ``github.token`` is: it has no user to ask for."""
        return self._token.startswith("ghs_")

    def path(self, *parts: str | int) -> str:
        """A path below the repository, each part quoted."""
        repository = quote(self.repository, safe="/")
        return "/".join([f"/repos/{repository}", *(quote(str(part), safe="") for part in parts)])

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """What one GET answers.

        Args:
            path: from ``path``, or an absolute one such as ``/user``.
            params: the query.

        Raises:
            GitHubError: no good answer came in time.
        """
        return self._send("GET", path, params=params)[1]

    def pages(self, path: str, params: Mapping[str, str | int] | None = None) -> Iterator[Json]:
        """All items of a list, page after page.

        Pages are counted here: a link of the answer is never followed, so the token goes to no other host.

        Args:
            path: of the list.
            params: the query, without ``page`` and ``per_page``.

        Raises:
            GitHubError: no good answer came in time, or it was no list.
        """
        for page in range(1, MOST_PAGES + 1):
            headers, items = self._send("GET", path, params={**(params or {}), "per_page": PAGE, "page": page})
            if not isinstance(items, list):
                raise GitHubError("GitHub's answer was no list")
            yield from (item for item in items if isinstance(item, dict))
            if 'rel="next"' not in headers.get("link", ""):
                return

    def patch(self, path: str, body: Json) -> Json:
        """Change one thing; sent again after a fault, since it does the same twice.

        Args:
            path: of the thing.
            body: the new values.

        Returns:
            The thing as it is now.

        Raises:
            GitHubError: no good answer came in time.
        """
        return _object(self._send("PATCH", path, body=body)[1])

    def delete(self, path: str) -> None:
        """Remove one thing; that it is gone already is fine.

        Args:
            path: of the thing.

        Raises:
            GitHubError: no good answer came in time.
        """
        try:
            self._send("DELETE", path)
        except GitHubError as error:
            if error.status not in {404, 410}:
                raise

    def post(self, path: str, body: Json, *, adopt: Callable[[], Json | None]) -> Json:
        """Create one thing, once. A fault may come after the effect: then the thing is looked for before another try.

        Args:
            path: of the list that gets the thing.
            body: its values.
            adopt: finds the thing where an earlier try has made it.

        Returns:
            The thing as GitHub has it.

        Raises:
            GitHubError: no good answer came in time.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _object(self._once("POST", path, None, body)[1])
            except GitHubError as error:
                late = self._pause(error, attempt)
                if error.uncertain and (found := adopt()) is not None:
                    return found
                if late or attempt == ATTEMPTS:
                    raise (late or error) from error
        raise AssertionError  # the last attempt returns or raises

    def _send(
        self, verb: str, path: str, *, params: Mapping[str, str | int] | None = None, body: Json | None = None
    ) -> tuple[dict[str, str], Any]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(verb, path, params, body)
            except GitHubError as error:
                if attempt == ATTEMPTS:
                    raise
                if late := self._pause(error, attempt):
                    raise late from error
        raise AssertionError  # the last attempt returns or raises

    def _pause(self, error: GitHubError, attempt: int) -> GitHubError | None:
        """Wait before another try; an error where none can help or the time does not allow it."""
        if not error.again:
            return error
        wait = float(2 ** (attempt - 1)) if error.wait is None else max(error.wait, 1.0)
        left = self._left()
        if wait >= left:
            why = f"the next try would be in {wait:.0f} s, and {left:.0f} s of {self._seconds:.0f} s are left to post"
            return GitHubError(f"{error.message}; {why}", error.status, wait=error.wait)
        self._sleep(wait)
        return None

    def _left(self) -> float:
        return max(self._end - self._clock(), 0.0)

    def _once(
        self, verb: str, path: str, params: Mapping[str, str | int] | None, body: Json | None
    ) -> tuple[dict[str, str], Any]:
        from requests import RequestException  # noqa: PLC0415 - only loaded to post

        left = self._left()
        if left <= 0:
            raise GitHubError(f"posting took longer than {self._seconds:.0f} s (`limits.posting`)")
        requester = self._connection(min(REQUEST_SECONDS, math.ceil(left))).requester
        headers = {"Accept": "application/vnd.github+json"}
        try:
            status, answer, text = requester.requestJson(verb, path, dict(params or {}), headers, body)
        except RequestException as error:
            why = f"GitHub could not be reached ({type(error).__name__})"
            raise GitHubError(why, again=True, uncertain=True) from error
        except (AssertionError, RuntimeError, ValueError) as error:  # PyGithub refuses a redirect to another host
            raise GitHubError(f"GitHub's answer could not be used ({type(error).__name__})") from error
        found = _parse(str(text))
        if status >= 300:
            message = found.get("message") if isinstance(found, dict) else None
            raise answer_error(status, answer, cut(plain(message), 200) if isinstance(message, str) else "")
        if found is None and verb != "DELETE":
            raise GitHubError(f"GitHub's answer ({status}) was no JSON", status, again=True, uncertain=True)
        return answer, found

    def _connection(self, timeout: int) -> Github:
        """PyGithub with that timeout; its own retries and waits are off, since they know no deadline."""
        if timeout not in self._connections:
            from github import Auth, Github  # noqa: PLC0415 - heavy, only loaded to post

            try:
                self._connections[timeout] = Github(
                    auth=Auth.Token(self._token),
                    base_url=self._api_url,
                    timeout=timeout,
                    per_page=PAGE,
                    retry=None,
                    seconds_between_requests=None,
                    seconds_between_writes=None,
                    user_agent="canary-experiment-coordinator",
                    lazy=True,
                )
            except (AssertionError, AttributeError, ValueError) as error:  # however PyGithub trips over it
                raise GitHubError(f"{cut(plain(self._api_url), 80)!r} is no address of GitHub's API") from error
        return self._connections[timeout]


def connect(
    context: GitHubContext,
    *,
    deadline_seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Client:
    """A client for the run's repository; nothing is sent yet.

    Args:
        context: address of the API (GitHub Enterprise Server has a path), repository and token.
        deadline_seconds: for all calls together, waits included; it runs from now.
        clock: seconds, from any start.
        sleep: waits for that many seconds.
    """
    return Client(context, deadline_seconds=deadline_seconds, clock=clock, sleep=sleep)


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _object(answer: Any) -> Json:
    if not isinstance(answer, dict):
        raise GitHubError("GitHub's answer was no object")
    return answer
