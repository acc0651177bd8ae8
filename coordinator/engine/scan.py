"""Files made into one relation: CSV, JSONL, JSON, Parquet, plain or compressed, by their names' endings."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coordinator.engine import sql
from coordinator.engine.session import Session
from coordinator.errors import GateError, InputError, SourceError, combine
from coordinator.model import Problem
from coordinator.names import plain_name
from coordinator.sources.paths import shown

_ENDINGS = {
    "csv": (".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".tsv.zst"),
    "json": (".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".ndjson.gz", ".json", ".json.gz"),
    "parquet": (".parquet",),
}
_PARQUET = b"PAR1"
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Table:
    """Files of one kind of rows.

    Attributes:
        what: what they are, for messages.
        files: paths as people know them.
        relation: SQL that can stand after FROM.
        columns: column name -> DuckDB type.
        rejects: temporary tables with the lines that could not be read, filled by a scan.
    """

    what: str
    files: tuple[str, ...]
    relation: str
    columns: dict[str, str]
    rejects: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The files as one word for a message."""
        return self.files[0] if len(self.files) == 1 else f"{self.files[0]} (and {len(self.files) - 1} more)"

    def find(self, wanted: str, *, aliases: Iterable[str] = ()) -> str | None:
        """The column of that name: as it stands, else without regard to case, ``_``, ``-`` and spaces.

        Args:
            wanted: the name.
            aliases: other names of the same thing.
        """
        for candidate in (wanted, *aliases):
            if candidate in self.columns:
                return candidate
        plain = {plain_name(column): column for column in reversed(list(self.columns))}
        return next((plain[plain_name(name)] for name in (wanted, *aliases) if plain_name(name) in plain), None)


def open_table(session: Session, files: Sequence[Path], workspace: Path, what: str) -> Table:
    """The files as one table; reads headers only.

    Args:
        session: the connection.
        files: at least one.
        workspace: paths in messages are relative to it.
        what: what they are, for messages.

    Raises:
        InputError: a file that is empty, binary, or of no known kind.
        SourceError: a damaged file.
    """
    errors: list[GateError] = []
    for path in files:
        try:
            _check(path, shown(path, workspace))
        except GateError as error:
            errors.append(error)
    found = combine(errors)
    if found:
        raise found
    parts, rejects = _parts(session, files, workspace, what)
    relation = (
        parts[0] if len(parts) == 1 else "(" + " UNION ALL BY NAME ".join(f"SELECT * FROM {p}" for p in parts) + ")"
    )
    names = tuple(shown(path, workspace) for path in files)
    columns = session.columns(relation, doing=f"reading {what}", file=names[0])
    return Table(what, names, relation, columns, rejects)


def kind_of(path: Path) -> str | None:
    """``csv``, ``json`` or ``parquet`` by the name's ending; None for another.

    >>> kind_of(Path("a.csv.gz")), kind_of(Path("a.xlsx"))
    ('csv', None)
    """
    name = path.name.lower()
    return next((kind for kind, endings in _ENDINGS.items() if name.endswith(endings)), None)


def _parts(session: Session, files: Sequence[Path], workspace: Path, what: str) -> tuple[list[str], tuple[str, ...]]:
    parts: list[str] = []
    rejects: list[str] = []
    for kind in _ENDINGS:
        own = [path for path in files if kind_of(path) == kind]
        if not own:
            continue
        if kind == "parquet":
            parts.append(f"read_parquet([{sql.texts(map(str, own))}], union_by_name = true)")
        elif kind == "json":
            parts.append(_json(session, own, workspace, what))
        else:
            csv, tables = _csv(session, own, workspace, what)
            parts += csv
            rejects += tables
    return parts, tuple(rejects)


def _csv(session: Session, files: list[Path], workspace: Path, what: str) -> tuple[list[str], list[str]]:
    """Every column as text. Files with the same header share one scan; lines that do not fit are kept aside."""
    by_header: dict[tuple[str, ...], list[Path]] = {}
    for path in files:
        plain = f"read_csv([{sql.text(str(path))}], all_varchar = true, header = true)"
        header = tuple(session.columns(plain, doing=f"reading {what}", file=shown(path, workspace)))
        by_header.setdefault(header, []).append(path)
    parts: list[str] = []
    rejects: list[str] = []
    for own in by_header.values():
        table = f"rejects_{len(rejects)}_{zlib.crc32(f'{what} {own[0]}'.encode())}"
        rejects.append(table)
        parts.append(
            f"read_csv([{sql.texts(map(str, own))}], all_varchar = true, header = true, store_rejects = true, "
            f"rejects_table = '{table}', rejects_scan = '{table}_files')"
        )
    return parts, rejects


def _json(session: Session, files: list[Path], workspace: Path, what: str) -> str:
    """Every column as text, so that an id is what it looks like; a line that is no JSON is a row of NULLs."""
    paths = f"[{sql.texts(map(str, files))}]"
    sniffed = f"read_json({paths}, maximum_depth = 1, union_by_name = true, sample_size = 20000)"
    columns = session.columns(sniffed, doing=f"reading {what}", file=shown(files[0], workspace))
    types = ", ".join(f"{sql.text(column)}: 'VARCHAR'" for column in columns)
    lines = ", ignore_errors = true, format = 'newline_delimited'" if not _is_array(files[0]) else ""
    return f"read_json({paths}, columns = {{{types}}}{lines})"


def _is_array(path: Path) -> bool:
    if not path.name.lower().endswith(".json"):
        return False
    with path.open("rb") as stream:
        return stream.read(4096).lstrip().startswith(b"[")


def _check(path: Path, name: str) -> None:
    kind = kind_of(path)
    if kind is None:
        raise InputError.of(
            "file_kind",
            f"the ending of `{path.name}` is not known, expected one of "
            + ", ".join(ending for endings in _ENDINGS.values() for ending in endings),
            file=name,
            fix="Rename or convert the file.",
        )
    size = path.stat().st_size
    if size == 0:
        raise InputError.of("empty_file", "the file is empty", file=name, fix="Check the step that makes it.")
    with path.open("rb") as stream:
        head = stream.read(4096)
        stream.seek(max(0, size - 4))
        tail = stream.read(4)
    compressed = path.suffix.lower()
    if kind == "parquet":
        if not head.startswith(_PARQUET):
            raise InputError.of("not_parquet", "the file is not Parquet, though its name says so", file=name)
        if tail != _PARQUET:
            raise SourceError([Problem("damaged", "the Parquet file is cut off", name, fix="Make the file again.")])
    elif compressed in {".gz", ".zst"}:
        if not head.startswith(_GZIP if compressed == ".gz" else _ZSTD):
            raise InputError.of(
                "not_compressed", f"the file is not {compressed[1:]}, though its name says so", file=name
            )
    elif b"\0" in head:
        raise InputError.of("binary_file", "found a binary file, expected text", file=name, fix="Check the path.")
