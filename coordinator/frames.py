"""A report's tables as pandas frames, for notebooks: a row an arm or a metric, columns named as in ``report.json``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from coordinator.model import Report

if TYPE_CHECKING:
    import pandas as pd


def arms(report: Report) -> pd.DataFrame:
    """The audit's arms: observed, declared and independent overlap, deviations, interval, p-value.

    Args:
        report: from ``run_gate``.

    Returns:
        One row an arm, indexed by experiment and arm; empty where the audit did not run. Shares are fractions.
    """
    return _frame(report.audit.arms if report.audit else (), ["experiment", "arm"])


def canary_metrics(report: Report) -> pd.DataFrame:
    """The canary's metrics: both values, change, interval, p-values, power, verdict and its reason.

    Args:
        report: from ``run_gate``.

    Returns:
        One row a metric, indexed by name; empty where the canary was not judged.
    """
    return _frame(report.canary.metrics if report.canary else (), ["name"])


def experiment_metrics(report: Report) -> pd.DataFrame:
    """The experiments' metrics: control, treatment, effect, interval, raw and adjusted p, MDE, power, verdict.

    Args:
        report: from ``run_gate``.

    Returns:
        One row a metric and arm, indexed by experiment, arm and name; empty where no experiment was judged.
    """
    rows = [{"experiment": result.id, **_row(item)} for result in report.experiments or () for item in result.metrics]
    return _indexed(rows, ["experiment", "arm", "name"])


def sources(report: Report) -> pd.DataFrame:
    """Where the figures come from: role, path, rows, checksum, window.

    Args:
        report: from ``run_gate``.

    Returns:
        One row a source, indexed by role.
    """
    return _frame(report.sources, ["role"])


def _frame(items: Iterable[Any], index: list[str]) -> pd.DataFrame:
    return _indexed([_row(item) for item in items], index)


def _indexed(rows: list[dict[str, Any]], index: list[str]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - half a second, and only for notebooks

    return pd.DataFrame(rows, columns=None if rows else index).set_index(index)


def _row(item: Any) -> dict[str, Any]:
    """The fields of a result as plain values; a field that ends with ``_`` loses it."""
    assert is_dataclass(item)  # noqa: S101 - all results are
    values = asdict(item)  # type: ignore[arg-type] # an instance, not a class
    return {name.rstrip("_"): value.value if isinstance(value, Enum) else value for name, value in values.items()}
