"""Foreign text in each sink: it is shown, and does nothing."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from coordinator.report import escape

HOSTILE = [
    "@security-team",
    "a@b.com",
    "#123",
    "GH-12",
    "owner/repo#4",
    "[x](https://evil.example)",
    "![x](https://evil.example/p.png)",
    "[x]: https://evil.example",
    "https://evil.example/a?b=c",
    "www.evil.example",
    "<img src=x onerror=alert(1)>",
    "</details></table><script>alert(1)</script>",
    "<!-- canary-experiment-coordinator: v1 -->",
    "-->",
    "a | b || c",
    "a \\| b",
    "`code` ``` ~~~",
    "**bold** __bold__ *it* _it_ ~~no~~",
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "> [!CAUTION]",
    "---",
    ":--",
    "===",
    "- [ ] task",
    "$x$ $$y$$",
    "line\nbreak\r\n\r\nparagraph",
    "a\u2028b\u2029c\u0085d",
    "\x00\x07\x1b[31mred\x1b[0m",
    "\u202egnp.exe\u2066\u2069\u200f\ufeff",
    "\ud800 lone",
    "&lt; &#64; &amp;",
    "::error::x",
    "::add-mask::x",
    "##[command]x",
    "%0A::set-output name=x::y",
    "trailing \\",
    "",
    "   ",
    "[+1](javascript:x)",
    "[+1][+2]: x",
    "a__b__c_d_ _e",
    "😀 مرحبا",
    "https://evil.example]",
]
PIECES = st.sampled_from(
    [*HOSTILE, "error_rate", "checkout", " ", "|", "`", "<", "[", "]", "(", "_", "*", "\\", "@a", "\n"]
)
TEXTS = st.lists(PIECES | st.text(max_size=12), max_size=6).map("".join)

GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": False, "breaks": True})
LINKING = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {"table", "thead", "tbody", "tr", "th", "td", "p", "code", "br"}


class Page(HTMLParser):
    """The tags and the text outside code of a rendered page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""
        self.quiet = 0
        self.comments = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        self.quiet += tag == "code"

    def handle_endtag(self, tag: str) -> None:
        self.quiet -= tag == "code"

    def handle_data(self, data: str) -> None:
        self.text += "" if self.quiet else data

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def assert_harmless(page: Page) -> None:
    assert set(page.tags) <= OURS
    assert not page.comments
    assert not re.search(r"@\w", page.text), "a mention"
    assert not re.search(r"#\d", page.text), "a reference"
    assert not re.search(r"https?://|www\.", page.text), "a link"
    assert not re.search(r"\bgh-\d", page.text, re.IGNORECASE), "a reference"


@given(TEXTS)
def test_text_opens_no_tag_mentions_nobody_and_links_nowhere(text: str) -> None:
    assert_harmless(Page(GITHUB.render(escape.markdown(text))))


@given(TEXTS)
def test_a_code_span_opens_no_tag_mentions_nobody_and_links_nowhere(text: str) -> None:
    assert_harmless(Page(GITHUB.render(escape.markdown_code(text))))


@given(st.lists(TEXTS, min_size=2, max_size=2), st.lists(TEXTS, min_size=2, max_size=2))
def test_a_table_keeps_its_shape(first: list[str], second: list[str]) -> None:
    rows = [
        f"| {escape.markdown(left, line_start=False)} | {escape.markdown_code(right)} | end |"
        for left, right in (first, second)
    ]
    page = Page(GITHUB.render("\n".join(["| a | b | c |", "|:--|:--|--:|", *rows])))
    assert (page.tags.count("table"), page.tags.count("tr"), page.tags.count("td")) == (1, 3, 6)
    assert page.text.count("end") >= 2
    assert_harmless(page)


@given(TEXTS)
def test_text_is_one_paragraph_at_the_start_of_a_line(text: str) -> None:
    page = Page(GITHUB.render(f"before\n{escape.markdown(text) or '–'}\nafter"))
    assert set(page.tags) <= {"p", "br"}
    assert page.tags.count("p") == 1


@given(TEXTS)
def test_what_was_written_can_be_read(text: str) -> None:
    shown = Page(LINKING.render(escape.markdown(text, line_start=True))).text.replace("\u200b", "")
    assert "".join(shown.split()) == "".join(escape.plain(text).split()).replace("\u200b", "")


@given(TEXTS)
def test_no_marker_can_be_forged(text: str) -> None:
    assert "<!--" not in escape.markdown(text)
    assert "<!--" not in escape.markdown_code(text)
    assert "<!--" not in escape.html(text)


@given(st.text())
def test_one_visible_line_without_control_or_direction_marks(text: str) -> None:
    for shown in (escape.plain(text), escape.log(text).replace("\u200b", "")):
        assert not [char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
        shown.encode()


def commands(line: str) -> bool:
    """Whether the runner would read a line as a command: ``::name`` at its start, or ``##[name`` anywhere."""
    return line.lstrip().startswith("::") or "##[" in line


@given(TEXTS, st.sampled_from(["", " ", ":", "#", "\t", "##"]))
def test_a_log_line_is_never_a_command(text: str, before: str) -> None:
    lines = escape.log(before + text).splitlines() or [""]
    assert len(lines) == 1
    assert not commands(lines[0])


def test_a_log_line_keeps_its_indentation() -> None:
    assert escape.log("  a   b") == "  a   b"


@given(TEXTS)
def test_a_workflow_command_is_one_line_whatever_its_message(text: str) -> None:
    line = escape.command("error", text, file=text, line=3)
    assert len(line.splitlines()) == 1
    head, _, _ = line.removeprefix("::error ").partition("::")
    assert re.fullmatch(r"file=[^,:]*,line=3", head)


def test_a_commands_name_is_a_word() -> None:
    with pytest.raises(ValueError, match="not the name"):
        escape.command("error::x", "y")


@given(TEXTS)
def test_commands_inside_a_stopped_block_do_not_count(text: str) -> None:
    token = "f3b1c9d2e4a5b6c7d8e9"
    lines = escape.without_commands(text, token).splitlines()
    assert (lines[0], lines[-1]) == (f"::stop-commands::{token}", f"::{token}::")
    assert not [line for line in lines[1:-1] if token in line]


def test_a_stopped_block_keeps_a_tracebacks_indentation() -> None:
    text = escape.without_commands("Traceback\n  File x\n::error::y", "0123456789abcdef")
    assert text.splitlines()[2] == "  File x"


@pytest.mark.parametrize("token", ["short", "with space in the middle", "0123456789abcdef"])
def test_a_token_that_could_be_forged_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="random word"):
        escape.without_commands("0123456789abcdef", token)


def read_outputs(text: str) -> dict[str, str]:
    """The runner's grammar of an output file: ``name<<delimiter``, lines, the delimiter alone on a line."""
    found: dict[str, str] = {}
    lines = text.split("\n")
    while lines and lines[0]:
        name, _, delimiter = lines.pop(0).partition("<<")
        end = lines.index(delimiter)
        found[name] = "\n".join(lines[:end])
        del lines[: end + 1]
    return found


@given(TEXTS, TEXTS)
def test_no_value_of_an_output_makes_another_output(first: str, second: str) -> None:
    text = escape.output_lines("action", first, "EOF_7c1d") + escape.output_lines("report", second, "EOF_7c1d")
    assert read_outputs(text) == {"action": escape.encodable(first), "report": escape.encodable(second)}
    text.encode()


@pytest.mark.parametrize(
    ("name", "value", "delimiter"), [("a", "x EOF y", "EOF"), ("a b", "x", "EOF"), ("a", "x", "E\nF")]
)
def test_an_output_that_could_break_out_is_refused(name: str, value: str, delimiter: str) -> None:
    with pytest.raises(ValueError, match=r"name of an output|delimiter"):
        escape.output_lines(name, value, delimiter)


@given(TEXTS)
def test_html_text_opens_no_tag_and_leaves_no_attribute(text: str) -> None:
    page = Page(f'<p title="{escape.html(text)}">{escape.html(text)}</p>')
    assert page.tags == ["p"]
    assert not page.comments


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "https://a b", "//x", "data:text/html,x", "https://x)", "http://[x]", "https://x\n"],
)
def test_only_plain_http_addresses_become_links(address: str) -> None:
    assert escape.url(address) is None


@given(st.text(max_size=40), st.integers(1, 30))
def test_a_cut_text_is_as_short_as_was_asked(text: str, limit: int) -> None:
    assert len(escape.cut(text, limit)) <= limit
    assert len(escape.cut_middle(text, limit)) <= limit
