"""The report as ``report.json``, schema version 1: the typed result, field by field, unrounded."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from importlib import resources
from pathlib import Path
from typing import Any

from coordinator.model import Report
from coordinator.report.escape import encodable

SCHEMA_FILE = "report.schema.json"


def schema() -> dict[str, Any]:
    """The JSON Schema (Draft 2020-12) of ``report.json``."""
    text = resources.files("coordinator.report").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def to_dict(report: Report) -> dict[str, Any]:
    """The report as plain JSON values, in the order of the fields.

    NaN and infinity become null, times ISO 8601 with ``Z``, a field that ends with ``_`` loses it.

    Args:
        report: what was found.
    """
    plain: dict[str, Any] = _value(report)
    if not plain["extra"]:
        del plain["extra"]
    return plain


def to_json(report: Report) -> str:
    """The text of ``report.json``: equal reports give equal bytes."""
    return json.dumps(to_dict(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(report: Report, path: Path) -> None:
    """Write ``report.json``; its folder must exist.

    Args:
        report: what was found.
        path: the file to write.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_text(to_json(report), encoding="utf-8")


def _value(item: Any) -> Any:
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return {field.name.rstrip("_"): _value(getattr(item, field.name)) for field in dataclasses.fields(item)}
    if isinstance(item, Mapping):
        return {encodable(str(key)): _value(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return [_value(value) for value in item]
    if hasattr(item, "item"):  # a numpy scalar
        return _scalar(item.item())
    return _scalar(item)


def _scalar(item: Any) -> Any:
    if isinstance(item, Enum):
        return item.value
    if isinstance(item, str):
        return encodable(item)
    if isinstance(item, (datetime, date)):
        return _time(item)
    if isinstance(item, float):
        return float(item) + 0.0 if math.isfinite(item) else None
    if item is None or isinstance(item, (bool, int)):
        return item
    raise TypeError(f"{type(item).__name__} has no place in report.json")


def _time(moment: datetime | date) -> str:
    if not isinstance(moment, datetime):
        return moment.isoformat()
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return aware.isoformat().replace("+00:00", "Z")
