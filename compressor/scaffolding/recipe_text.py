"""Lays out a recipe with a comment beside each line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from compressor.recipe.document import dump

_PLAIN = re.compile(r"[A-Za-z_./][\w./-]*")
_WIDTH = 120  # of a line with its comment
_MOST_INDENT = 44  # where comments begin at the latest


def yaml_text(text: str) -> str:
    """A text as YAML has it within a line, in quotes where it needs them."""
    plain = _PLAIN.fullmatch(text) and dump([text]).strip() == f"- {text}"
    return text if plain else json.dumps(text)


def laid_out(lines: Iterable[tuple[str, str]]) -> str:
    """The text of a recipe: pairs of a line and its comment, which begin below one another.

    A comment that does not fit beside its line goes above it.
    """
    pairs = list(lines)
    column = min(_MOST_INDENT, max((len(line) for line, comment in pairs if line and comment), default=0) + 2)
    text = []
    for line, comment in pairs:
        if not comment:
            text.append(line)
        elif not line:
            text.append(f"# {comment}")
        elif len(line) + 2 <= column and column + len(comment) + 2 <= _WIDTH:
            text.append(f"{line:{column}}# {comment}")
        elif len(line) + len(comment) + 4 <= _WIDTH:
            text.append(f"{line}  # {comment}")
        else:
            indent = " " * (len(line) - len(line.lstrip()))
            text += [f"{indent}# {comment}", line]
    return "\n".join(text) + "\n"
