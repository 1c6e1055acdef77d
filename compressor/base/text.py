"""Text for messages: suggestions, lists, quotes, shortened texts, and escapes for what a terminal would act on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

_TRACED = "in user code:"
_FRAME = re.compile(rf'^\s*(?:{_TRACED}|File ".*", line \d+, in .*\n.*)$', re.MULTILINE)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: `; did you mean 'prune'?`, or the known words if none is close."""
    names = sorted(known)
    if near := close_to(word, names):
        return f"; did you mean '{near}'?"
    if not names:
        return "; there is none to choose from"
    return f"; known: {listing(names)}"


def close_to(word: str, known: Iterable[str]) -> str:
    """The known word that is most like one, or nothing if none is."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)), "")


def counted(count: int, noun: str) -> str:
    """A number of things, as in `1 epoch` and `1,200 epochs`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listing(words: Sequence[str], most: int = 12) -> str:
    """The words, joined by commas; a long list is cut after `most` words and says how many are missing."""
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"


def quoted(text: str, most: int = 60) -> str:
    """The text in quotes, cut to `most` characters."""
    return f"'{text if len(text) <= most else text[: most - 3] + '...'}'"


def shortened(text: str, most: int) -> str:
    """The text on one line, cut between two words to `most` characters, with an ellipsis where it was cut."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    return line[: most - 3].rsplit(" ", 1)[0].rstrip(" ,;:") + "..."


def words_of(error: BaseException, most: int) -> str:
    """An error's own words as `shortened` has them, without the frames of code that TensorFlow puts before them."""
    text = _FRAME.sub("", str(error)) if _TRACED in str(error) else str(error)
    return shortened(text, most).removeprefix(f"{type(error).__name__}: ")


def printable(text: str) -> str:
    """The text with escapes for characters that a terminal would hide or act on."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
