"""Where a recipe's values stand, and what is wrong with them, shown as a compiler would."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from compressor.errors import CompressorError

_SNIPPET_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Source:
    """A text that recipe values come from: a file, or one `--set` on the command line.

    `folder` is where relative paths in this text start.
    """

    name: str
    lines: tuple[str, ...] = field(repr=False)
    folder: Path


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a source; `line` and `column` count from 1, `width` in characters."""

    source: Source
    line: int
    column: int
    width: int = 1

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    message: str
    origin: Origin | None = None

    def render(self) -> str:
        """The problem with its position, its line and a caret under the very characters."""
        if self.origin is None:
            return f"error: {self.message}"
        head = f"{self.origin}: error: {self.message}"
        return "\n".join([head, *_snippet(self.origin)])


class RecipeError(CompressorError):
    """A recipe that is wrong; carries every problem found, in the order of the text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=_place))
        Exception.__init__(self, "\n".join(problem.render() for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'prune'?`, or the known words where none is near and they are few."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    if not names:
        return "; there is none to choose from"
    return f"; known: {listing(names)}"


def listing(words: Sequence[str], most: int = 12) -> str:
    """The words, joined by commas; a long list is cut and says how much is missing."""
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def _snippet(origin: Origin) -> list[str]:
    if not 1 <= origin.line <= len(origin.source.lines):
        return []
    text = origin.source.lines[origin.line - 1]
    column = origin.column - 1
    start = max(0, column - _SNIPPET_WIDTH // 2)
    window = text[start : start + _SNIPPET_WIDTH]
    shown = "".join(char if char.isprintable() else " " for char in window)
    width = max(1, min(origin.width, len(window) - (column - start)))
    number = f"{origin.line:5d}"
    return [f"{number} | {shown}", f"{' ' * len(number)} | {' ' * (column - start)}{'^' * width}"]


def _place(problem: Problem) -> tuple[str, int, int, str]:
    if problem.origin is None:
        return ("", 0, 0, problem.message)
    origin = problem.origin
    return (origin.source.name, origin.line, origin.column, problem.message)
