"""The gate for text that leaves: nothing breaks out of a line, of JSON, of Markdown or of GitHub's commands."""

import csv
import io
import json
import logging
import math
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from compressor.base.outgoing import (
    c_comment,
    csv_text,
    github_annotation,
    html,
    json_text,
    markdown,
    markdown_block,
    markdown_code,
    message_lines,
    one_line,
)
from compressor.base.standard_output import LogFormatter
from compressor.base.text import printable

HOSTILE = (
    "\x1b[2J\x1b]0;title\x07 a\nb\r\u202egpj.\u2066 | `x` <script>alert(1)</script> **b** _i_ [l](javascript:1) \\|"
)
ANY = st.text(st.characters(), max_size=40)  # surrogates and controls among them
MARKS = st.text(alphabet="\\`*_{}[]()<>#+-.!|~&;:=$@ \n\tab1\u202e\x1b", max_size=25)
ENCODINGS = ["utf-8", "cp1252", "latin-1", "iso8859-9", "ascii", "no-such-encoding"]


def is_safe(text):
    return not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in text)


@settings(deadline=None)
@given(ANY, st.sampled_from(ENCODINGS))
@example(HOSTILE, "cp1252")
def test_a_line_has_nothing_that_a_terminal_acts_on_and_fits_its_encoding(text, encoding):
    line = one_line(text, encoding)
    assert is_safe(line)
    line.encode("ascii" if encoding.startswith("no") else encoding)
    assert one_line(line, encoding) == line


def test_escapes_can_be_read():
    assert one_line("a\x1b[31m\n\u202e[red]:smile:") == r"a\x1b[31m\n\u202e[red]:smile:"


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("utf-8", "✓ 1.2 ±0.1 → 31 µs · é…"),
        ("cp1252", "ok 1.2 ±0.1 -> 31 µs · é…"),
        ("latin-1", "ok 1.2 ±0.1 -> 31 µs · é..."),
        ("iso8859-9", "ok 1.2 ±0.1 -> 31 µs · é..."),
        ("ascii", r"ok 1.2 +-0.1 -> 31 us - \xe9..."),
    ],
)
def test_what_an_encoding_lacks_is_written_with_what_it_has(encoding, line):
    assert one_line("✓ 1.2 ±0.1 → 31 µs · é…", encoding) == line


@settings(deadline=None)
@given(ANY)
def test_under_github_actions_no_text_is_a_command(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_ACTIONS", "true")
        line = one_line(f"::{text}##[error]::error::")
    assert "::" not in line
    assert "##[" not in line


def test_a_message_goes_over_several_lines_but_none_passes_for_another_message():
    assert message_lines("error: layers\n  a: small\nerror: all is well\r") == [
        "error: layers",
        "  a: small",
        r"  error: all is well\r",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(JSON, st.booleans())
@example({HOSTILE: HOSTILE}, False)
def test_json_is_what_was_given_and_safe_to_show(data, ascii_only):
    text = json_text(data, ascii_only)
    assert json.loads(text) == data
    assert is_safe(text.replace("\n", ""))
    assert text.isascii() or not ascii_only


def test_json_has_null_for_numbers_that_it_lacks_and_keeps_letters_on_request():
    data = {"value": math.nan, "all": (math.inf, 1.5), "name": "Größe\u202e"}
    assert json_text(data, ascii_only=False) == (
        '{\n  "value": null,\n  "all": [\n    null,\n    1.5\n  ],\n  "name": "Größe\\u202e"\n}'
    )


@settings(deadline=None)
@given(ANY, ANY)
@example("a\n::error::b", "x,y:z%\r\n")
def test_an_annotation_is_one_command_whose_parts_can_be_told_apart(message, name):
    line = github_annotation(message, {"file": name, "line": 3})
    assert is_safe(line)
    properties, text = line.removeprefix("::error ").split("::", 1)
    file, place = properties.split(",")
    for escaped, plain in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        file, text = file.replace(escaped, plain), text.replace(escaped, plain)
    kept = {"\n": "\n", "\r": "\r"}
    assert file.removeprefix("file=") == "".join(kept.get(char, printable(char)) for char in name)
    assert text == "".join(kept.get(char, printable(char)) for char in message)
    assert place == "line=3"


PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def tokens(text):
    return PARSER.parse(text)


def words_of(token):
    """The text of an inline token, which must have nothing but text."""
    assert {child.type for child in token.children} <= {"text", "softbreak"}, token.content
    return "".join(child.content if child.type == "text" else "\n" for child in token.children)


def read(text):
    """The text as Markdown shows it: one line of printable characters."""
    return printable(" ".join(text.split()))


@settings(deadline=None)
@given(MARKS | ANY)
@example(HOSTILE)
@example("a_b __init__ _x_ snake_case_")
@example("&lt;&#x41; trailing \\")
def test_markdown_reads_as_the_text_in_headings_and_bullets_and_cells(text):
    shown = read(text)
    heading, _, body, *_ = [*tokens(f"# x{markdown(text)}"), None]
    assert heading.type == "heading_open"
    inline = tokens(f"# x{markdown(text)}")[1]
    assert words_of(inline) == f"x{shown}"
    table = tokens(f"| a | b |\n| --- | --- |\n| x{markdown(text)} | c |")
    cells = [words_of(token) for token in table if token.type == "inline"]
    assert cells == ["a", "b", f"x{shown}", "c"]
    bullet = tokens(f"- **{markdown('id')}**: {markdown(text)}.")
    assert [token.type for token in bullet].count("list_item_open") == 1
    assert body is None or body.type == "heading_close"


@settings(deadline=None)
@given(MARKS | ANY)
@example("- a\n1. b\n2) c\n> d\n===\n---\n    code\n\n# h\n| a |\n| - |\n```\n~~~\n[a]: b\n<div>")
def test_markdown_of_several_lines_is_paragraphs_of_plain_text(text):
    parsed = tokens(markdown_block(text))
    assert {token.type for token in parsed} <= {"paragraph_open", "inline", "paragraph_close"}
    shown = "\n".join(words_of(token) for token in parsed if token.type == "inline")
    assert shown == "\n".join(filter(None, (read(line) for line in text.strip().split("\n"))))


@settings(deadline=None)
@given(MARKS | ANY)
@example("a`b|c\\")
def test_a_name_as_code_reads_as_the_name_in_a_cell(text):
    table = tokens(f"| a | b |\n| --- | --- |\n| {markdown_code(text)} | c |")
    inline = [token for token in table if token.type == "inline"]
    assert [token.content for token in inline[:2]] == ["a", "b"]
    (cell, last) = inline[2:]
    assert {child.type for child in cell.children} <= {"text", "code_inline"}
    shown = "".join(child.content for child in cell.children)
    assert shown in (printable(text), read(printable(text)))
    assert last.content == "c"


class Parsed(HTMLParser):
    """What a browser makes of a page: text, tags and attributes."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.text, self.tags = "", []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_data(self, data):
        self.text += data


@settings(deadline=None)
@given(MARKS | ANY)
@example(HOSTILE)
@example("::error::x\n  ##[error]y")
@example("&amp;&#60;script>")
def test_html_reads_as_the_text_and_is_no_command_in_a_log(text):
    shown = "\n".join(map(printable, text.split("\n")))
    parsed = Parsed(f"<p title='{html(text)}' lang=\"{html(text)}\">{html(text)}</p>")
    assert parsed.tags == [("p", [("title", shown), ("lang", shown)])]
    assert parsed.text == shown
    assert not any(line.lstrip().startswith(("::", "##[")) for line in html(text).splitlines())


@settings(deadline=None)
@given(MARKS | ANY)
@example("=1+1")
@example("::error::x")
def test_a_cell_of_csv_reads_as_the_text_and_is_no_formula_and_no_command(text):
    content = csv_text([[text, "after", -1.5, None]])
    ((cell, *others),) = csv.reader(io.StringIO(content, newline=""))
    assert others == ["after", "-1.5", ""]
    assert cell in (printable(text), f"'{printable(text)}")
    assert not cell.startswith(("=", "+", "-", "@", "::", "##["))


@settings(deadline=None)
@given(ANY)
@example(HOSTILE)
def test_a_log_has_one_message_with_its_details_below(text):
    record = logging.LogRecord("compressor", logging.WARNING, "file.py", 1, "damaged: %s", (text,), None)
    first, *others = LogFormatter().format(record).split("\n")
    assert first.startswith("damaged: ")
    assert all(line.startswith("  ") or not line for line in others)
    assert is_safe("".join([first, *others]))


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("model/dense/MatMul;x:0", "model/dense/MatMul;x:0"),
        ("*/ int x; /*", "_/ int x; /_"),
        ("a\nb\\", "a_b_"),
        ("??/", "__/"),
        ("Größe", "Gr__e"),
    ],
)
def test_no_text_ends_a_comment_of_c(text, comment):
    assert c_comment(text) == comment
