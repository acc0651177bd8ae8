"""No input breaks the loader: whatever stands in a file or an input, it is read or refused with a place."""

from __future__ import annotations

import copy
import json
import math
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator import values
from coordinator.errors import InputError
from coordinator.loader import load_config
from coordinator.overrides import PATHS
from coordinator.yamlfile import read_document
from tests import releases

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
ODD = ["", "1", "-1", "5%", "on", ".nan", "1e999", "s3://a:b@c/d", "*", "..", "/", "~", "null", "a\0", "x" * 300]
WORDS = st.sampled_from(ODD) | TEXT
SIGNS = "ab:-[]{}&*<>#?|!%@'\"\n\t 1"
JUNK = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "release.yml": releases.release_document,
    "canary-metrics.yml": releases.canary_document,
    "canary-thresholds.yml": lambda: copy.deepcopy(releases.THRESHOLDS),
    "experiment-data.yml": releases.experiment_document,
    "mde.yml": lambda: {"checkout_completion_rate": {"mde_relative": 1.0, "mde_absolute": 0.5}},
}


def places(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a document."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [found for key, value in items for found in [(*path, key), *places(value, (*path, key))]]


EVERYWHERE = [(name, path) for name, make in DOCUMENTS.items() for path in places(make())]


def loads_or_refuses(folder: Path, overrides: dict[str, str] | None = None) -> None:
    try:
        load_config(Path("release.yml"), overrides or {}, workspace=folder)
    except InputError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert len(set(problems)) == len(problems)
    for problem in problems:
        assert problem.message
        assert problem.file or "input `" in problem.message


@pytest.fixture(scope="module")
def folder() -> Any:
    with tempfile.TemporaryDirectory() as name:
        releases.make(Path(name), assignments=releases.independent(20))
        yield Path(name)


@settings(max_examples=300)
@given(place=st.sampled_from(EVERYWHERE), junk=JUNK, json_file=st.booleans())
def test_junk_in_any_place_of_any_document_is_read_or_refused(
    folder: Path, place: tuple[str, tuple[str | int, ...]], junk: Any, json_file: bool
) -> None:
    name, path = place
    document: Any = DOCUMENTS[name]()
    node = document
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = junk
    text = json.dumps(document)
    plain = json.dumps(DOCUMENTS[name]())
    given_as = {"canary-metrics.yml": "canary-metrics", "experiment-data.yml": "experiment-data"}.get(name)
    try:
        if json_file and given_as:
            (folder / "other.json").write_text(text, encoding="utf-8")
            loads_or_refuses(folder, {given_as: "other.json"})
        else:
            (folder / name).write_text(text, encoding="utf-8")
            loads_or_refuses(folder)
    finally:
        (folder / name).write_text(plain, encoding="utf-8")


@settings(max_examples=150)
@given(overrides=st.dictionaries(st.sampled_from(sorted(PATHS)), WORDS, max_size=4))
def test_junk_in_any_input_is_read_or_refused(folder: Path, overrides: dict[str, str]) -> None:
    loads_or_refuses(folder, overrides)


@settings(max_examples=300)
@given(
    text=st.text(max_size=60) | st.text(SIGNS, max_size=60),
    ending=st.sampled_from(["yml", "json"]),
)
def test_any_text_is_a_document_or_refused(folder: Path, text: str, ending: str) -> None:
    path = folder / f"any.{ending}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        document = read_document(path, path.name)
    except InputError as error:
        files = {problem.file for problem in error.problems}
    else:
        files = {document.name}
        for key in document.data:
            assert document.locate((key,))[0] is not None or ending == "json"
    assert files == {path.name}


READERS: list[Callable[[Any], Any]] = [
    values.number,
    values.share,
    values.fraction,
    values.level,
    values.duration,
    values.timestamp,
    values.looks,
    values.split,
    values.samples,
    values.strings,
]


@settings(max_examples=300)
@given(junk=JUNK | st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{1,5})?[a-z%]?", fullmatch=True))
def test_what_a_word_cannot_mean_is_a_value_error(junk: Any) -> None:
    for read in READERS:
        with suppress(ValueError):
            read(junk)


@given(st.floats(0.001, 0.999))
def test_a_share_reads_the_same_in_every_form(share: float) -> None:
    assert values.share(f"{share * 100!r}%") == pytest.approx(share)
    assert values.share(repr(share)) == pytest.approx(share)
    if share * 100 > 1:
        assert values.share(repr(share * 100)) == pytest.approx(share)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=8))
def test_a_split_rounded_to_one_decimal_adds_up_and_keeps_its_order(parts: list[int]) -> None:
    shares = {f"arm{index}": round(100 * part / sum(parts), 1) for index, part in enumerate(parts)}
    if min(shares.values()) <= 0:
        return
    found = values.split({arm: f"{share}%" for arm, share in shares.items()})
    assert list(found) == list(shares)
    assert math.fsum(found.values()) == pytest.approx(1, abs=1e-9)
    for arm, share in shares.items():
        assert found[arm] == pytest.approx(share / 100, abs=0.005)


@given(st.datetimes(datetime(2001, 9, 10), datetime(2200, 1, 1)))
def test_a_time_reads_the_same_in_every_form(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC, microsecond=0)
    seconds = int(moment.timestamp())
    for text in (moment.isoformat(), moment.replace(tzinfo=None).isoformat(), seconds, seconds * 1000, seconds * 10**6):
        assert values.timestamp(str(text)) == moment
