"""Finds recipes: by path, or by bare name among those that ship with the tool."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from compressor.base.text import did_you_mean


def folder() -> Path:
    """The folder of the shipped recipes."""
    return Path(str(files("compressor_recipes")))


def names() -> list[str]:
    """Bare names of the shipped recipes, sorted."""
    return list(_names())


@cache
def _names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder().glob("*.yaml")))


def find(name: str, start: Path | None = None) -> Path | None:
    """Find a recipe file by its path, relative to `start`, or by a shipped recipe's bare name; None if there is none.

    A folder with the name of a shipped recipe does not hide that recipe.
    """
    bare = name.removesuffix(".yaml")
    shipped = folder() / f"{bare}.yaml" if bare in names() else None
    path = (start or Path()) / name
    try:
        if path.exists() and not (shipped and path.is_dir()):
            return path
    except PermissionError:
        return path  # reading it will say what is wrong
    except (OSError, ValueError):
        pass  # too long, or with a null character: not a path
    return shipped


def hint(name: str) -> str:
    """The end of a message about a recipe that was not found: the shipped recipe that may be meant."""
    return did_you_mean(name.replace("\\", "/").rpartition("/")[2].removesuffix(".yaml"), names())
