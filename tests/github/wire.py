"""What passes between a test and the fake: calls, faults, refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Fault:
    """What goes wrong with the next request that fits, once.

    ``effect``: the request is done before it fails. ``cut``: no answer at all.
    """

    status: int = 502
    verb: str = ""
    path: str = ""
    message: str = "Bad gateway"
    headers: dict[str, str] = field(default_factory=dict)
    effect: bool = False
    cut: bool = False
    delay: float = 0.0


@dataclass
class Call:
    """One request that arrived."""

    verb: str
    path: str
    query: dict[str, str]
    body: Json
    token: str


class RefusalError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
