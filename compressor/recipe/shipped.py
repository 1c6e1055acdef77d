"""The recipes that ship with the tool, and how a recipe is found by path or by bare name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def folder() -> Path:
    """The folder of the shipped recipes."""
    return Path(str(files("compressor_recipes")))


def names() -> list[str]:
    """Bare names of the shipped recipes, sorted."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def find(name: str, start: Path | None = None) -> Path | None:
    """The recipe file that `name` means: a path (relative ones from `start`), or a shipped recipe's bare name."""
    path = (start or Path()) / name
    try:
        if path.exists():
            return path
    except (OSError, ValueError):
        return None
    bare = name.removesuffix(".yaml")
    return folder() / f"{bare}.yaml" if bare in names() else None
