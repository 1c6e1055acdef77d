"""Text for messages: near misses, lists, quotes, and nothing that a terminal would obey."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


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


def quoted(text: str, most: int = 60) -> str:
    """The text in quotes, cut where it is long."""
    return f"'{text if len(text) <= most else text[: most - 3] + '...'}'"


def printable(text: str) -> str:
    """The text with an escape for every character that a terminal would hide or obey."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
