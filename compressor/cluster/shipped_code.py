"""The folder of code that a cluster's machines import: this tool, the installed plugins, and a recipe's own modules.

Ray sends it as the tasks' `working_dir`, once for each content, so that the machines run the code that is here and
need only what it stands on, such as TensorFlow.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import site
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from compressor.base.atomic_files import write_named
from compressor.base.errors import CompressorError
from compressor.planning.plugin_checks import GROUP

_OWN: Final = ("compressor", "compressor_plugins", "compressor_recipes")
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".git", ".*_cache")


def gather(folder: Path, modules: Iterable[str] = ()) -> None:
    """Copy the code into an empty folder.

    Args:
        folder: the folder.
        modules: names of further modules that a recipe imports; those that are installed are not copied.

    Raises:
        CompressorError: a module is not there.
    """
    for distribution in _plugin_distributions():
        _describe(distribution, folder)
        for name in _top_levels(distribution):
            _copy(name, folder)
    for module in modules:
        name = module.partition(".")[0]
        spec = find_spec(name)
        if spec is None:
            raise CompressorError(f"the module '{module}' cannot be found", "put its folder on PYTHONPATH")
        if not _is_installed(spec):
            _copy(name, folder)


def _plugin_distributions() -> Iterator[importlib.metadata.Distribution]:
    found: dict[str, importlib.metadata.Distribution] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        if point.dist is not None:
            found.setdefault(point.dist.name, point.dist)
    yield from found.values()


def _top_levels(distribution: importlib.metadata.Distribution) -> set[str]:
    """The packages and modules of a distribution, by their names."""
    if distribution.name == _OWN[0]:
        return set(_OWN)
    told = (distribution.read_text("top_level.txt") or "").split()
    of_points = {point.module.partition(".")[0] for point in distribution.entry_points if point.group == GROUP}
    return {*told, *of_points}


def _describe(distribution: importlib.metadata.Distribution, folder: Path) -> None:
    """Write what makes Python find the plugins of a distribution, and its version."""
    name = re.sub(r"[-_.]+", "_", distribution.name)
    info = folder / f"{name}-{distribution.version}.dist-info"
    info.mkdir()
    for file in ("METADATA", "entry_points.txt", "top_level.txt"):
        if (text := distribution.read_text(file)) is not None:
            write_named(info / file, text)


def _copy(name: str, folder: Path) -> None:
    spec = find_spec(name)
    if spec is None or (folder / name).exists():
        return
    if spec.submodule_search_locations:
        shutil.copytree(next(iter(spec.submodule_search_locations)), folder / name, ignore=_LEFT_OUT)
    elif spec.origin:
        shutil.copy(spec.origin, folder)


def _is_installed(spec: ModuleSpec) -> bool:
    """Whether a module comes with Python, or was installed into it."""
    place = next(iter(spec.submodule_search_locations or ()), spec.origin)
    if place is None or place in ("built-in", "frozen"):
        return True
    roots = [*site.getsitepackages(), site.getusersitepackages(), *map(sysconfig.get_path, ("stdlib", "platstdlib"))]
    return any(Path(place).resolve().is_relative_to(Path(root).resolve()) for root in roots)
