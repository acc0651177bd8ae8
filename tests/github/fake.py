"""A stateful GitHub on loopback: permissions, pages, limits, faults. GitHub's description checks every call."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from tests.github import contract
from tests.github.server import Handler
from tests.github.wire import Call, Fault, Json, RefusalError

REPOSITORY = "octo/shop"
BOT = ("github-actions[bot]", "Bot")


class FakeGitHub:
    """One repository. A with-block starts and stops the server."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.token = "ghs_test"
        self.identity = BOT
        self.permissions = {"pull-requests": "write", "contents": "write", "deployments": "write"}
        self.comments: dict[str, list[Json]] = {}  # "issues/12" or "commits/<sha>" -> comments
        self.pulls: list[Json] = []
        self.commits: list[str] = []
        self.deployments: list[Json] = []
        self.statuses: dict[int, list[Json]] = {}
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.before: Callable[[Call], None] = lambda _call: None  # another run, doing something in between
        self.lock = threading.RLock()
        self._last_id = 100
        fake = self

        class Own(Handler):
            github = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{self.prefix}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # ------------------------------------------------------------ state, for tests

    def number(self) -> int:
        """A new id."""
        self._last_id += 1
        return self._last_id

    def comment(self, place: str, body: str, author: tuple[str, str] = BOT) -> Json:
        """Put a comment on ``issues/<number>`` or ``commits/<sha>``, whoever its author is."""
        number = self.number()
        values: Json = {"id": number, "body": body, "user": user(*author)}
        values["html_url"] = f"https://github.com/{REPOSITORY}/{place}#comment-{number}"
        if place.startswith("commits/"):
            made = contract.example("commit-comment", commit_id=place.partition("/")[2], **values)
        else:
            made = contract.example("issue-comment", **values)
        self.comments.setdefault(place, []).append(made)
        return made

    def pull(self, number: int, sha: str, **values: Any) -> Json:
        """Add a pull request whose head is ``sha``."""
        made = contract.example("pull-request-simple", number=number, state="open", merge_commit_sha=None) | values
        made["user"] = user("dev", "User")
        base = contract.example("repository", full_name=values.get("base_repository", REPOSITORY))
        base["owner"] = user("octo", "Organization")
        made["head"] = {"label": "octo:topic", "ref": "topic", "repo": base, "user": None, "sha": sha}
        made["base"] = {"label": "octo:main", "ref": "main", "repo": base, "user": None, "sha": "b" * 40}
        made.pop("base_repository", None)
        self.pulls.append(made)
        return made

    def deployment(self, sha: str, environment: str, created_at: str = "2026-05-05T14:00:00Z") -> int:
        """Add a deployment and return its id."""
        number = self.number()
        made = contract.example("deployment", id=number, sha=sha, environment=environment, created_at=created_at)
        self.deployments.append(made | {"creator": None, "payload": {}})
        self.statuses[number] = []
        return number

    def bodies(self, place: str) -> list[str]:
        """The comments of a place."""
        return [item["body"] for item in self.comments.get(place, [])]

    def count(self, verb: str) -> int:
        """How many requests of a verb arrived."""
        return sum(call.verb == verb for call in self.calls)

    # ------------------------------------------------------------ answers

    def fault(self, call: Call) -> Fault | None:
        """The first fault that fits a request; it is used up."""
        for fault in self.faults:
            if fault.verb in {"", call.verb} and fault.path in call.path:
                self.faults.remove(fault)
                return fault
        return None

    def answer(self, call: Call) -> tuple[int, Any]:
        """Do what a request asks for: status and content."""
        if call.token != self.token:
            raise RefusalError(401, "Bad credentials")
        if call.path == "/user":
            if self.identity[1] == "Bot":
                raise RefusalError(403, "Resource not accessible by integration")
            return 200, contract.example("public-user", login=self.identity[0], type="User", user_view_type="public")
        path = call.path.removeprefix(f"/repos/{REPOSITORY}/")
        if path == call.path:
            raise RefusalError(404, "Not Found")
        for pattern, permission, handle in _ROUTES:
            if match := re.fullmatch(pattern, path):
                self._require(permission, call.verb, path)
                return handle(self, call, *map(unquote, match.groups()))
        raise RefusalError(404, "Not Found")

    def _require(self, permission: str, verb: str, path: str) -> None:
        has = self.permissions.get(permission)
        creates_commit_comment = verb == "POST" and path.startswith("commits/")  # reading is enough for that
        if has is None or (has == "read" and verb != "GET" and not creates_commit_comment):
            raise RefusalError(403, "Resource not accessible by integration")

    def _listing(self, call: Call, place: str) -> tuple[int, Any]:
        if call.verb == "GET":
            return 200, self.comments.get(place, [])
        _limit(call.body["body"], 65_536, "Body is too long (maximum is 65536 characters)")
        return 201, self.comment(place, call.body["body"], self.identity)

    def _issue_comments(self, call: Call, number: str) -> tuple[int, Any]:
        return self._listing(call, f"issues/{number}")

    def _commit_comments(self, call: Call, sha: str) -> tuple[int, Any]:
        return self._listing(call, f"commits/{sha}")

    def _issue_comment(self, call: Call, number: str) -> tuple[int, Any]:
        return self._single(call, "issues/", int(number))

    def _commit_comment(self, call: Call, number: str) -> tuple[int, Any]:
        return self._single(call, "commits/", int(number))

    def _single(self, call: Call, kind: str, number: int) -> tuple[int, Any]:
        for place, items in self.comments.items():
            for item in items:
                if place.startswith(kind) and item["id"] == number:
                    if call.verb == "DELETE":
                        items.remove(item)
                        return 204, None
                    _limit(call.body["body"], 65_536, "Body is too long (maximum is 65536 characters)")
                    item["body"] = call.body["body"]
                    return 200, item
        raise RefusalError(404, "Not Found")

    def _commit(self, call: Call, ref: str) -> tuple[int, Any]:
        for sha in self.commits:
            if sha.startswith(ref):
                return 200, contract.example("commit", sha=sha)
        raise RefusalError(422, f"No commit found for SHA: {ref}")

    def _commit_pulls(self, call: Call, sha: str) -> tuple[int, Any]:
        return 200, [item for item in self.pulls if sha in {item["head"]["sha"], item["merge_commit_sha"]}]

    def _pulls(self, call: Call) -> tuple[int, Any]:
        fits = [item for item in self.pulls if item["state"] == call.query.get("state", "open")]
        return 200, [item for item in fits if call.query.get("head", item["head"]["label"]) == item["head"]["label"]]

    def _deployments(self, call: Call) -> tuple[int, Any]:
        fits = self.deployments
        for key in ("sha", "environment"):
            fits = [item for item in fits if call.query.get(key, item[key]) == item[key]]
        return 200, fits[::-1]

    def _statuses(self, call: Call, number: str) -> tuple[int, Any]:
        if int(number) not in self.statuses:
            raise RefusalError(404, "Not Found")
        items = self.statuses[int(number)]
        if call.verb == "GET":
            return 200, items[::-1]
        _limit(call.body.get("description", ""), 140, "description is too long (maximum is 140 characters)")
        values = {key: call.body[key] for key in ("state", "description", "target_url", "log_url") if key in call.body}
        items.append(contract.example("deployment-status", id=self.number(), creator=None) | values)
        return 201, items[-1]


_ROUTES: list[tuple[str, str, Callable[..., tuple[int, Any]]]] = [
    (r"issues/(\d+)/comments", "pull-requests", FakeGitHub._issue_comments),
    (r"issues/comments/(\d+)", "pull-requests", FakeGitHub._issue_comment),
    (r"commits/([^/]+)/comments", "contents", FakeGitHub._commit_comments),
    (r"comments/(\d+)", "contents", FakeGitHub._commit_comment),
    (r"commits/([^/]+)/pulls", "pull-requests", FakeGitHub._commit_pulls),
    (r"commits/([^/]+)", "contents", FakeGitHub._commit),
    (r"pulls", "pull-requests", FakeGitHub._pulls),
    (r"deployments", "deployments", FakeGitHub._deployments),
    (r"deployments/(\d+)/statuses", "deployments", FakeGitHub._statuses),
]


def user(login: str, kind: str) -> Json:
    """A user as comments show it."""
    return contract.example("simple-user", login=login, type=kind)


def _limit(text: str, most: int, message: str) -> None:
    if len(text) > most:
        raise RefusalError(422, message)
