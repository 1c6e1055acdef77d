"""SHA-256 of code: of a module, of its package, and of what they import."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import site
import sys
import sysconfig
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, wraps
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES, PathFinder
from pathlib import Path

from compressor.base import process_start
from compressor.base.hashing import file_digest
from compressor.base.import_path import names_file

_OWN = "compressor"  # the name of the distribution, and of its core, whose code is another part of every key
_FIRST_PARTY = (_OWN, "compressor_plugins", "compressor_recipes")


_pinned: dict[str, str] = {}  # by module; empty where the code that runs is not known


def pin(modules: Iterable[str]) -> None:
    """Hold on to the digests of modules whose code runs in this process, whatever becomes of their files.

    Where a file was changed since the process began, the code that runs may be that of before or of after: such a
    module gets a digest that is never found in the cache.
    """
    for module in modules:
        digest: Callable[[str], str] = code_digest.__wrapped__  # type: ignore[attr-defined]
        _pinned[module] = "" if _unit_of(module) is None or _may_be_edited(module) else digest(module)


def _cached(function: Callable[[str], str]) -> Callable[[str], str]:
    """The function, which runs once for a module; a file by its path, or a notebook, may be edited meanwhile."""
    of_module = cache(function)

    @wraps(function)
    def digest(module: str) -> str:
        if module in _pinned:
            return _pinned[module] or _unknown()
        return function(module) if names_file(module) or _unit_of(module) is None else of_module(module)

    digest.cache_clear = of_module.cache_clear  # type: ignore[attr-defined]
    return digest


@_cached
def code_digest(module: str) -> str:
    """SHA-256 of the code that a module runs, in hexadecimal, so that any edit changes the keys that depend on it.

    A module may be given by the absolute path of its file, too.

    It covers the folder of the module's package and, by following imports, other packages of the same distribution or
    of none, as on PYTHONPATH. Other distributions count by their version. The module is not imported, so imports by a
    name that is computed at run time are not seen.
    """
    first = _unit_of(module)
    if first is None:
        return _unknown()
    units, libraries = _covered(first)
    digests = sorted(unit.digest() for unit in units)
    return hashlib.sha256("\n".join([*digests, *sorted(libraries.values())]).encode()).hexdigest()


def _unknown() -> str:
    return f"unknown {uuid.uuid4()}"  # as in a notebook: a key that is never found in the cache


def code_files(module: str) -> list[Path]:
    """The files whose code a module runs, less those of installed distributions. Nothing is imported.

    Args:
        module: its name, or the absolute path of its file.
    """
    first = _unit_of(module)
    units = _covered(first)[0] if first else []
    return [path for unit in units if not _is_installed(unit.folder) for path in unit.paths()]


def _may_be_edited(module: str) -> bool:
    """Whether a file that counts for a module was changed, or put there, since this process began."""
    first = _unit_of(module)
    stats = (path.stat() for unit in (_covered(first)[0] if first else ()) for path in unit.paths())
    return any(max(found.st_mtime, found.st_ctime) > process_start.PROCESS_START for found in stats)


def _covered(first: _Unit) -> tuple[list[_Unit], dict[str, str]]:
    """All code that a unit runs: units that count by their files, and libraries that count by their versions."""
    own = _distribution_of(first.name) if _is_installed(first.folder) else None
    units, libraries = {first: None}, dict[str, str]()
    waiting = [first]
    while waiting:
        unit = waiting.pop()
        names = {name for name in unit.imports() if not _is_covered(name.partition(".")[0], libraries)}
        for imported in (*_enclosing_packages(unit), *filter(None, map(_unit_of, sorted(names)))):
            top = imported.name.partition(".")[0]
            distribution = _distribution_of(top) if _is_installed(imported.folder) else None
            if distribution is not None and distribution != own:
                libraries[top] = f"{distribution} {_version(distribution)}"
            elif imported not in units:
                units[imported] = None
                waiting.append(imported)
    return list(units), libraries


def _is_covered(top: str, libraries: Mapping[str, str]) -> bool:
    """Whether a top-level module counts already: by Python's version, by the core's code, or by a library's version."""
    return top in sys.stdlib_module_names or top == _OWN or top in libraries


def owner(module: str) -> str:
    """The package that contains a module, or the module itself if none does."""
    unit = _unit_of(module)
    return unit.name if unit else module


@cache
def core_digest(modules: Sequence[str] = (".",)) -> str:
    """SHA-256 of modules and packages of the core, or of the whole core, in hexadecimal."""
    folder = Path(__file__).parents[2]
    files = [sorted((folder / name).rglob("*.py")) or [folder / f"{name}.py"] for name in modules]
    return _source_digest(folder, [path for paths in files for path in paths])


@dataclass(frozen=True)
class _Unit:
    """Code that is hashed together: the folder of a package, or a module that is in no package.

    If it is not `whole`, only the `__init__.py` counts: that of a package which contains a package that is imported.
    """

    name: str
    file: Path
    whole: bool = True

    @property
    def folder(self) -> Path:
        return self.file.parent

    @property
    def is_package(self) -> bool:
        return self.file.name == "__init__.py"

    def paths(self) -> list[Path]:
        if not self.is_package or not self.whole:
            return [self.file]
        suffixes = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)
        return sorted(path for path in self.folder.rglob("*") if path.name.endswith(suffixes) and path.is_file())

    def digest(self) -> str:
        return _source_digest(self.folder, self.paths())

    def imports(self) -> Iterator[str]:
        """The full names of everything that its files import."""
        for path in self.paths():
            if path.suffix == ".py":
                inner = path.relative_to(self.folder).with_suffix("").parts if self.is_package else ()
                package = ".".join([self.name, *inner]).rpartition(".")[0]
                yield from _imports(path, package, file_digest(path))


@cache
def _imports(path: Path, package: str, _: str) -> tuple[str, ...]:
    """The full names of everything that a file imports; the third parameter, its digest, is there for the cache."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):  # such as a template; nothing can import it
        return ()
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            with suppress(ImportError):  # a relative import beyond the top-level package
                base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
                names += [f"{base}.{alias.name}" for alias in node.names]
    return tuple(names)


def _unit_of(name: str) -> _Unit | None:
    """The innermost package that contains a name, or its module if none does; a namespace package does not count."""
    if names_file(name):
        return _Unit(Path(name).name, Path(name)) if Path(name).is_file() else None
    parts = name.split(".")
    package = None
    for depth in range(1, len(parts) + 1):
        prefix = ".".join(parts[:depth])
        file, _ = _located(prefix)
        if file is None or not file.is_file():
            continue
        if file.name == "__init__.py":
            package = _Unit(prefix, file)
        else:
            return package if package and package.folder == file.parent else _Unit(prefix, file)
    return package


def _enclosing_packages(unit: _Unit) -> Iterator[_Unit]:
    """The packages that contain a package; their `__init__.py` files run before it is imported."""
    parts = [] if unit.name == unit.file.name else unit.name.split(".")
    for depth in range(1, len(parts)):
        prefix = ".".join(parts[:depth])
        file, _ = _located(prefix)
        if file is not None and file.is_file():
            yield _Unit(prefix, file, whole=False)


def _located(name: str) -> tuple[Path | None, Sequence[str]]:
    """A module's file and the folders of its submodules, found without importing it."""
    module = sys.modules.get(name)
    if module is not None:
        file = getattr(module, "__file__", None)
        return (Path(file) if file else None), list(getattr(module, "__path__", ()))
    with suppress(ImportError, ValueError, AttributeError, KeyError):  # the last of a namespace package's parent
        parent = name.rpartition(".")[0]
        folders = _located(parent)[1] if parent else None
        spec = PathFinder.find_spec(name, folders) if parent else importlib.util.find_spec(name)
        if spec is not None:
            file = spec.origin if spec.has_location else None
            return (Path(file) if file else None), list(spec.submodule_search_locations or ())
    return None, ()


def _is_installed(folder: Path) -> bool:
    return any(folder.is_relative_to(place) for place in _site_folders())


@cache
def _site_folders() -> tuple[Path, ...]:
    places = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), site.getusersitepackages()]
    places += site.getsitepackages()  # those of the system too, in an environment with --system-site-packages
    return tuple(Path(place) for place in dict.fromkeys(places))


@cache
def _distribution_of(module: str) -> str | None:
    top = module.partition(".")[0]
    if top in _FIRST_PARTY:
        return _OWN
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.metadata(top)["Name"]
    # takes a third of a second, so only for modules that are not named as their distribution
    return next(iter(importlib.metadata.packages_distributions().get(top, ())), None)


def _version(distribution: str) -> str:
    return importlib.metadata.version(distribution)


def _source_digest(folder: Path, paths: Sequence[Path]) -> str:
    named = (f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\0" for path in paths)
    return hashlib.sha256("".join(named).encode()).hexdigest()
