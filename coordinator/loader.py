"""Reads ``release.yml``, the inputs and every file they name into one ``Config``, with all errors in one go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from coordinator import checks
from coordinator.config import Config, ExperimentConfig, ReleaseFile
from coordinator.documents import CanaryDocument, ExperimentDocument, Mde, ThresholdsFile
from coordinator.errors import InputError, combine
from coordinator.model import Problem
from coordinator.overrides import Where, apply, input_of, tidy
from coordinator.problems import problems_of
from coordinator.sources.paths import find_files, shown
from coordinator.yamlfile import Document, read_document

DEFAULT_CONFIG = "release.yml"
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
M = TypeVar("M", bound=BaseModel)


class _MdeFile(BaseModel):
    """``mde.yml``: free names at the top."""

    metrics: dict[str, Mde]


def load_config(
    path: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    workspace: Path,
    audit_only: bool = False,
) -> Config:
    """The release with the content of every file that it names.

    Args:
        path: the release config; without it ``release.yml``, where it is there. May be absent if the inputs say all.
        overrides: inputs by name (``canary-share``), each of which wins over the config.
        workspace: the folder that paths are relative to, and the only one that is read.
        audit_only: ask only for what step 1 needs.

    Raises:
        InputError: with everything that is wrong in the config, the inputs and the files.

    Example:
        >>> from pathlib import Path
        >>> config = load_config(Path("release.yml"), {"step": "canary"}, workspace=Path("."))  # doctest: +SKIP
    """
    return _Loading(workspace, audit_only=audit_only).load(path, overrides or {})


class _Loading:
    """One load: collects problems from every file instead of stopping at the first."""

    def __init__(self, workspace: Path, *, audit_only: bool) -> None:
        self.workspace = workspace
        self.audit_only = audit_only
        self.errors: list[InputError] = []
        self.notes: list[str] = []
        self.allow: tuple[str, ...] = ()
        self.origin: dict[str, Where] = {}
        self.document: Document | None = None

    def load(self, path: Path | None, given: Mapping[str, str]) -> Config:
        raw = self._raw(path)
        self.origin, problems, notes = apply(raw, given)
        self._add(problems)
        self.notes += [*notes, *tidy(raw)]
        _drop_nulls(raw)
        release = self._release(raw)
        extra = self._files(raw, release)
        error = combine(self.errors)
        if error or release is None:
            raise error or InputError.of("invalid", "the release cannot be read")
        return Config.model_construct(**{**dict(release), **extra, "notes": tuple(self.notes)})

    # -------------------------------------------------------- release.yml

    def _raw(self, path: Path | None) -> dict[str, Any]:
        file = self.workspace / (path or DEFAULT_CONFIG)
        if path is not None and not file.exists() and path.is_file():
            file = path.resolve()
        if path is None and not file.is_file():
            return {}
        self.document = self._try(lambda: read_document(file, shown(file, self.workspace)))
        return self.document.data if self.document else {}

    def _release(self, raw: dict[str, Any]) -> ReleaseFile | None:
        if raw.get("mode", "gate") == "gate" and (self.document or not self.errors) and raw.get("step") != "both":
            self._placed(checks.missing_parts(raw, audit_only=self.audit_only), self.document)
        try:
            release = ReleaseFile.model_validate(raw)
        except ValidationError as error:
            self._add(problems_of(error, raw, ReleaseFile, self.document, self.origin))
            return None
        self._placed(checks.contradictions(release), self.document)
        self.allow = release.limits.allow_paths
        return release

    # -------------------------------------------------------- the files it names

    def _files(self, raw: dict[str, Any], release: ReleaseFile | None) -> dict[str, Any]:
        canary = raw["canary"] if isinstance(raw.get("canary"), dict) else {}
        extra: dict[str, Any] = {}
        thresholds = self._document(canary.get("thresholds"), ThresholdsFile, "the canary thresholds")
        if thresholds:
            extra["thresholds"] = thresholds[1].metrics
            note = release.canary.on_thin if release else "pause"
            self._placed(checks.threshold_problems(thresholds[1].metrics, note), thresholds[0])
        if is_document(canary.get("metrics"), self.workspace):
            metrics = self._document(canary["metrics"], CanaryDocument, "the canary's metrics")
            if metrics:
                extra["canary_document"] = metrics[1]
                if release:
                    self._placed(
                        checks.canary_problems(metrics[1], Config.model_construct(**dict(release))), metrics[0]
                    )
        elif canary.get("metrics"):
            self._present([canary["metrics"]], "the canary's metrics")
        self._logs(raw, canary)
        extra["mdes"], extra["experiment_documents"] = self._experiments(raw, release)
        return extra

    def _logs(self, raw: dict[str, Any], canary: dict[str, Any]) -> None:
        self._present(_listed(canary.get("assignments")), "the canary's log")
        self._present(_listed(raw.get("assignments")), "the assignment log")
        platform = raw.get("platform")
        if isinstance(platform, dict):
            self._present(_listed(platform.get("configs")), "the platform's config")
        if raw.get("canary_report"):
            self._present(_listed(raw["canary_report"]), "the canary's report")

    def _experiments(
        self, raw: dict[str, Any], release: ReleaseFile | None
    ) -> tuple[dict[str, dict[str, Mde]], dict[str, ExperimentDocument]]:
        mdes: dict[str, dict[str, Mde]] = {}
        documents: dict[str, ExperimentDocument] = {}
        listed = raw.get("experiments")
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            if not isinstance(item, dict):
                continue
            name = str(item.get("id", ""))
            valid = release.experiments[index] if release else None
            self._present(_listed(item.get("assignments")), "the experiment's log")
            if item.get("mde"):
                self._mde(item["mde"], name, mdes)
            data = _listed(item.get("data"))
            if len(data) == 1 and is_document(data[0], self.workspace):
                self._data(data[0], name, valid, mdes, documents)
            else:
                self._present(data, "the experiment's data")
        return mdes, documents

    def _mde(self, path: str, name: str, mdes: dict[str, dict[str, Mde]]) -> None:
        found = self._document(path, _MdeFile, "the minimum effects", wrap="metrics")
        if found:
            mdes[name] = found[1].metrics

    def _data(
        self,
        path: str,
        name: str,
        experiment: ExperimentConfig | None,
        mdes: Mapping[str, Mapping[str, Mde]],
        documents: dict[str, ExperimentDocument],
    ) -> None:
        found = self._document(path, ExperimentDocument, "the experiment's data", prepare=_end_of_day)
        if not found:
            return
        documents[name] = found[1]
        if experiment:
            self._placed(checks.experiment_problems(found[1], experiment), found[0])
        known = {checks.reported(metric) for variant in found[1].variants for metric in variant.metrics}
        unknown = [metric for metric in mdes.get(name, {}) if metric not in known]
        self.notes += [
            f"The minimum effect of `{metric}` is given, but the data has no such metric." for metric in unknown
        ]

    def _document(
        self,
        path: Any,
        model: type[M],
        what: str,
        *,
        wrap: str | None = None,
        prepare: Callable[[dict[str, Any]], None] | None = None,
    ) -> tuple[Document, M] | None:
        """One file as its model; None where it is not given or not valid (then its problems are kept)."""
        if not isinstance(path, str):
            return None
        files = self._try(lambda: find_files([path], self.workspace, what=what, allow=self.allow))
        if not files:
            return None
        document = self._try(lambda: read_document(files[0], shown(files[0], self.workspace)))
        if document is None:
            return None
        if prepare:
            prepare(document.data)
        raw = {wrap: document.data} if wrap else document.data
        try:
            return document, model.model_validate(raw)
        except ValidationError as error:
            found = problems_of(
                error, raw, model, _Wrapped(document.name, document.data, document.root) if wrap else document
            )
            self._add(found)
            return None

    def _present(self, paths: list[str], what: str) -> None:
        self._try(lambda: find_files(paths, self.workspace, what=what, allow=self.allow))

    # -------------------------------------------------------- problems

    def _try(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except InputError as error:
            self.errors.append(error)
            return None

    def _add(self, problems: Iterable[Problem]) -> None:
        found = list(problems)
        if found:
            self.errors.append(InputError(found))

    def _placed(self, found: checks.Found, document: Document | None) -> None:
        """Problems with the line of the document, or the input, that they belong to."""
        placed = []
        for path, problem in found:
            name = input_of(path) if document is self.document else None
            if document is None or (name in self.origin and not problem.code.startswith("missing_")):
                text = f"input `{name}`: {problem.message}" if name in self.origin else problem.message
                placed.append(Problem(problem.code, text, fix=problem.fix))
                continue
            line, column = document.locate(path, key=True)
            placed.append(Problem(problem.code, problem.message, document.name, line, column, problem.fix))
        self._add(placed)


class _Wrapped(Document):
    """A document whose content was validated one level deeper than it stands."""

    def locate(self, path: Any, *, key: bool = False) -> tuple[int | None, int | None]:
        """The place of ``path`` without its first part."""
        return Document.locate(self, tuple(path)[1:], key=key)


def is_document(path: Any, workspace: Path) -> bool:
    """Whether a data path is a YAML or JSON document, not rows: by its ending, JSON by how it begins.

    Args:
        path: a path of the config.
        workspace: the folder that it is relative to.
    """
    if not isinstance(path, str):
        return False
    if path.lower().endswith((".yml", ".yaml")):
        return True
    file = workspace / path
    if not path.lower().endswith(".json") or not file.is_file():
        return False
    with file.open("rb") as stream:
        lines = [line.strip() for line in stream.read(4096).splitlines() if line.strip()]
    rows = len(lines) > 1 and lines[0].endswith(b"}") and lines[1].startswith(b"{")
    return bool(lines) and lines[0].startswith(b"{") and not rows


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _drop_nulls(raw: dict[str, Any]) -> None:
    """A key without a value is a key that is not given."""
    for key in [key for key, value in raw.items() if value is None]:
        del raw[key]
    for value in raw.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                _drop_nulls(item)


def _end_of_day(raw: dict[str, Any]) -> None:
    """A date ``running_until`` includes that day: the experiment ends at the next midnight, UTC."""
    until = raw.get("running_until")
    with suppress(TypeError, ValueError):
        if _DATE.match(str(until).strip()):
            raw["running_until"] = (date.fromisoformat(str(until).strip()) + timedelta(days=1)).isoformat()
