"""The recipes that ship with the tool, and how a recipe is found by path or by bare name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from compressor.base.text import did_you_mean


def folder() -> Path:
    """The folder of the shipped recipes."""
    return Path(str(files("compressor_recipes")))


def names() -> list[str]:
    """Bare names of the shipped recipes, sorted."""
    return sorted(path.stem for path in folder().glob("*.yaml"))


def find(name: str, start: Path | None = None) -> Path | None:
    """The recipe file that `name` means: a path (relative ones from `start`), or a shipped recipe's bare name.

    A folder that happens to have a shipped recipe's name is not in its way.
    """
    bare = name.removesuffix(".yaml")
    of_that_name = folder() / f"{bare}.yaml" if bare in names() else None
    path = (start or Path()) / name
    try:
        if path.exists() and not (of_that_name and path.is_dir()):
            return path
    except PermissionError:
        return path  # reading it tells what is wrong
    except (OSError, ValueError):
        pass  # too long, or with a null character: no path at all
    return of_that_name


def hint(name: str) -> str:
    """What to add to a message about a recipe that was not found: the shipped one that may be meant."""
    return did_you_mean(name.replace("\\", "/").rpartition("/")[2].removesuffix(".yaml"), names())
