"""The hidden last line of our comments: which release and which run they are of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from coordinator.config import Config
from coordinator.github.event import Target
from coordinator.inputs import GitHubContext

COMMENT_CHARACTERS = 65_536  # GitHub's limit of a comment's body
_NAME = "canary-experiment-coordinator"
_LINE = re.compile(
    rf"<!-- {_NAME} v=1 key=([0-9a-f]{{16}}) run=([0-9]{{1,20}})\.([0-9]{{1,6}}) sha=([0-9a-f]{{0,40}}) -->"
)


@dataclass(frozen=True, slots=True)
class Marker:
    r"""A release's key, and the run that wrote the comment.

    Attributes:
        key: equal for all reports of one release.
        run: id and attempt; a newer run has a greater one.
        sha: the commit that the report is of.

    Example:
        >>> marker = Marker("0123456789abcdef", (12, 1), "9f3c2ab")
        >>> marker.line
        '<!-- canary-experiment-coordinator v=1 key=0123456789abcdef run=12.1 sha=9f3c2ab -->'
        >>> read(f"text\n\n{marker.line}\n") == marker
        True
    """

    key: str
    run: tuple[int, int]
    sha: str

    @property
    def line(self) -> str:
        """The hidden line."""
        return f"<!-- {_NAME} v=1 key={self.key} run={self.run[0]}.{self.run[1]} sha={self.sha} -->"


def marker_of(context: GitHubContext, config: Config, target: Target) -> Marker:
    """The marker of this run's comments.

    Args:
        context: gives the run.
        config: the key is made of the experiments and the input `environment`, so two gates on one page do not meet.
        target: gives the commit.
    """
    names = [config.environment or "", *sorted(experiment.id for experiment in config.experiments)]
    key = hashlib.sha256("\n".join(names).encode("utf-8", "replace")).hexdigest()[:16]
    sha = target.sha if re.fullmatch(r"[0-9a-f]{7,40}", target.sha) else ""
    return Marker(key, (context.run_id, context.run_attempt), sha)


def read(body: str) -> Marker | None:
    """The marker of a comment; None where its last line is none.

    Args:
        body: the whole comment. A marker that is quoted higher up does not count.
    """
    lines = body.rstrip().splitlines()
    match = _LINE.fullmatch(lines[-1].strip()) if lines else None
    return Marker(match[1], (int(match[2]), int(match[3])), match[4]) if match else None


def sign(body: str, marker: Marker) -> str:
    """The comment with its marker, within GitHub's limit: the marker stays whole, whatever the body's length.

    Args:
        body: the report as Markdown.
        marker: of this run.
    """
    room = COMMENT_CHARACTERS - len(marker.line) - 3
    return f"{body.rstrip()[:room]}\n\n{marker.line}\n"


def unsigned(body: str) -> str:
    """The comment without its marker.

    Args:
        body: a comment of ours.
    """
    lines = body.rstrip().splitlines()
    return "\n".join(lines[:-1] if read(body) else lines).rstrip()
