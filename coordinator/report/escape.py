"""Foreign text (arms, metrics, ids, file names, messages) made harmless, one function a sink.

Sinks: the log, where the runner reads workflow commands; Markdown on GitHub; ``GITHUB_OUTPUT``; HTML.
"""

from __future__ import annotations

import html as _html
import re
import unicodedata
from functools import lru_cache

MARK = "\ufffd"  # stands for a character that must not be shown
_BREAK = "\u200b"  # zero width: keeps two characters apart, so that they mean nothing together
_SPACE = re.compile(r"\s+")
_ODD = frozenset({"Cc", "Cf", "Cs"})
_ENTITIES = {"&": "&amp;", "<": "&lt;", "|": "&#124;", "\\": "&#92;", "`": "&#96;"}
# An interval of figures, kept as it is; or a character that means something in a line ("<" before a space does not).
_MEANING = re.compile(r"(\[[+−–∞0-9., %p]+\](?![(\[:]))|[&|\\`*~$\[\]]|<(?! )|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LINKS = re.compile(
    r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=\w)|(?<=#)(?=\d)|(?<=gh)(?=-\d)|(?<=mailto)(?=:)|(?<=xmpp)(?=:)",
    re.IGNORECASE,
)
_LINE_START = re.compile(r"^(\d*)([-+=#:>]|(?<=\d)[.)](?= |$))")
_PLAIN_CODE = re.compile(r"[^`|<>&\\]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def plain(text: str) -> str:
    r"""One line of visible text: white space collapsed; control, format, bidi and broken characters replaced.

    >>> plain("a\n b\u202e c")
    'a b� c'
    """
    spaced = _SPACE.sub(" ", text).strip()
    return "".join(MARK if unicodedata.category(char) in _ODD else char for char in spaced)


def cut(text: str, limit: int) -> str:
    """The text shortened at its end to ``limit`` characters.

    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def cut_middle(text: str, limit: int) -> str:
    """A name shortened in its middle, since names differ at their ends.

    >>> cut_middle("checkout_completion_rate", 11)
    'check…_rate'
    """
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}" if tail else cut(text, limit)


# ---------------------------------------------------------------- Markdown


@lru_cache(maxsize=4096)  # one report is rendered several times until it fits
def markdown(text: str, *, line_start: bool = True) -> str:
    r"""Text for Markdown, in a table cell too: it shows as itself and does nothing.

    No mention, reference, link, HTML, math, marker or list comes out of it. Figures stay readable in the source.

    Args:
        text: anything.
        line_start: whether the text may stand at the start of a line, where more characters mean something.

    >>> markdown("*a* | <b> @team #12 https://x.y")
    '\\*a\\* &#124; &lt;b> @\u200bteam #\u200b12 https:\u200b//x.y'
    >>> markdown("+1.6% [−0.4%, +3.5%], p < 0.0001", line_start=False), markdown("- a"), markdown("1. b")
    ('+1.6% [−0.4%, +3.5%], p < 0.0001', '\\- a', '1\\. b')
    """
    safe = _LINKS.sub(_BREAK, plain(text))
    safe = _MEANING.sub(lambda match: match[1] or _ENTITIES.get(match[0], f"\\{match[0]}"), safe)
    return _LINE_START.sub(lambda match: f"{match[1]}\\{match[2]}", safe) if line_start else safe


def markdown_code(text: str) -> str:
    """Text as a code span, in a table cell too; names stay readable in the source.

    >>> markdown_code("error_rate"), markdown_code("a|b`")
    ('`error_rate`', '<code>a&#124;b&#96;</code>')
    """
    safe = plain(text)
    if not safe:
        return "–"
    if _PLAIN_CODE.fullmatch(safe):
        return f"`{safe}`"
    return f"<code>{markdown(safe)}</code>"


def url(address: str) -> str | None:
    """An http(s) address fit for a Markdown or HTML link; None for any other.

    >>> url("https://x.y/a b"), url("javascript:x")
    (None, None)
    >>> url("https://github.com/a/b/actions/runs/1")
    'https://github.com/a/b/actions/runs/1'
    """
    return address if re.fullmatch(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]+", address) else None


# ---------------------------------------------------------------- the log


def log(text: str) -> str:
    r"""One line for the log that the runner reads as text, never as a workflow command. Spaces stay.

    >>> log("a\n::add-mask::x"), log("##[error]x")
    ('a :\u200b:add-mask:\u200b:x', '##\u200b[error]x')
    """
    spaced = re.sub(r"\s", " ", text)
    safe = "".join(MARK if unicodedata.category(char) in _ODD else char for char in spaced)
    return re.sub(r"(?<=:)(?=:)|(?<=##)(?=\[)", _BREAK, safe)


def command(name: str, message: str, **properties: str | int | None) -> str:
    """A workflow command (``error``, ``warning``, ``notice``, ``group``, ``debug``...) with its data escaped.

    >>> command("error", "50% off", file="a,b.yml", line=3, col=None)
    '::error file=a%2Cb.yml,line=3::50%25 off'
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a workflow command")
    pairs = ",".join(f"{key}={_property(str(item))}" for key, item in properties.items() if item is not None)
    return f"::{name}{' ' + pairs if pairs else ''}::{_data(message)}"


def _data(text: str) -> str:
    lines = "\n".join(plain(line) for line in text.splitlines())
    return lines.replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    return plain(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def without_commands(text: str, token: str) -> str:
    """Many lines of foreign text for the log (a traceback), with workflow commands switched off around them.

    Args:
        text: the lines.
        token: a random word, which switches commands on again; made by the caller.

    Raises:
        ValueError: the token is no plain word of at least 16 characters, or the text holds it.
    """
    if not re.fullmatch(r"[A-Za-z0-9-]{16,}", token) or token in text:
        raise ValueError("the token must be a random word of 16 characters or more that the text does not hold")
    lines = "\n".join(plain(line) if not line[:1].isspace() else _indented(line) for line in text.splitlines())
    return f"::stop-commands::{token}\n{lines}\n::{token}::"


def _indented(line: str) -> str:
    return " " * (len(line) - len(line.lstrip())) + plain(line)


# ---------------------------------------------------------------- GITHUB_OUTPUT


def output_lines(name: str, value: str, delimiter: str) -> str:
    r"""The lines that set one output, as a heredoc; ``value`` may be anything.

    Args:
        name: the output.
        value: its text; a broken character is replaced.
        delimiter: a random word that ``value`` does not hold; made by the caller.

    Raises:
        ValueError: a name or delimiter that is no plain word, or a delimiter that is in the value.

    >>> output_lines("action", "Hold.", "EOF_1")
    'action<<EOF_1\nHold.\nEOF_1\n'
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of an output")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", delimiter) or delimiter in value:
        raise ValueError("the delimiter must be a plain word that the value does not hold")
    return f"{name}<<{delimiter}\n{encodable(value)}\n{delimiter}\n"


def encodable(text: str) -> str:
    r"""The text with what UTF-8 cannot hold (a lone surrogate) replaced.

    >>> encodable("a\ud800")
    'a�'
    """
    return "".join(MARK if "\ud800" <= char <= "\udfff" else char for char in text)


# ---------------------------------------------------------------- HTML


def html(text: str) -> str:
    """Text for HTML, between tags or in a quoted attribute.

    >>> html("<a b='c'>")
    '&lt;a b=&#x27;c&#x27;&gt;'
    """
    return _html.escape(plain(text), quote=True)
