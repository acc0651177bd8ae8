"""Files made into one relation: CSV, JSONL, JSON, Parquet, plain or compressed, by their names' endings."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coordinator.engine import sql
from coordinator.engine.head import check_file, csv_header, is_json_array
from coordinator.engine.session import Session
from coordinator.errors import GateError, InputError, combine
from coordinator.names import plain_name
from coordinator.sources.paths import shown

_ENDINGS = {
    "csv": (".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".tsv.zst"),
    "json": (".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".ndjson.gz", ".json", ".json.gz", ".json.zst"),
    "parquet": (".parquet",),
}
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Table:
    """Files of one kind of rows.

    Attributes:
        what: what they are, for messages.
        files: paths as people know them.
        relation: SQL that can stand after FROM.
        columns: column name -> DuckDB type.
        rejects: temporary tables with the lines that could not be read, filled by a scan.
        has_json: whether there are JSON files, in which a line that cannot be read is a row of NULLs.
    """

    what: str
    files: tuple[str, ...]
    relation: str
    columns: dict[str, str]
    rejects: tuple[str, ...] = ()
    has_json: bool = False

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
    return Table(what, names, relation, columns, rejects, any(kind_of(path) == "json" for path in files))


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
            parts.append(f"read_parquet([{_patterns(own)}], union_by_name = true)")
        elif kind == "json":
            parts += _json(session, own, workspace, what)
        else:
            csv, tables = _csv(own, workspace, what)
            parts += csv
            rejects += tables
    return parts, tuple(rejects)


def _csv(files: list[Path], workspace: Path, what: str) -> tuple[list[str], list[str]]:
    """Every column as text. Files with the same header share one scan; lines that do not fit are kept aside."""
    by_header: dict[tuple[str, tuple[str, ...]], list[Path]] = {}
    for path in files:
        by_header.setdefault(csv_header(path, shown(path, workspace)), []).append(path)
    parts: list[str] = []
    rejects: list[str] = []
    for (delimiter, header), own in by_header.items():
        table = f"rejects_{len(rejects)}_{zlib.crc32(f'{what} {own[0]}'.encode())}"
        rejects.append(table)
        columns = ", ".join(f"{sql.text(column)}: 'VARCHAR'" for column in header)
        parts.append(
            f"read_csv([{_patterns(own)}], auto_detect = false, columns = {{{columns}}}, header = true, "
            f"delim = {sql.text(delimiter)}, quote = '\"', escape = '\"', "
            f"store_rejects = true, rejects_table = '{table}', rejects_scan = '{table}_files')"
        )
    return parts, rejects


def _json(session: Session, files: list[Path], workspace: Path, what: str) -> list[str]:
    """Every column as text, so that an id is what it looks like; a line that is no JSON is a row of NULLs."""
    parts = []
    for form, options in (("array", ""), ("newline_delimited", ", ignore_errors = true")):
        own = [path for path in files if is_json_array(path, shown(path, workspace)) == (form == "array")]
        if not own:
            continue
        paths = f"[{_patterns(own)}]"
        names = f"maximum_depth = 1, union_by_name = true, sample_size = 20000, format = '{form}'{options}"
        sniffed = f"read_json({paths}, {names})"
        columns = session.columns(sniffed, doing=f"reading {what}", file=shown(own[0], workspace))
        types = ", ".join(f"{sql.text(column)}: 'VARCHAR'" for column in columns)
        parts.append(f"read_json({paths}, columns = {{{types}}}, format = '{form}'{options})")
    return parts


def _patterns(files: Iterable[Path]) -> str:
    """Paths as patterns that match themselves alone."""
    return sql.texts(_GLOB.sub(r"[\g<0>]", str(path)) for path in files)


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
    check_file(path, kind, name)
