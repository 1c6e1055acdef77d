"""Problems in a recipe with their positions, shown the way a compiler shows errors."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from compressor.base.errors import CompressorError
from compressor.base.text import printable

_SNIPPET_WIDTH = 100

Severity: TypeAlias = Literal["error", "warning", "not checked"]


@dataclass(frozen=True, slots=True)
class Source:
    """A text that values of a recipe come from: a file, or one `--set` on the command line.

    `folder` is the folder that relative paths in this text start from.
    """

    name: str
    lines: tuple[str, ...] = field(repr=False, compare=False)
    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name))


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
    """One thing that is wrong, and where. The message is one line that is safe to print, whatever it quotes.

    Only an error makes a recipe invalid. A warning may become one where the recipe is run; `not checked`
    says what could not be looked at.
    """

    message: str
    origin: Origin | None = None
    severity: Severity = "error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", printable(self.message))

    def render(self) -> str:
        """The message with its position, the line of text, and carets under the characters at fault."""
        if self.origin is None:
            return f"{self.severity}: {self.message}"
        head = f"{self.origin}: {self.severity}: {self.message}"
        return "\n".join([head, *_snippet(self.origin)])


class RecipeError(CompressorError):
    """An invalid recipe; carries every problem found, in the order of the text."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=_sort_key))
        super().__init__("\n".join(problem.render() for problem in self.problems), "fix the recipe")

    def __str__(self) -> str:
        return self.what

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


def refuse_errors(problems: Iterable[Problem], strict: bool = False) -> tuple[Problem, ...]:
    """The problems in the order of the text, if there is no error among them.

    Args:
        problems: what was found.
        strict: whether warnings are errors.

    Raises:
        RecipeError: with all of them, if one is an error.
    """
    if strict:
        problems = [replace(each, severity="error") if each.severity == "warning" else each for each in problems]
    error = RecipeError(problems)
    if any(problem.severity == "error" for problem in error.problems):
        raise error
    return error.problems


def _snippet(origin: Origin) -> list[str]:
    if not 1 <= origin.line <= len(origin.source.lines):
        return []
    text = origin.source.lines[origin.line - 1]
    column = origin.column - 1
    start = max(0, column - _SNIPPET_WIDTH // 2)
    shown = "".join(char if char.isprintable() else " " for char in text[start : start + _SNIPPET_WIDTH])
    before, marked = shown[: column - start], shown[column - start :][: origin.width]
    number = f"{origin.line:5d}"
    caret = " " * _cells(before) + "^" * max(1, _cells(marked))
    return [f"{number} | {shown.rstrip()}", f"{' ' * len(number)} | {caret}"]


def _cells(text: str) -> int:
    """The width of the text in terminal columns: two for a wide character, none for a combining one."""
    return sum(
        0 if unicodedata.category(char) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _sort_key(problem: Problem) -> tuple[str, int, int, str]:
    if problem.origin is None:
        return ("", 0, 0, problem.message)
    origin = problem.origin
    return (origin.source.name, origin.line, origin.column, problem.message)
