"""Refuses a model file that is not there, in the same words for every command."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from compressor.base.errors import ModelError
from compressor.base.path_or_function import is_there
from compressor.base.text import close_to

_MOST = 1_000  # files of a folder that are looked at


def refuse_missing(path: Path) -> None:
    """Refuse a path at which there is no file or folder, and say what near it has a like name.

    Raises:
        ModelError: there is nothing at `path`.
    """
    if not is_there(path):
        raise ModelError(f"there is no model file {path}", _remedy(path))


def _remedy(path: Path) -> str:
    try:
        beside = list(islice(path.parent.iterdir(), _MOST))
    except OSError:
        beside = []
    if near := close_to(path.stem, [other.stem for other in beside if other.suffix == path.suffix]):
        return f"did you mean '{path.with_name(near + path.suffix)}'?"
    if not path.suffix and len(path.parts) == 1:
        return "give a path; names of models are for recipes, and a run saves its models under 'stages'"
    return "check the path"
