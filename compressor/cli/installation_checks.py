"""Checks of an installation: what it consists of, what is broken or does not fit together, and what mends it.

None of them imports TensorFlow.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from compressor.base.cache_folder import FOLDER_VARIABLE, default_folder
from compressor.base.disk_faults import temporary_files
from compressor.base.machine import DEFAULT_THREADS, conditions, processor, usable_cores
from compressor.base.machine_memory import whole_memory
from compressor.base.params import Params
from compressor.base.sizes import format_size

if TYPE_CHECKING:
    from compressor.planning.registry import Registry

_OWN = "compressor"
_SHOWN = {  # distributions that models are made with, and the module of each
    "tensorflow": "tensorflow",
    "tf-keras": "tf_keras",
    "tensorflow-model-optimization": "tensorflow_model_optimization",
    "ai-edge-litert": "ai_edge_litert",
    "litert-quantizer": "litert_quantizer",
    "numpy": "numpy",
}
_LITTLE_SPACE, _LITTLE_MEMORY = 10**9, 2 * 10**9  # bytes, below which a warning is due
_INSTALL = "python -m pip install"


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one part of the installation, and for anything but `ok` what can be done about it."""

    name: str
    status: Literal["ok", "warning", "problem"]
    found: str
    remedy: str = ""


def checks() -> Iterator[Check]:
    """All checks, in the order in which one builds on another."""
    if importlib.util.find_spec("packaging"):
        yield _python()
        yield from _libraries()
    else:
        yield Check("packaging", "problem", "not installed, and versions cannot be compared", f"{_INSTALL} packaging")
    try:
        yield from _plugins()
    except ImportError as error:  # of a library that the plugins are found with
        yield Check("plugin", "problem", f"plugins cannot be found ({error})", f"{_INSTALL} --force-reinstall {_OWN}")
    yield _coders()
    yield _cache()
    yield from _space()
    yield _memory()
    yield _threads()
    yield _gpu()


def _python() -> Check:
    from packaging.specifiers import SpecifierSet

    wanted, found = importlib.metadata.metadata(_OWN)["Requires-Python"], platform.python_version()
    if found in SpecifierSet(wanted):
        return Check("Python", "ok", f"{found}, {platform.machine()}")
    remedy = "make a new environment with python3.12 -m venv, and install compressor in it"
    return Check("Python", "problem", f"{found}, and compressor needs {wanted}", remedy)


def _libraries() -> Iterator[Check]:
    misfits = dict(_misfits())
    for name, module in _SHOWN.items():
        if name not in misfits:
            yield _files_of(name, module)
    yield from misfits.values()


def _misfits() -> Iterator[tuple[str, Check]]:
    """What is missing, or of a version that compressor or one of its libraries does not take, by distribution."""
    from packaging.requirements import Requirement

    waiting, seen = [(_OWN, text) for text in importlib.metadata.requires(_OWN) or ()], set[str]()
    while waiting:
        asking, text = waiting.pop(0)
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        remedy = f'{_INSTALL} "{wanted.name}{wanted.specifier}"'
        by = asking if asking == _OWN else f"{asking} {importlib.metadata.version(asking)}"
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield wanted.name, Check(wanted.name, "problem", f"not installed, and {by} needs it", remedy)
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            what = f"{version}, and {by} needs {wanted.specifier}"
            yield wanted.name, Check(wanted.name, "problem", what, remedy)
        if asking == _OWN and wanted.name not in seen:
            seen.add(wanted.name)
            waiting += [(wanted.name, further) for further in importlib.metadata.requires(wanted.name) or ()]


def _files_of(distribution: str, module: str) -> Check:
    """Whether a library's module is where its distribution put it."""
    found = importlib.metadata.distribution(distribution)
    spec = importlib.util.find_spec(module)
    place = spec.origin or next(iter(spec.submodule_search_locations or ()), "") if spec else ""
    if not place:
        remedy = f"{_INSTALL} --force-reinstall --no-deps {distribution}=={found.version}"
        return Check(distribution, "problem", f"{found.version}, whose files are not there", remedy)
    home = Path(str(found.locate_file(""))).resolve()
    if not Path(place).resolve().is_relative_to(home):
        remedy = "rename it, or take its folder off PYTHONPATH"
        return Check(distribution, "problem", f"{found.version} is hidden by {place}", remedy)
    return Check(distribution, "ok", found.version)


def _plugins() -> Iterator[Check]:
    from compressor.planning.registry import Registry

    registry = Registry.installed()
    for provider in dict.fromkeys(registry.providers.values()):
        counts = {
            kind: sum(entry.provider == provider for entries in known.values() for entry in entries)
            for kind, known in registry.entries.items()
        }
        brought = ", ".join(f"{count} {_plural(kind, count)}" for kind, count in counts.items() if count)
        yield Check("plugin", "ok", f"{provider}: {brought or 'hooks only'}")
    for broken in registry.broken:
        yield Check("plugin", "problem", str(broken), broken.remedy)
    for what, remedy in registry.clashes():
        yield Check("plugin", "warning", what, remedy)
    for outdated in registry.outdated:
        yield Check("plugin", "warning", str(outdated), "install a later version of the plugin, or tell its author")
    for slow in registry.slow:
        yield Check("plugin", "warning", str(slow), slow.remedy)
    yield from _faulty_defaults(registry)


def _plural(kind: str, count: int) -> str:
    if count == 1:
        return kind
    return kind.removesuffix("y") + "ies" if kind.endswith("y") else f"{kind}s"


def _faulty_defaults(registry: Registry) -> Iterator[Check]:
    from compressor.planning.plugin_instances import faulty_defaults

    for kind, known in registry.entries.items():
        for entry in (entry for entries in known.values() for entry in entries):
            for parameter, reason in faulty_defaults(getattr(entry.cls, "Params", Params)):
                owner = f"the {kind} '{entry.cls.name}' ({entry.provider})"
                what = f"the default of '{parameter}' of {owner} is wrong ({reason})"
                yield Check("plugin", "problem", what, "fix the default in the plugin")


def _coders() -> Check:
    from compressor.models.packing.compiled_coder import slow_because

    return Check("coders", "warning", *slow) if (slow := slow_because()) else Check("coders", "ok", "compiled")


def _cache() -> Check:
    folder = default_folder().absolute()
    place = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        remedy = f"name a folder of yours: export {FOLDER_VARIABLE}=FOLDER"
        return Check("cache", "problem", f"{folder} cannot be written ({error.strerror})", remedy)
    state = "" if folder.exists() else ", made by the first run"
    return Check("cache", "ok", f"{folder}{state}")


def _space() -> Iterator[Check]:
    places = {
        "the working directory": Path.cwd(),
        "the cache": default_folder().absolute(),
        "temporary files": temporary_files(),
    }
    free: dict[int, tuple[int, list[str]]] = {}
    for name, folder in places.items():
        place = next(path for path in (folder, *folder.parents) if path.exists())
        free.setdefault(place.stat().st_dev, (shutil.disk_usage(place).free, []))[1].append(name)
    for size, names in free.values():
        found = f"{format_size(size)} free for {' and '.join(names)}"
        remedy = "free some space; compressor cache prune --keep 1GB empties the cache but for that"
        yield Check("disk", "ok", found) if size >= _LITTLE_SPACE else Check("disk", "warning", found, remedy)


def _memory() -> Check:
    size = whole_memory()
    if size is None:
        return Check("memory", "ok", "this system does not say how much there is")
    if size < _LITTLE_MEMORY:
        return Check("memory", "warning", format_size(size), "use a smaller batch_size, or a machine with more")
    return Check("memory", "ok", format_size(size))


def _threads() -> Check:
    cores = usable_cores()
    set_here = [f"{name}={value}" for name, value in conditions().items() if name != "instructions"]
    variables = f"; set here, and part of results: {', '.join(set_here)}" if set_here else ""
    found = f"{cores} cores ({processor()}); a run uses {DEFAULT_THREADS} threads unless it names others{variables}"
    return Check("threads", "ok", found)


def _gpu() -> Check:
    if Path("/proc/driver/nvidia/version").exists():
        return Check("GPU", "ok", "an NVIDIA driver is there; --deep tells whether TensorFlow can use it")
    return Check("GPU", "ok", "none found; runs use the processor")
