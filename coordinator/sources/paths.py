"""Paths and globs of the config made into files of the workspace; what is not a file here is refused with a reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from coordinator.errors import InputError
from coordinator.model import Problem
from coordinator.values import masked

_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]{1,30}):(?!\\)", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^/\s:]*:[^\s]*@|[?&;](?:password|passwd|pwd|secret|token|[^=&;]*key)=", re.IGNORECASE)
_DOCUMENTS = (".yml", ".yaml")
_GLOB = re.compile(r"[*?\[]")


def find_files(given: Sequence[str], workspace: Path, *, what: str, allow: Sequence[str] = ()) -> list[Path]:
    """The files that paths and globs name, sorted within a glob, each once.

    Args:
        given: paths relative to the workspace, or absolute inside it; globs allowed.
        workspace: the only folder that is read.
        what: what they are, for messages, such as ``the canary's log``.
        allow: further folders that may be read.

    Raises:
        InputError: with every entry that is a URI of another kind, holds a password, leads outside, is missing, is a
            folder or a glob without a match.
    """
    files: dict[Path, None] = {}
    problems: list[Problem] = []
    for entry in given:
        problem = refuse_uri(entry, what=what)
        if problem is None:
            try:
                found, problem = _expand(entry, workspace, what, allow)
                files.update(dict.fromkeys(found))
            except (OSError, ValueError, RuntimeError):  # too long, not allowed, a loop of links, no pattern
                shortened = entry if len(entry) <= 80 else entry[:77] + "..."
                problem = Problem("unreadable", f"{what}: found what is no path, expected one", shortened)
        if problem:
            problems.append(problem)
    if problems:
        raise InputError(problems)
    return list(files)


def refuse_uri(entry: str, *, what: str) -> Problem | None:
    """What is wrong with an entry that is no plain path, or None. A password is never repeated."""
    if _PASSWORD.search(entry):
        return Problem(
            "password_in_uri",
            f"{what} is a URI with a password in it",
            fix="Take the password out; credentials come from the environment alone.",
        )
    scheme = _SCHEME.match(entry)
    if scheme and scheme[1].lower() != "file":
        return Problem(
            "source_kind",
            f"{what} is a source of kind `{scheme[1]}:`, which this version does not read",
            masked(entry),
            fix="Bring it into the workspace by a step before the gate, and give its path.",
        )
    return None


def is_document(path: object, workspace: Path) -> bool:
    """Whether a data path is a YAML or JSON document, not rows: by its ending, JSON by how it begins.

    Args:
        path: a path of the config.
        workspace: the folder that it is relative to.
    """
    text: str = path if isinstance(path, str) else ""
    if text.lower().endswith(_DOCUMENTS):
        return True
    try:
        file = workspace / text
        if not text.lower().endswith(".json") or not file.is_file():
            return False
        with file.open("rb") as stream:
            lines = [line.strip() for line in stream.read(4096).splitlines() if line.strip(b"\xef\xbb\xbf \t")]
    except (OSError, ValueError):
        return False
    rows = len(lines) > 1 and lines[0].endswith(b"}") and lines[1].startswith(b"{")
    return bool(lines) and lines[0].removeprefix(b"\xef\xbb\xbf").startswith(b"{") and not rows


def inside(path: Path, workspace: Path, allow: Sequence[str] = ()) -> bool:
    """Whether the path, links followed, lies in the workspace or in an allowed folder."""
    real = path.resolve()
    return any(real.is_relative_to((workspace / root).resolve()) for root in ("", *allow))


def shown(path: Path, workspace: Path) -> str:
    """The path as people know it: relative to the workspace where it lies there.

    >>> shown(Path("/w/logs/a.csv"), Path("/w"))
    'logs/a.csv'
    """
    return path.relative_to(workspace).as_posix() if path.is_relative_to(workspace) else path.as_posix()


def _expand(entry: str, workspace: Path, what: str, allow: Sequence[str]) -> tuple[list[Path], Problem | None]:
    plain = entry.strip().removeprefix("file://")
    path = workspace / plain
    if not inside(_fixed(path), workspace, allow):
        if Path(plain).is_absolute() and not _fixed(path).exists():
            return [], _host_path(entry, what)
        fix = "Give a path inside the workspace, or name its folder in `limits: {allow_paths: [...]}`."
        return [], Problem("outside_workspace", f"{what} lies outside the workspace", entry, fix=fix)
    if path.is_dir():
        fix = f"Name the files, as in `{plain.rstrip('/')}/*.parquet`."
        return [], Problem("is_a_folder", f"{what} is a folder, expected a file", entry, fix=fix)
    if path.is_file():
        return _kept([path], entry, workspace, what, allow)
    if not _GLOB.search(plain):
        if Path(plain).is_absolute() and not path.exists():
            return [], _host_path(entry, what)
        fix = "Check the path; it is relative to the workspace, and the step that makes the file must run before."
        return [], Problem("missing_file", f"{what} is missing, there is no such file", entry, fix=fix)
    root, pattern = (workspace, plain) if not Path(plain).is_absolute() else (Path("/"), plain.lstrip("/"))
    matches = sorted(match for match in root.glob(pattern) if match.is_file())
    if not matches:
        fix = "Check the pattern; it is relative to the workspace."
        return [], Problem("empty_glob", f"{what} is missing, the pattern matches no file", entry, fix=fix)
    return _kept(matches, entry, workspace, what, allow)


def _kept(
    paths: list[Path], entry: str, workspace: Path, what: str, allow: Sequence[str]
) -> tuple[list[Path], Problem | None]:
    if all(inside(path, workspace, allow) for path in paths):
        return paths, None
    return [], Problem("outside_workspace", f"{what} is a link that leads outside the workspace", entry)


def _fixed(path: Path) -> Path:
    """The path up to its first part with a wildcard."""
    parts: list[str] = []
    for part in path.parts:
        if _GLOB.search(part):
            break
        parts.append(part)
    return Path(*parts)


def _host_path(entry: str, what: str) -> Problem:
    return Problem(
        "host_path",
        f"{what} is an absolute path that does not exist here; a path of the runner's host does not exist in the "
        "action's container",
        entry,
        fix="Give a path relative to the workspace, such as logs/canary.parquet.",
    )
