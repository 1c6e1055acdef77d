"""Turns YAML syntax errors into problems that say what to do."""

from __future__ import annotations

import re

import yaml

from compressor.recipe.problems import Origin, Problem, RecipeError, Source

_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.1, 5.1

# by libyaml's message: what is wrong, and what to do
_MESSAGES = {
    "mapping values are not allowed in this context": (
        "a ':' cannot stand here; quote the text, or line the key up with those around it"
    ),
    "could not find expected ':'": "this line is not a key with a value; write it as 'key: value', or quote the text",
    "did not find expected key": (
        "a key was expected here; line it up with those around it, or look for a quote or bracket just before it"
    ),
    "did not find expected '-' indicator": "a list entry was expected here; start it with '- ', below the others",
    "block sequence entries are not allowed in this context": "a list cannot start here; start it on a line of its own",
    "did not find expected ',' or ']'": "the list that '[' opened is not closed here; add a ',' or the ']'",
    "did not find expected ',' or '}'": "the mapping that '{' opened is not closed here; add a ',' or the '}'",
    "found unexpected end of stream": "the quote that opens here is never closed; close it",
    "did not find expected node content": "a value was expected here; write one, or quote the text",
    "found character that cannot start any token": "a value cannot start with this character; quote the text",
    "did not find expected alphabetic or numeric character": (
        "'*' and '&' have a special meaning in YAML; quote the text"
    ),
    "did not find expected comment or line break": "text cannot follow '|' or '>' here; start it on the next line",
    "found unknown escape character": (
        "an unknown escape in double quotes; write '\\\\' for a backslash, or use single quotes"
    ),
    "found invalid Unicode character escape code": "this escape stands for no character; remove it",
    "found undefined tag handle": "tags are not part of the recipe language; remove it, or quote the text",
    "did not find expected <document start>": "the recipe has ended before this; remove what follows",
}
# shown where the parser began to read the value, not where it gave up
_SHOWN_AT_START = ("found unexpected end of stream", "did not find expected alphabetic or numeric character")


def refuse_unreadable(text: str, source: Source) -> None:
    """Refuse directives, which mean nothing in a recipe, and characters that YAML does not allow.

    The parser would take a long time over many directives. It refuses the characters too, but gives their position in
    bytes, and cannot take lone surrogates at all.

    Raises:
        RecipeError: the text contains one of them.
    """
    character = _UNREADABLE.search(text)
    if character:
        before = (text[: character.start()] + "x").splitlines()
        message = f"the character U+{ord(character[0]):04X} is not allowed in a recipe; remove it"
        raise RecipeError([Problem(message, Origin(source, len(before), len(before[-1])))])
    for number, line in enumerate(source.lines, start=1):
        if line.startswith("%"):
            message = "a line cannot start with '%'; remove it, or indent it"
            raise RecipeError([Problem(message, Origin(source, number, 1, len(line)))])


def syntax_problem(error: yaml.YAMLError, source: Source) -> Problem:
    """The problem that stopped the parser, with its position."""
    reason = getattr(error, "problem", None) or str(error)
    marks = [getattr(error, "problem_mark", None), getattr(error, "context_mark", None)]
    mark = next(filter(None, reversed(marks) if reason in _SHOWN_AT_START else marks), None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if line > len(source.lines) >= 1:
        line, column = len(source.lines), len(source.lines[-1]) + 1
    shown = source.lines[line - 1] if source.lines else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())] or shown[column - 1 : column] == "\t":
        message = "a tab cannot indent YAML; indent with spaces"
    else:
        message = _MESSAGES.get(reason, f"{reason}; fix the YAML here or just above")
    return Problem(message, Origin(source, line, column))
