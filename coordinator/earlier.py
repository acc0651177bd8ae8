"""Earlier reports of the same release: the promotion that ``step: experiment`` builds on, and looks already taken."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from coordinator.config import Config
from coordinator.errors import InputError
from coordinator.model import (
    CanaryMetric,
    CanaryMetricVerdict,
    CanaryResult,
    CanaryVerdict,
    Direction,
    MetricClass,
    MetricType,
    Problem,
    Reason,
    SourceRecord,
    Window,
)
from coordinator.sequence import duration, observation_window
from coordinator.values import timestamp

_MAX_BYTES = 50_000_000


@dataclass(frozen=True, slots=True)
class Promotion:
    """The canary's promotion as an earlier report showed it."""

    canary: CanaryResult
    promoted_at: datetime
    window: timedelta
    window_passed: bool
    source: SourceRecord

    @property
    def wait(self) -> str:
        """The action while the window has not passed."""
        return f"Hold the experiment; the canary went to 100% less than one observation window ({self._length}) ago."

    @property
    def reason(self) -> Reason:
        """Why the gate is closed while the window has not passed."""
        opens = self.promoted_at + self.window
        return Reason("window_after_promotion", f"{self.wait} This step opens at {opens:%Y-%m-%d %H:%M} UTC.")

    @property
    def _length(self) -> str:
        return duration(self.window)


def promotion(config: Config, workspace: Path, now: datetime) -> Promotion | None:
    """The promotion that ``step: experiment`` needs; None for any other step.

    Args:
        config: the release; ``canary_promoted_at`` and ``canary_report`` are both needed.
        workspace: where the report is.
        now: the time.

    Raises:
        InputError: a part is missing, the report is damaged, belongs to another SHA, or did not say PROMOTE.
    """
    if config.step != "experiment":
        return None
    if config.canary_promoted_at is None or config.canary_report is None:
        raise InputError.of(
            "promotion_unknown",
            "`step: experiment` needs `canary-promoted-at` and `canary-report`",
            fix="Give the time when the canary went to 100% and the report.json that said PROMOTE for the same SHA.",
        )
    if config.canary_promoted_at > now:
        raise InputError.of(
            "promotion_in_future",
            f"`canary-promoted-at` is {config.canary_promoted_at:%Y-%m-%d %H:%M} UTC, which is in the future",
            fix="Give the time at which the canary went to 100%.",
        )
    data, digest = _read(config.canary_report, workspace)
    _same_release(data, config)
    canary = _canary(data, config.canary_report)
    window = observation_window(config)
    record = SourceRecord("canary report", config.canary_report, len(canary.metrics), digest, canary.window)
    passed = now >= config.canary_promoted_at + window
    return Promotion(canary, config.canary_promoted_at, window, passed, record)


def looks(config: Config, workspace: Path, sources: Sequence[SourceRecord], *, many: bool) -> int | None:
    """How often the canary's figures are looked at; None: as often as one likes, which asks for anytime-valid tests.

    Args:
        config: ``canary.looks``; ``auto`` is one look unless something shows that there are more.
        workspace: where an earlier report may be.
        sources: what was read this time.
        many: whether the run shows it: a schedule, or a window that is still open.
    """
    asked = config.canary.looks
    if isinstance(asked, int):
        return asked
    return None if asked == "many" or many or looked_before(config, workspace, sources) else 1


def looked_before(config: Config, workspace: Path, sources: Sequence[SourceRecord]) -> bool:
    """Whether the report folder holds a report of the same SHA made from other data: this run is then another look."""
    path = workspace / config.report.directory / "report.json"
    try:
        data = json.loads(path.read_bytes()) if path.is_file() and path.stat().st_size < _MAX_BYTES else None
    except (OSError, ValueError):
        return False
    if not isinstance(data, dict) or not data.get("canary") or not _sha_matches(data, config):
        return False
    now = {(record.role, record.sha256) for record in sources}
    roles = {record.role for record in sources}
    then = {(item.get("role"), item.get("sha256")) for item in data.get("sources", []) if isinstance(item, dict)}
    return any(item not in now for item in then if item[0] in roles)


def _read(name: str, workspace: Path) -> tuple[Mapping[str, Any], str]:
    root = workspace.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise InputError.of("outside_workspace", f"`canary-report` {name} lies outside the workspace", file=name)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError.of("too_large", "`canary-report` is larger than 50 MB", file=name)
        raw = path.read_bytes()
        data = json.loads(raw)
    except OSError:
        raise InputError.of(
            "missing_file",
            "`canary-report` cannot be read",
            file=name,
            fix="Download the artifact that holds it first.",
        ) from None
    except ValueError:
        raise InputError.of("bad_report", "`canary-report` is not JSON", file=name) from None
    if not isinstance(data, dict) or data.get("schema_version") != 1:
        raise InputError.of("bad_report", "`canary-report` is not a report.json of schema version 1", file=name)
    return data, hashlib.sha256(raw).hexdigest()


def _sha_matches(data: Mapping[str, Any], config: Config) -> bool:
    release = data.get("release")
    then = str(release.get("canary_sha") or "") if isinstance(release, dict) else ""
    now = config.canary.sha or ""
    return bool(then and now) and (then.startswith(now) or now.startswith(then))


def _same_release(data: Mapping[str, Any], config: Config) -> None:
    problems = []
    name = config.canary_report
    if not _sha_matches(data, config):
        found = (data.get("release") or {}).get("canary_sha")
        problems.append(
            Problem(
                "other_build",
                f"the report is of build {found}, the release is build {config.canary.sha}",
                name,
                fix="Give the report that said PROMOTE for this build.",
            )
        )
    verdict = (data.get("canary") or {}).get("verdict")
    if data.get("decision") != "promote" or verdict != CanaryVerdict.PROMOTE:
        problems.append(
            Problem(
                "not_promoted",
                f"the report's decision is {data.get('decision')!r} with canary verdict {verdict!r}, expected PROMOTE",
                name,
                fix="Only a canary that this gate promoted can be followed by the experiment's step.",
            )
        )
    if problems:
        raise InputError(problems)


def _canary(data: Mapping[str, Any], name: str) -> CanaryResult:
    """The canary's part of an earlier report, read back."""
    try:
        part = data["canary"]
        window = part.get("window")
        read = Window(timestamp(window["start"]), timestamp(window["end"])) if window else None
        metrics = tuple(_metric(item) for item in part["metrics"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError.of("bad_report", "the canary's part of `canary-report` cannot be read", file=name) from None
    note = "Not judged again: this verdict is the earlier report's."
    return CanaryResult(CanaryVerdict.PROMOTE, read, metrics, (Reason("promoted_earlier", note),))


def _metric(item: Mapping[str, Any]) -> CanaryMetric:
    known = {field.name for field in fields(CanaryMetric)} - {"notes"}
    values = {("class_" if key == "class" else key): value for key, value in item.items()}
    values = {key: value for key, value in values.items() if key in known}
    values["class_"] = MetricClass(values["class_"])
    values["type"] = MetricType(values["type"])
    values["verdict"] = CanaryMetricVerdict(values["verdict"])
    values["direction"] = Direction(values.get("direction", Direction.EITHER))
    return CanaryMetric(**values)
