"""Documents keep what is written, know where it stands, and no file can break the reader."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from coordinator.errors import InputError, describe
from coordinator.yamlfile import MAX_BYTES, Document, read_document


def read(folder: Path, text: str | bytes, name: str = "a.yml") -> Document:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_document(path, name)


def refused(folder: Path, text: str | bytes, name: str = "a.yml") -> list[str]:
    with pytest.raises(InputError) as caught:
        read(folder, text, name)
    return [describe(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "word", ["on", "off", "true", "no", "0123456", "1234567", "1e5", "5%", "2026-05-05", "12:30:00", "0x1F", ".nan"]
)
def test_a_scalar_stays_what_it_looks_like(tmp_path: Path, word: str) -> None:
    assert read(tmp_path, f"a: {word}\n{word}: b\n").data == {"a": word, word: "b"}


@pytest.mark.parametrize("word", ["", "~", "null", "Null"])
def test_a_plain_null_is_nothing(tmp_path: Path, word: str) -> None:
    assert read(tmp_path, f"a: {word}\nb: 'null'\n").data == {"a": None, "b": "null"}


@pytest.mark.parametrize("text", ["\ufeffa: 1\nb: [2]\n", "a: 1\r\nb:\r\n  - 2\r\n", "---\na: 1\nb: [2]\n...\n"])
def test_a_bom_windows_line_ends_and_markers_do_no_harm(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).data == {"a": "1", "b": ["2"]}


def test_anchors_and_merges_are_read(tmp_path: Path) -> None:
    text = "x: &x { a: 1, b: 2 }\ny: { <<: *x, b: 3 }\nz: *x\n"
    assert read(tmp_path, text).data["y"] == {"a": "1", "b": "3"}


def test_every_value_knows_its_line_and_column(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  b:\n    - c: 1\n    - c: 2\n")
    assert document.locate(("a", "b", 1, "c")) == (4, 10)
    assert document.locate(("a", "b", 1, "c"), key=True) == (4, 7)
    assert document.locate(("a", "b", 7)) == (3, 5)
    assert document.locate(("a", "nothing")) == (2, 3)
    assert document.locate(()) == (1, 1)


def test_a_json_document_knows_its_lines_too(tmp_path: Path) -> None:
    text = json.dumps({"a": {"b": [1, {"c": 2}]}}, indent=1)
    document = read(tmp_path, text, "a.json")
    assert document.data == {"a": {"b": ["1", {"c": "2"}]}}
    assert document.locate(("a", "b", 1, "c")) == (6, 10)


def test_json_with_tabs_knows_its_lines_too(tmp_path: Path) -> None:
    document = read(tmp_path, '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n', "a.json")
    assert document.locate(("a", "b"))[0] == 3


def test_words_of_json_stay_words(tmp_path: Path) -> None:
    text = '{"a": true, "b": [false, 0.10, 1e3], "c": null, "d": NaN, "e": -Infinity}'
    assert read(tmp_path, text, "a.json").data == {
        "a": "true",
        "b": ["false", "0.10", "1e3"],
        "c": None,
        "d": ".nan",
        "e": "-.inf",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\n\n  b: 2\n", "a.yml:3:4: not YAML: mapping values are not allowed"),
        ("a:\n\tb: 1\n", "a.yml:2:1: not YAML: while scanning"),
        ("a:\n  b: 1\n\tc: 2\n", "YAML is indented with spaces, not tabs."),
        ("a: [1,\nb: 2\n", "a.yml:3:1: not YAML"),
        ("a: 1\n---\nb: 2\n", "a.yml:2:1: not YAML: expected a single document"),
        ("a: *b\n", "a.yml:1:4: not YAML: found undefined alias"),
        ("a: 1\nb: \x07\n", "a.yml:2: not YAML: found the character U+0007"),
        ("? [a, b]\n: 1\n", "found a list or mapping as a key, expected a word"),
        ("- a\n", "a.yml:1:1: found a list, expected a mapping of keys"),
        ("words\n", "a.yml:1:1: found a single value, expected a mapping"),
        (" \n\n", "the file is empty"),
        ("# a comment\n", "the file is empty"),
        (b"PAR1\x80\xff\x00", "found a binary file, expected YAML or JSON text"),
    ],
)
def test_what_is_no_document_says_what_and_where(tmp_path: Path, text: str | bytes, words: str) -> None:
    (line,) = refused(tmp_path, text)
    assert words in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1,\n "b": }', "a.json:2:7: not JSON: Expecting value"),
        ("[1, 2]", "a.json:1:1: found a list, expected a mapping of keys"),
        ("17", "a.json:1:1: found a single value, expected a mapping of keys"),
        ('{"a": 1,\n "a": 2}', "a.json:2:2: the key `a` stands here and in line 1"),
        ("", "a.json: the file is empty"),
    ],
)
def test_what_is_no_json_says_what_and_where(tmp_path: Path, text: str, words: str) -> None:
    (line,) = refused(tmp_path, text, "a.json")
    assert words in line


def test_every_duplicate_key_is_named(tmp_path: Path) -> None:
    lines = refused(tmp_path, "a: 1\nb: { c: 1, c: 2 }\na: 3\n")
    assert [line.split(":")[1] for line in lines] == ["2", "3"]


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
        "a: &a [*a]\n",
        "a: &a { b: *a }\n",
        "a: &a\n  <<: *a\n",
    ],
    ids=["laughs", "list", "mapping", "merge"],
)
def test_anchors_that_explode_are_refused_at_once(tmp_path: Path, text: str) -> None:
    start = time.process_time()
    (line,) = refused(tmp_path, text)
    assert "its aliases (`*name`) expand to more than 5,000,000 values" in line
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 100_000,
        "a: " + "[" * 500 + "]" * 500,
        "a: " + "{b: " * 100_000,
        "- " * 100_000,
        "\n".join(" " * depth + "a:" for depth in range(3_000)),
        "? " * 100_000,
    ],
    ids=["open", "lists", "mappings", "dashes", "indents", "keys"],
)
def test_a_bottomless_document_is_refused_and_breaks_nothing(tmp_path: Path, text: str) -> None:
    (line,) = refused(tmp_path, text)
    assert "levels deep" in line or "not YAML" in line


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' * 100_000, '{"a": ' + "[" * 900 + "]" * 900 + "}"])
def test_bottomless_json_is_refused_and_breaks_nothing(tmp_path: Path, text: str) -> None:
    (line,) = refused(tmp_path, text, "a.json")
    assert "not JSON" in line or "levels deep" in line


def test_many_small_mappings_are_not_taken_for_depth(tmp_path: Path) -> None:
    items = ", ".join("{ a: [1] }" for _ in range(2_000))
    assert len(read(tmp_path, f"b: [{items}]\n").data["b"]) == 2_000


def test_more_than_50_mb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    with path.open("wb") as file:
        file.truncate(51_000_000)
    assert MAX_BYTES < 51_000_000
    with pytest.raises(InputError, match=r"the file has 51\.0 MB, at most 50 MB are read"):
        read_document(path, "a.yml")


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: None])
def test_a_folder_or_nothing_is_refused(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "a.yml")
    with pytest.raises(InputError, match=r"there is no such file|found a folder"):
        read_document(tmp_path / "a.yml", "a.yml")


def test_a_megabyte_of_samples_is_read_quickly(tmp_path: Path) -> None:
    samples = ", ".join(f"{number / 7:.3f}" for number in range(120_000))
    start = time.process_time()
    document = read(tmp_path, f"canary:\n  metrics:\n    p95: {{ samples: [{samples}] }}\n")
    assert len(document.data["canary"]["metrics"]["p95"]["samples"]) == 120_000
    assert time.process_time() - start < 5
