"""Writes a package with a plugin, from the template in this folder: it works as it is, for its author to change."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from compressor.base.atomic_files import whole_file
from compressor.base.errors import CompressorError, OutputError

DISTRIBUTION, MODULE = "my-plugin", "my_plugin"
"""What the template's distribution and its module are called; both are replaced in names and in texts."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_.][A-Za-z0-9]+)*")
_MOST_CHARACTERS = 40  # the names of strategies begin with it, and have at most 64


def names_of(name: str) -> tuple[str, str]:
    """The names of the distribution and of its module, as installers write them: `My_Plugin` gives `my-plugin`.

    Raises:
        CompressorError: no distribution or module can be called so, or Python or an installed package has the name.
    """
    remedy = "choose another name, such as my-plugin"
    if not _NAME.fullmatch(name):
        raise CompressorError(f"'{name}' is no name of a distribution: letters, digits and single dashes", remedy)
    if len(name) > _MOST_CHARACTERS:
        raise CompressorError(f"'{name}' has more than {_MOST_CHARACTERS} characters", remedy)
    distribution = re.sub(r"[-_.]+", "-", name).lower()
    module = distribution.replace("-", "_")
    if keyword.iskeyword(module) or keyword.issoftkeyword(module):
        raise CompressorError(f"'{module}' is a word of Python's own, and no module can be called so", remedy)
    if module in sys.stdlib_module_names:
        raise CompressorError(f"'{module}' is a module of Python's own", remedy)
    return distribution, module


def write_plugin(name: str, folder: Path, force: bool = False) -> list[Path]:
    """Write the package, and return its files.

    Args:
        name: of the distribution.
        folder: for the package; it is made if it is not there.
        force: replace files that are there. Others in the folder stay.

    Raises:
        CompressorError: the name will not do.
        OutputError: the folder is not empty, is a file, or cannot be written.
    """
    distribution, module = names_of(name)
    _refuse_taken(module, folder)
    _refuse_folder(folder, force)
    template = Path(str(files("compressor.scaffolding") / "plugin-template"))
    written = []
    for source in sorted(path for path in template.rglob("*") if path.is_file() and not _is_cached(path)):
        target = folder / str(source.relative_to(template)).replace(MODULE, module)
        text = source.read_text(encoding="utf-8").replace(DISTRIBUTION, distribution).replace(MODULE, module)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(target) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            remedy = "free some space, or choose another place with --output"
            raise OutputError(f"{target} cannot be written ({error.strerror or error})", remedy) from error
        written.append(target)
    return written


def _is_cached(path: Path) -> bool:
    """Whether a tool that looked through the template left the file there."""
    return any(part == "__pycache__" or part.endswith("_cache") for part in path.parts)


def _refuse_taken(module: str, folder: Path) -> None:
    spec = find_spec(module)
    if spec is None:
        return
    origin = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
    if not Path(origin).resolve().is_relative_to(folder.resolve()):  # it is the package that is to be written anew
        raise CompressorError(f"a module '{module}' is there already, in {origin}", "choose another name")


def _refuse_folder(folder: Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} exists, and is not a folder", "choose another name, or --output FOLDER")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not force:
        remedy = "choose another name or --output FOLDER, or pass --force to replace the files that the template has"
        raise OutputError(f"the folder {folder} is not empty", remedy)
