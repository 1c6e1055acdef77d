"""Reads the text of a recipe file, and refuses what cannot be one."""

from __future__ import annotations

from pathlib import Path

from compressor.recipe.problems import Origin, Problem, RecipeError

MAX_BYTES = 1_000_000
_UTF16 = (b"\xff\xfe", b"\xfe\xff")  # the byte order marks; Windows' PowerShell writes such files by default


def read_text(path: Path, link: Origin | None = None) -> str:
    """Read a file's text, up to the largest size that a recipe may have.

    Args:
        path: the file.
        link: where another recipe names it; shown in the error.

    Raises:
        RecipeError: it is missing, not a file, not readable, too large, or not UTF-8.
    """
    try:
        return _decoded(_content(path))
    except _UnfitError as error:
        raise RecipeError([Problem(f"{path}: {error}", link)]) from None


def decoded(raw: bytes, name: str) -> str:
    """The text of a recipe from its bytes.

    Raises:
        RecipeError: there are more than `MAX_BYTES`, or they are not UTF-8; the message begins with `name`.
    """
    try:
        return _decoded(raw)
    except _UnfitError as error:
        raise RecipeError([Problem(f"{name}: {error}")]) from None


class _UnfitError(Exception):
    """A file cannot be a recipe; the message says why, and what to do."""


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise _UnfitError("is a folder; name a recipe file in it")
        if not path.exists():
            raise _UnfitError("no such file; check the path, or list the folder")
        if not path.is_file():  # opening a pipe or a device may wait for ever
            raise _UnfitError("is not a regular file; name a recipe file")
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _UnfitError(f"cannot be read ({error.strerror}); check the path and its permissions") from None


def _decoded(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise _UnfitError(f"is larger than {MAX_BYTES:,} bytes; a recipe is a short text, so name another file")
    if raw.startswith(_UTF16):
        raise _UnfitError("is UTF-16 text; save it as UTF-8")
    if b"\0" in raw:
        raise _UnfitError("is a binary file; name a recipe, which is YAML text in UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = len((raw[: error.start] + b"x").splitlines())
        raise _UnfitError(f"is not UTF-8 text (line {line}); save it as UTF-8") from None
