"""The files that a recipe names, carried to machines that do not share the disk: models, data, plugins, teachers.

A machine that has the same content at the same path uses that.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compressor.base.file_limits import content_of
from compressor.base.sizes import format_size
from compressor.cluster.ray_errors import ClusterError
from compressor.planning.recipe_paths import absolute, paths_of, recipes_of_teachers
from compressor.recipe.document import RecipeText, dump
from compressor.recipe.load import load
from compressor.recipe.sections import Recipe

MOST: Final = 2 * 2**30  # bytes of one file or folder


@dataclass(frozen=True)
class Carried:
    """A file or folder that a recipe names.

    Attributes:
        path: on the machine that the recipe is from.
        digest: SHA-256 of what `packed` gives.
        is_folder: whether it is a folder, packed as a tar file.
        is_recipe: whether it is a teacher's recipe, whose own paths are to be rewritten as well.
    """

    path: str
    digest: str
    is_folder: bool
    is_recipe: bool = False


class Carrier:
    """Puts the files of one recipe after the other into a cluster; each file is read once."""

    def __init__(self, put: Callable[[bytes], Any]) -> None:
        """Put a content into the cluster by `put`."""
        self._put = put
        self._known: dict[Path, tuple[Carried, Any]] = {}

    def carried_by(self, recipe: Recipe) -> list[tuple[Carried, Any]]:
        """Put all files of a recipe into the cluster; each comes back with the handle of its content, teachers last.

        Raises:
            ClusterError: something is too large to send.
        """
        teachers = recipes_of_teachers(recipe)
        found: dict[str, tuple[Carried, Any]] = {}
        for path in paths_of(recipe):
            if path not in teachers and os.path.exists(path):  # noqa: PTH110 - the run says so, as it does here
                found[str(path)] = self._carried(path)
        for path in teachers:
            teacher = load(path)
            found |= {one.path: (one, what) for one, what in self.carried_by(teacher)}
            found[str(path)] = self._carried(path, dump(absolute(teacher)).encode())
        return list(found.values())

    def _carried(self, path: Path, recipe: bytes | None = None) -> tuple[Carried, Any]:
        if path not in self._known:
            content = packed(path) if recipe is None else recipe
            digest = hashlib.sha256(content).hexdigest()
            self._known[path] = Carried(str(path), digest, path.is_dir(), recipe is not None), self._put(content)
        return self._known[path]


def packed(path: Path) -> bytes:
    """The content of a file, or of a folder as a tar file that is the same for the same files.

    Raises:
        ClusterError: it is too large to send.
    """
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    if size > MOST:
        what = f"{path} has {format_size(size)}, and more than {format_size(MOST)} is not sent to a cluster"
        raise ClusterError(what, "keep it in records or a library (such as tfds) that every machine reads by itself")
    if not path.is_dir():
        return path.read_bytes()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file in files:
            facts = tarfile.TarInfo(file.relative_to(path).as_posix())
            facts.size = file.stat().st_size
            with file.open("rb") as content:
                archive.addfile(facts, content)
    return buffer.getvalue()


class Places:
    """Where the carried files are on this machine; each is brought here once."""

    def __init__(self, folder: Path) -> None:
        """Bring files into a folder."""
        self._folder = folder
        self._known: dict[str, Path] = {}

    def recipe_here(self, recipe: str, carried: Sequence[tuple[Carried, Any]], get: Callable[[Any], bytes]) -> str:
        """The text of a recipe with this machine's paths.

        Args:
            recipe: the text, with the paths of the machine that it is from.
            carried: what `carried_by` gave there.
            get: gives the content for what `put` gave.
        """
        paths: dict[str, str] = {}
        for one, what in carried:
            if one.digest not in self._known or one.is_recipe:
                self._known[one.digest] = self._place(one, lambda what=what: get(what), paths)  # type: ignore[misc]
            paths[one.path] = str(self._known[one.digest])
        return _rewritten(recipe, paths)

    def _place(self, one: Carried, get: Callable[[], bytes], paths: Mapping[str, str]) -> Path:
        if not one.is_recipe and _is_same(Path(one.path), one):
            return Path(one.path)
        target = self._folder / one.digest / Path(one.path).name
        if target.exists() and not one.is_recipe:
            return target
        target.parent.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=self._folder))
        content = get()
        inner = made / target.name
        if one.is_folder:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                archive.extractall(inner, filter="data")
        else:
            inner.write_bytes(_rewritten(content.decode(), paths).encode() if one.is_recipe else content)
        try:
            made.rename(target.parent)
        except OSError:  # another task was first
            if one.is_recipe:
                inner.replace(target)
            shutil.rmtree(made, ignore_errors=True)
        return target


def _is_same(path: Path, one: Carried) -> bool:
    try:
        if path.is_dir() != one.is_folder:
            return False
        content = packed(path) if one.is_folder else content_of(path)
    except (OSError, ClusterError):
        return False
    return hashlib.sha256(content).hexdigest() == one.digest


def _rewritten(recipe: str, paths: Mapping[str, str]) -> str:
    """The recipe with other paths, alone or before the name of a function."""

    def rewrite(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: rewrite(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [rewrite(inner) for inner in value]
        if isinstance(value, str):
            head, colon, name = value.rpartition(":")
            if value in paths:
                return paths[value]
            if colon and head in paths:
                return f"{paths[head]}:{name}"
        return value

    return recipe if not paths else dump(rewrite(RecipeText("recipe", recipe).tree().plain()))
