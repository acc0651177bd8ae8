"""The first bytes of a file, plain or compressed: what it is, whether it is whole, and a CSV's delimiter and header."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from coordinator.errors import InputError, SourceError
from coordinator.model import Problem

_SIZE = 1 << 16
_PARQUET = b"PAR1"
_MAGIC = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd"}
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_DELIMITERS = (",", ";", "\t", "|")


def check_file(path: Path, kind: str, name: str) -> None:
    """Refuse a file that is empty, binary, cut off, or not what its name says.

    Args:
        path: the file.
        kind: ``csv``, ``json`` or ``parquet``.
        name: what people call it.

    Raises:
        InputError: the wrong file.
        SourceError: the right file, damaged.
    """
    size = path.stat().st_size
    if size == 0:
        raise InputError.of("empty_file", "the file is empty", file=name, fix="Check the step that makes it.")
    with path.open("rb") as stream:
        first = stream.read(4)
        stream.seek(max(0, size - 4))
        last = stream.read(4)
    if kind == "parquet":
        if first != _PARQUET:
            raise InputError.of("not_parquet", "the file is not Parquet, though its name says so", file=name)
        if last != _PARQUET or size < 12:
            raise _damaged("the Parquet file is cut off", name)
        return
    packed = path.suffix.lower()
    magic = _MAGIC.get(packed)
    if magic is not None and not first.startswith(magic):
        text = f"the file is not {packed[1:]}, though its name says so"
        raise InputError.of("not_compressed", text, file=name, fix="Rename it, or compress it.")
    if packed == ".zst":
        with path.open("rb") as stream:
            if not _whole_zstd(stream, size):
                raise _damaged("the zstd file is cut off", name)
    head = read_head(path, name)
    if not head.strip():
        raise InputError.of("empty_file", "the file is empty", file=name, fix="Check the step that makes it.")
    if b"\0" in head:
        raise InputError.of("binary_file", "found a binary file, expected UTF-8 text", file=name, fix="Check the path.")


def read_head(path: Path, name: str) -> bytes:
    """The first 64 KiB of a file's content, decompressed by its ending, without a byte order mark.

    Args:
        path: the file.
        name: what people call it.

    Raises:
        SourceError: the file is cut off or damaged within them.
    """
    packed = path.suffix.lower()
    try:
        if packed == ".gz":
            with gzip.open(path) as unpacked:
                head = unpacked.read(_SIZE)
        elif packed == ".zst":
            head = _unzstd(path)
        else:
            with path.open("rb") as stream:
                head = stream.read(_SIZE)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(f"the {packed[1:]} file is damaged or cut off", name) from error
    return head.removeprefix(b"\xef\xbb\xbf")


def csv_header(path: Path, name: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter and the columns of a CSV file, from its first line.

    The delimiter is the one of ``,``, ``;``, tab and ``|`` that makes the most columns. Columns without a name, and
    names that stand twice, get a number.

    Args:
        path: the file.
        name: what people call it.

    Raises:
        InputError: the header is not UTF-8.
    """
    raw = read_head(path, name).lstrip(b"\r\n")
    first = raw.replace(b"\r", b"\n").split(b"\n", 1)[0]
    try:
        line = first.decode("utf-8")
    except UnicodeDecodeError as error:
        text = f"the header is not UTF-8 (byte {error.start + 1})"
        raise InputError.of("not_utf8", text, file=name, line=1, fix="Export the file as UTF-8.") from error
    split = {delimiter: next(csv.reader([line], delimiter=delimiter), []) for delimiter in _DELIMITERS}
    delimiter = max(split, key=lambda sign: len(split[sign]))
    columns: list[str] = []
    taken: set[str] = set()
    for number, column in enumerate(split[delimiter], 1):
        unique = column.strip() or f"column {number}"
        while unique.lower() in taken:
            unique += f"_{number}"
        taken.add(unique.lower())
        columns.append(unique)
    return delimiter, tuple(columns)


def is_json_array(path: Path, name: str) -> bool:
    """Whether a JSON file is one array, not a record a line."""
    return read_head(path, name).lstrip().startswith(b"[")


def _damaged(text: str, name: str) -> SourceError:
    return SourceError([Problem("damaged", text, name, fix="Make the file again.")])


def _unzstd(path: Path) -> bytes:
    import zstandard  # noqa: PLC0415 - only where a file needs it

    try:
        with path.open("rb") as stream, zstandard.ZstdDecompressor().stream_reader(stream) as unpacked:
            return bytes(unpacked.read(_SIZE))
    except zstandard.ZstdError as error:
        raise EOFError(str(error)) from error


def _whole_zstd(stream: BinaryIO, size: int) -> bool:
    """Whether the last frame is complete (RFC 8878, 3.1.1): DuckDB reads a cut-off one without a word."""

    def number(length: int) -> int:
        raw = stream.read(length)
        if len(raw) < length:
            raise EOFError
        return int.from_bytes(raw, "little")

    try:
        while stream.tell() < size:
            magic = number(4)
            if magic in _SKIPPABLE:
                stream.seek(number(4), 1)
            else:
                _skip_frame(stream, number)
    except EOFError:
        return False
    return stream.tell() == size


def _skip_frame(stream: BinaryIO, number: Callable[[int], int]) -> None:
    descriptor = number(1)
    single = descriptor >> 5 & 1
    content_size = (single, 2, 4, 8)[descriptor >> 6]
    stream.seek((1 - single) + (0, 1, 2, 4)[descriptor & 3] + content_size, 1)
    last = 0
    while not last:
        block = number(3)
        last = block & 1
        run_length = block >> 1 & 3 == 1
        stream.seek(1 if run_length else block >> 3, 1)
    if descriptor >> 2 & 1:
        stream.seek(4, 1)
