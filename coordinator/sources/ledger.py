"""What was read: every source with its rows, its window, and a checksum that is computed while the engine works."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from coordinator.model import SourceRecord, Window
from coordinator.sources.paths import shown

_CHUNK = 1 << 20


class Ledger:
    """The sources of one run, in the order in which they were read; the same role and file once."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checksum")
        self._sources: dict[tuple[str, str], tuple[SourceRecord, Future[str]]] = {}

    def add(self, role: str, files: Sequence[Path], rows: int, window: Window | None) -> None:
        """Note a source and start its checksum.

        Args:
            role: what it is, such as ``canary metrics``.
            files: at least one.
            rows: rows, or values of a document.
            window: what it covers; None where it has no times.
        """
        names = [shown(path, self._workspace) for path in files]
        uri = names[0] if len(names) == 1 else f"{names[0]} ... {names[-1]} ({len(names)} files)"
        record = SourceRecord(role, uri, rows, None, window)
        self._sources[role, uri] = record, self._pool.submit(sha256_of, list(files), names)

    def records(self) -> tuple[SourceRecord, ...]:
        """Every source with its checksum; waits for those that are under way."""
        return tuple(replace(record, sha256=checksum.result()) for record, checksum in self._sources.values())

    def close(self) -> None:
        """Drop checksums that have not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def sha256_of(files: Sequence[Path], names: Sequence[str]) -> str:
    """The SHA-256 of one file; of several the SHA-256 of their ``sha256sum`` listing.

    Args:
        files: the files.
        names: what the listing calls them.
    """
    sums = []
    for path in files:
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
        sums.append(digest.hexdigest())
    if len(sums) == 1:
        return sums[0]
    listing = "".join(f"{checksum}  {name}\n" for checksum, name in zip(sums, names, strict=True))
    return hashlib.sha256(listing.encode()).hexdigest()
