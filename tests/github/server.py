"""The HTTP side of the fake: reads requests, checks them and their answers, plays faults, cuts lists into pages."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.github import contract
from tests.github.wire import Call, RefusalError

if TYPE_CHECKING:
    from tests.github.fake import FakeGitHub


class Handler(BaseHTTPRequestHandler):
    github: FakeGitHub

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the base class looks for these names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        pass

    def _serve(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        token = (self.headers.get("Authorization") or "").rpartition(" ")[2]
        path = parts.path.removeprefix(self.github.prefix)
        if not parts.path.startswith(self.github.prefix):
            path = "/outside-the-prefix"
        call = Call(self.command, path, dict(parse_qsl(parts.query)), json.loads(data) if data else {}, token)
        with self.github.lock:
            self.github.before(call)
            self.github.calls.append(call)
            fault = self.github.fault(call)
        if fault:
            time.sleep(fault.delay)
        with self.github.lock:
            if fault is None or fault.effect or fault.delay:
                status, content = self._checked(call, data)
        if fault is None or (fault.delay and not fault.effect):
            self._send(call, status, content)
        elif fault.cut:
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._write(fault.status, {"message": fault.message}, fault.headers)

    def _checked(self, call: Call, data: bytes) -> tuple[int, Any]:
        asked = contract.request(call.verb, call.path, call.query, data)
        problem = contract.request_problem(asked)
        try:
            status, content = (422, {"message": problem}) if problem else self.github.answer(call)
        except RefusalError as refusal:
            status, content = refusal.status, {"message": refusal.message, "documentation_url": "https://example.org"}
        body = json.dumps(content).encode() if content is not None else b""
        problem = problem or contract.answer_problem(asked, status, body)
        if problem:
            self.github.violations.append(problem)
        return status, content

    def _send(self, call: Call, status: int, content: Any) -> None:
        headers = {}
        if isinstance(content, list):
            size, page = int(call.query.get("per_page", 30)), int(call.query.get("page", 1))
            if len(content) > size * page:
                query = urlencode({**call.query, "page": page + 1})
                headers["Link"] = f'<{self.github.url}{call.path}?{query}>; rel="next"'
            content = content[size * (page - 1) : size * page]
        self._write(status, content, headers)

    def _write(self, status: int, content: Any, headers: dict[str, str]) -> None:
        body = json.dumps(content).encode() if content is not None else b""
        self.send_response_only(status)
        usual = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Date": self.date_time_string()}
        for name, value in (usual | headers).items():
            self.send_header(name, value)
        with suppress(ConnectionError):  # a cancelled run no longer listens
            self.end_headers()
            self.wfile.write(body)
