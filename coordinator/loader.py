"""Reads ``release.yml``, the inputs and every file they name into one ``Config``, with all errors in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, RootModel, ValidationError

from coordinator import checks, data_checks
from coordinator.config import CanaryConfig, Config, EngineConfig, ExperimentConfig, ReleaseFile, ReportConfig
from coordinator.documents import CanaryDocument, ExperimentDocument, Mde, Threshold, ThresholdsFile
from coordinator.errors import InputError
from coordinator.model import Problem
from coordinator.overrides import Where, apply, drop_empty, drop_missing, look_up, tidy, tidy_experiment
from coordinator.problems import dotted, placed, problems_of
from coordinator.sources.paths import find_files, inside, is_document, shown
from coordinator.values import short
from coordinator.yamlfile import Document, read_document

DEFAULT_CONFIG = "release.yml"
M = TypeVar("M", bound=BaseModel)


class _MdeFile(RootModel[dict[str, Mde]]):
    """``mde.yml``: the metrics' names at the top."""


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
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.allow: tuple[str, ...] = ()
        self.origin: dict[str, Where] = {}
        self.document: Document | None = None

    def load(self, path: Path | None, given: Mapping[str, str]) -> Config:
        raw = self._raw(path, given)
        self.origin, problems, notes = apply(raw, given)
        self.problems += problems
        self.notes += [*notes, *tidy(raw)]
        drop_empty(raw)
        release = self._release(raw)
        extra = {} if raw.get("mode") == "publish" else self._files(raw)
        if self.problems or release is None:
            self._stop()
        return Config.model_construct(**{**dict(release), **extra, "notes": tuple(self.notes)})

    def _stop(self) -> NoReturn:
        raise InputError(dict.fromkeys(self.problems))

    # -------------------------------------------------------- release.yml

    def _raw(self, path: Path | None, given: Mapping[str, str]) -> dict[str, Any]:
        if not self.workspace.is_dir():
            raise InputError.of("no_workspace", "the workspace is no folder", file=str(self.workspace))
        if path is None and given.get("mode") == "publish":
            return {}  # a `release.yml` here may be of the artifact, which is anyone's
        file = self.workspace / (path or DEFAULT_CONFIG)
        if path is None and not file.exists() and not file.is_symlink():
            if not given:
                text = f"there is no `{DEFAULT_CONFIG}` in the workspace, and no input is given"
                fix = "Write one (docs/config.md), name another with `config`, or say all of it by inputs."
                raise InputError.of("missing_file", text, fix=fix)
            return {}
        if path is not None and not file.exists() and path.is_file():
            file = path.resolve()
        name = shown(file, self.workspace)
        if file.exists() and not inside(file, self.workspace):
            raise InputError.of(
                "outside_workspace", "the config lies outside the workspace", file=name, fix="Move it into it."
            )
        self.document = self._try(lambda: read_document(file, name))
        return self.document.data if self.document else {}

    def _release(self, raw: dict[str, Any]) -> ReleaseFile | None:
        readable = self.document or not self.problems
        if raw.get("mode", "gate") == "gate" and readable and raw.get("step") != "both":
            self._place(checks.missing_parts(raw, audit_only=self.audit_only), self.document)
        self.allow = tuple(text for _, text in _entries(raw, ("limits", "allow_paths")))
        release = None
        try:
            release = ReleaseFile.model_validate(raw)
        except ValidationError as error:
            self.problems += problems_of(error, raw, ReleaseFile, self.document, self.origin)
        self._place(checks.canary_contradictions(_valid(CanaryConfig, raw.get("canary", {}))), self.document)
        self._place(checks.experiment_contradictions(_experiments(raw)), self.document)
        self._place(checks.engine_contradictions(_valid(EngineConfig, raw.get("engine", {}))), self.document)
        report = _valid(ReportConfig, raw.get("report", {}))
        if report and not inside(self.workspace / report.directory, self.workspace):
            text = f"`report.directory`: found {short(report.directory)}, expected a folder of the workspace"
            problem = Problem("outside_workspace", text)
            self._place([(("report", "directory"), problem)], self.document)
        return release

    # -------------------------------------------------------- the files it names

    def _files(self, raw: dict[str, Any]) -> dict[str, Any]:
        if self.audit_only:
            self._logs(raw)
            return {}
        extra: dict[str, Any] = {}
        thresholds = self._document(raw, ("canary", "thresholds"), ThresholdsFile, "the canary thresholds")
        if thresholds:
            document, model = thresholds
            note = str(look_up(raw, ("canary", "on_thin")))
            found = model.metrics if model else _each_valid(Threshold, document.data.get("metrics"))
            self._place(checks.threshold_problems(found, note), document)
            extra["thresholds"] = found
        metrics = ("canary", "metrics")
        if is_document(look_up(raw, metrics), self.workspace):
            read = self._document(raw, metrics, CanaryDocument, "the canary's metrics", prepare=drop_missing)
            if read and read[1]:
                extra["canary_document"] = read[1]
                sha = look_up(raw, ("canary", "sha"))
                self._place(data_checks.canary_problems(read[1], sha if isinstance(sha, str) else None), read[0])
        elif isinstance(look_up(raw, metrics), str):
            self._find(raw, metrics, "the canary's metrics")
        self._logs(raw)
        self._find(raw, ("canary_report",), "the canary's report")
        extra["mdes"], extra["experiment_documents"] = {}, {}
        valid = _experiments(raw)
        for index in range(_length(raw.get("experiments"))):
            self._experiment(raw, index, valid.get(index), extra["mdes"], extra["experiment_documents"])
        return extra

    def _logs(self, raw: dict[str, Any]) -> None:
        self._find(raw, ("canary", "assignments"), "the canary's log")
        self._find(raw, ("assignments",), "the assignment log")
        self._find(raw, ("platform", "configs"), "the platform's config")
        for index in range(_length(raw.get("experiments"))):
            self._find(raw, ("experiments", index, "assignments"), "the experiment's log")

    def _experiment(
        self,
        raw: dict[str, Any],
        index: int,
        experiment: ExperimentConfig | None,
        mdes: dict[str, dict[str, Mde]],
        documents: dict[str, ExperimentDocument],
    ) -> None:
        name = str(look_up(raw, ("experiments", index, "id")))
        effects = self._document(raw, ("experiments", index, "mde"), _MdeFile, "the minimum effects")
        if effects and effects[1]:
            mdes[name] = effects[1].root
            self._place(checks.mde_problems(mdes[name]), effects[0])
        where: Where = ("experiments", index, "data")
        entries = _entries(raw, where)
        if not any(is_document(text, self.workspace) for _, text in entries):
            self._find(raw, where, "the experiment's data")
            return
        if len(entries) > 1:
            text = f"`{dotted(where)}`: found {len(entries)} files, expected one document or the files of one table"
            self._place([(where, Problem("several_documents", text))], self.document)
            return
        what = "the experiment's data"
        found = self._document(raw, entries[0][0], ExperimentDocument, what, prepare=tidy_experiment)
        if found and found[1]:
            documents[name] = found[1]
            if experiment:
                self._place(data_checks.experiment_problems(found[1], experiment), found[0])
                self.notes += data_checks.unmatched(found[1], experiment, mdes.get(name, {}))

    def _document(
        self,
        raw: dict[str, Any],
        where: Where,
        model: type[M],
        what: str,
        *,
        prepare: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> tuple[Document, M | None] | None:
        """One file and its model, which is None where it is not valid; None where there is no file to read."""
        files = self._find(raw, where, what)
        if len(files) > 1:
            text = f"`{dotted(where)}`: the pattern matches {len(files)} files, expected one document"
            self._place([(where, Problem("several_documents", text))], self.document)
        if len(files) != 1:
            return None
        document = self._try(lambda: read_document(files[0], shown(files[0], self.workspace)))
        if document is None:
            return None
        prepare(document.data)
        try:
            return document, model.model_validate(document.data)
        except ValidationError as error:
            self.problems += problems_of(error, document.data, model, document)
            return document, None

    def _find(self, raw: dict[str, Any], where: Where, what: str) -> list[Path]:
        """The files that the config's key names; a problem stands where the key does."""
        files: list[Path] = []
        for place, entry in _entries(raw, where):
            try:
                files += find_files([entry], self.workspace, what=what, allow=self.allow)
            except InputError as error:
                for problem in error.problems:
                    named = f": `{problem.file}`" if problem.file else ""
                    text = f"`{dotted(place)}`: {problem.message}{named}"
                    self._place([(place, Problem(problem.code, text, fix=problem.fix))], self.document)
        return files

    # -------------------------------------------------------- problems

    def _try(self, read: Callable[[], Document]) -> Document | None:
        try:
            return read()
        except InputError as error:
            self.problems += error.problems
            return None

    def _place(self, found: Iterable[tuple[Where, Problem]], document: Document | None) -> None:
        """Keep problems with the line of the document, or the input, that they belong to."""
        origin = self.origin if document is self.document else {}
        self.problems += [placed(path, problem, document, origin) for path, problem in found]


def _entries(raw: dict[str, Any], where: Where) -> list[tuple[Where, str]]:
    """A path, or each path of a list, with its place; what is no text is left to the model."""
    value = look_up(raw, where)
    if isinstance(value, list):
        return [((*where, index), item) for index, item in enumerate(value) if isinstance(item, str)]
    return [(where, value)] if isinstance(value, str) else []


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def _valid(model: type[M], raw: Any) -> M | None:
    """One part of the config; None where it is not valid, which the whole's validation says."""
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None


def _each_valid(model: type[M], raw: Any) -> dict[str, M]:
    found = {name: _valid(model, item) for name, item in raw.items()} if isinstance(raw, dict) else {}
    return {name: item for name, item in found.items() if item is not None}


def _experiments(raw: dict[str, Any]) -> dict[int, ExperimentConfig]:
    """The experiments that are valid by themselves, by their place in the list."""
    places = range(_length(raw.get("experiments")))
    found = {index: _valid(ExperimentConfig, look_up(raw, ("experiments", index))) for index in places}
    return {index: item for index, item in found.items() if item is not None}
