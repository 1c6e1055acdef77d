r"""The gate for text that leaves the tool: each kind of output gets text in a form that nothing in it can break out of.

Names of layers, tensors, columns, recipes, files and plugins, descriptions, and messages of other libraries come from
elsewhere. They pass unescaped through the tool, and one of these functions escapes them where they leave it: `one_line`
and `message_lines` for terminals and logs, `markdown` and its siblings, `html`, `json_text`, `json_line`, `csv_text`,
`xml_text`, `github_annotation`, and `c_comment` for firmware. Another kind of output gets a function of its own here.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from xml.etree import ElementTree

from compressor.base.text import printable

_STAND_INS: Final = {  # for encodings that lack what the tool itself writes
    "✓": "ok", "✗": "x", "→": "->", "…": "...", "·": "-", "±": "+-", "µ": "u", "█": "#",
    "─": "-", "━": "-", "│": "|", "╸": "-", "╺": "-",
}  # fmt: skip
_MARKDOWN_SPECIAL = re.compile(r"[\\`*\[\]{}#|~$<&]|(?<![^\W_])_|_(?![^\W_])")
_C_COMMENT: Final = frozenset(f"{string.ascii_letters}{string.digits} _./-:;,()'=+<>[]")
_MARKDOWN_ENTITIES: Final = {"<": "&lt;", "&": "&amp;"}
_HTML_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_HTML_SPECIAL = re.compile(r"[&<>\"']")
_COMMAND = re.compile(r"^(\s*)(::|##\[)", re.MULTILINE)  # begins one in the log of a CI system
_MARKDOWN_BLOCK = re.compile(r"^(\d*)((?<!\d)[-+=>:]|(?<=\d)[.)])")  # starts a list, a quote, a rule or a heading


def one_line(text: str, encoding: str = "utf-8") -> str:
    """The text on one line of a terminal or a log, with escapes for what these would hide or act on.

    Control characters, line breaks, escape sequences and marks that change the direction of text are shown as `\\x1b`
    or `\\u202e`, and characters that the encoding lacks by others that it has. Under GitHub Actions, nothing in the
    text is taken for a workflow command.
    """
    text = printable(text)
    if os.environ.get("GITHUB_ACTIONS"):
        text = text.replace("::", r":\x3a").replace("##[", r"#\x23[")
    return in_encoding(text, encoding)


def message_lines(text: str, encoding: str = "utf-8") -> list[str]:
    """A message of one or several lines; all but the first are indented, so that none passes for another message."""
    first, *others = (one_line(line, encoding) for line in text.split("\n"))
    return [first, *(line if line.startswith("  ") or not line else f"  {line}" for line in others)]


def in_encoding(text: str, encoding: str) -> str:
    """The text with stand-ins or escapes for characters that the encoding lacks; ASCII if it is unknown."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_encodable(char, encoding) for char in text)
    except LookupError:
        return in_encoding(text, "ascii")
    return text


def stand_in(char: str) -> str:
    """A stand-in for a character that the encoding lacks: `->` for an arrow, or an escape."""
    return _STAND_INS.get(char) or char.encode("ascii", "backslashreplace").decode("ascii")


def json_text(data: Any, ascii_only: bool = True) -> str:
    """The data as JSON, indented, without a line break at the end.

    What is not printable is escaped, and so is all that is not ASCII unless `ascii_only` is false. Numbers that JSON
    lacks (NaN and the infinities) are null.
    """
    text = json.dumps(_without_nan(data), indent=2, ensure_ascii=ascii_only, allow_nan=False)
    return "\n".join(_json_escaped(line) for line in text.split("\n"))


def json_line(data: Any) -> str:
    """The data as JSON on one line, in ASCII. Numbers that JSON lacks are null."""
    return json.dumps(_without_nan(data), allow_nan=False)


def xml_text(root: ElementTree.Element) -> str:
    """The element as an XML document, indented; characters that XML cannot hold are escaped as they are elsewhere."""
    for element in root.iter():
        element.text = "\n".join(map(printable, (element.text or "").split("\n"))) or None
        element.attrib.update({name: printable(value) for name, value in element.attrib.items()})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode")


def github_annotation(message: str, properties: Mapping[str, object], level: str = "error") -> str:
    """A workflow command that has GitHub show a message, with the escapes that GitHub documents.

    Args:
        message: what to show.
        properties: where, by GitHub's names: `file`, `line`, `col`.
        level: `error`, `warning` or `notice`.
    """
    text = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    pairs = ",".join(f"{name}={_github_property(str(value))}" for name, value in properties.items())
    return f"::{level} {pairs}::{printable(text)}"


def markdown(text: str) -> str:
    """The text as Markdown within a line, where it reads as it is: no markup, link, tag, entity or table cell."""
    line = printable(" ".join(text.split()))
    return _MARKDOWN_SPECIAL.sub(lambda found: _MARKDOWN_ENTITIES.get(found[0], f"\\{found[0]}"), line)


def markdown_block(text: str) -> str:
    """Text of several lines as Markdown at the start of a line; blank lines part paragraphs, as they do in the text."""
    return "\n".join(_MARKDOWN_BLOCK.sub(r"\1\\\2", markdown(line)) for line in text.strip().split("\n"))


def markdown_code(text: str) -> str:
    """A name as Markdown code, or as plain text if it has characters that code cannot hold in every place."""
    name = printable(text)
    plain = not name or name != name.strip() or any(char in name for char in "`|\\")
    return markdown(name) if plain else f"`{name}`"


def html(text: str) -> str:
    """The text as HTML or SVG, within an element or a quoted attribute: no markup and no entity; lines stay lines.

    None of them is a command to a CI system, in whose log a page may be printed.
    """
    lines = "\n".join(map(printable, text.split("\n")))
    escaped = _HTML_SPECIAL.sub(lambda found: _HTML_ENTITIES[found[0]], lines)
    return _COMMAND.sub(lambda found: f"{found[1]}&#{ord(found[2][0])};{found[2][1:]}", escaped)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The rows as CSV by RFC 4180; None is an empty cell.

    What a spreadsheet would take for a formula, or a CI system for a command, gets an apostrophe in front. Numbers are
    written in full.
    """
    stream = io.StringIO()
    csv.writer(stream).writerows([_csv_cell(cell) for cell in row] for row in rows)
    return stream.getvalue()


def _csv_cell(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    text = printable(cell)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) or _COMMAND.match(text) else text


def c_comment(text: str) -> str:
    """The text for a comment in C or C++, which it cannot end or continue; characters that might are underscores."""
    return "".join(char if char in _C_COMMENT else "_" for char in text)


def _encodable(char: str, encoding: str) -> str:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return stand_in(char)
    return char


def _without_nan(data: Any) -> Any:
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {key: _without_nan(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    return data


def _json_escaped(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in line)


def _github_property(value: str) -> str:
    escaped = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped.replace(":", "%3A").replace(",", "%2C"))
