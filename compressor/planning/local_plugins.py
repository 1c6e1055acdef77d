"""What a recipe's own plugin files bring, as far as their text says so: `validate` does not run them."""

from __future__ import annotations

import ast
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from compressor.base.errors import CompressorError
from compressor.base.file_limits import content_of
from compressor.base.path_or_function import is_there, path_in
from compressor.base.text import did_you_mean
from compressor.contracts.execution_plan import Provider
from compressor.planning.plugin_checks import CONTRACTS, Kind
from compressor.planning.registry import Entry, NotRun, Registry
from compressor.recipe.problems import Origin, Problem
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import Node, folder_of

_KINDS = {hook: kind for kind, (hook, _) in CONTRACTS.items()}


@dataclass(frozen=True, slots=True)
class LocalNames:
    """The names that plugin files bring, as far as their text says so.

    Without any, an unknown name is a mistake in the recipe.

    Attributes:
        brought: the kinds, names and files of classes that a plugin file certainly brings.
        possible: the names of classes, by file, that an open file may bring.
        open_files: names of the files that may bring other classes as well.
        unreadable: whether there is a file, reported already, of which nothing is known.
    """

    brought: tuple[tuple[Kind, str, Provider], ...] = ()
    possible: tuple[tuple[str, str], ...] = ()
    open_files: tuple[str, ...] = ()
    unreadable: bool = False

    def together_with(self, *others: LocalNames) -> LocalNames:
        """These names and others."""
        everything = (self, *others)
        return LocalNames(
            tuple(entry for names in everything for entry in names.brought),
            tuple(pair for names in everything for pair in names.possible),
            tuple(file for names in everything for file in names.open_files),
            any(names.unreadable for names in everything),
        )

    def may_bring(self, name: str) -> bool:
        """Whether a name that no installed plugin brings, or `FILE.py:NAME`, may come from one of the files."""
        file = name.rpartition(":")[0]
        return self.unreadable or (file in self.open_files if file else bool(self.open_files))

    def is_qualified(self, kind: Kind, text: str, registry: Registry) -> bool:
        """Whether a text is `distribution:name` or `FILE.py:NAME`, and not the function that it might be as well."""
        return registry.is_qualified(kind, text) or text.rpartition(":")[0] in self.open_files

    def problems_with(
        self, kind: Kind, name: str, entry: Entry | None, registry: Registry, node: Node | None
    ) -> list[Problem]:
        """The problems with a name in the recipe that one of these plugin files brings, or may bring.

        Args:
            kind: of what the recipe names.
            name: as the recipe gives it.
            entry: what the registry has for it.
            registry: the installed plugins, with what is `brought`.
            node: the place of the name in the recipe.
        """
        origin, file = node.origin if node else None, self._possible_file(name)
        if entry is not None and entry.cls is NotRun:
            return [_not_checked(kind, name.rpartition(":")[2], entry.provider.qualifier, origin)]
        if entry is not None:
            if file is None or ":" in name:
                return []
            clash = f"whether {file}, which is not run here, brings a {kind} '{name}' as well"
            return [Problem(f"{clash} is checked by 'compressor plan'", origin, "not checked")]
        if file is not None:
            return [_not_checked(kind, name.rpartition(":")[2], file, origin)]
        if self.open_files and self.may_bring(name):
            hint = did_you_mean(name, [*registry.names(kind), *dict(self.possible)])
            hint = hint if "did you mean" in hint else "; 'compressor plan' runs it and knows"
            files = name.rpartition(":")[0] or " or ".join(dict.fromkeys(self.open_files))
            message = f"no installed plugin brings the {kind} '{name}', and whether {files} does is not known"
            return [Problem(f"{message}{hint}", origin, "warning")]
        return []  # nothing is known of it, or the file that cannot be read has been reported

    def _possible_file(self, name: str) -> str | None:
        file, _, bare = name.rpartition(":")
        return next((it for known, it in self.possible if known == bare and file in ("", it)), None)


NO_NAMES = LocalNames()


def _not_checked(kind: Kind, name: str, file: str, origin: Origin | None) -> Problem:
    what = "its parameters and its place among the steps are" if kind == "strategy" else "its parameters are"
    message = f"the {kind} '{name}' comes from {file}, which is not run here; {what} checked by 'compressor plan'"
    return Problem(message, origin, "not checked")


def plugin_files(recipe: Recipe) -> tuple[list[tuple[Path, Node | None]], list[Problem]]:
    """The recipe's plugin files with the places that name them, and a problem for each that is missing."""
    files: list[tuple[Path, Node | None]] = []
    problems = []
    for index, name in enumerate(recipe.plugins):
        node = recipe.tree.find(("plugins", index))
        path = path_in(folder_of(node), name)
        if os.path.isfile(path):  # noqa: PTH113 - unlike Path.is_file, it never raises
            files.append((path, node))
        else:
            special = is_there(path) and not path.is_dir()
            what = f"'{path}' is not a regular file" if special else f"there is no plugin file '{path}'"
            problems.append(Problem(f"{what}; check the path", node.origin if node else None))
    return files, problems


def names_brought_by(path: Path) -> LocalNames:
    """The names that a plugin file brings, read from its text.

    The file may bring others if its hooks do more than return a list of classes that the file defines and names.
    """
    try:
        code = content_of(path)
        tree = ast.parse(code)
    except (OSError, CompressorError, SyntaxError, ValueError, RecursionError, MemoryError):
        return LocalNames(open_files=(path.name,))
    classes = {node.name: name for node in tree.body if isinstance(node, ast.ClassDef) and (name := _name_of(node))}
    hooks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    listed = [(_KINDS.get(hook.name), _returned_names(hook, classes)) for hook in hooks]
    if listed and all(kind and names is not None for kind, names in listed):
        provider = Provider(str(path), f"sha256:{hashlib.sha256(code).hexdigest()}")
        return LocalNames(tuple((kind, name, provider) for kind, names in listed if kind for name in names or ()))
    within = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    possible = tuple((name, path.name) for node in within if (name := _name_of(node)))
    return LocalNames(possible=possible, open_files=(path.name,))


def _name_of(definition: ast.ClassDef) -> str | None:
    """The text that a class gives as its `name`, if it is written out."""
    for statement in definition.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name))):
                return name
            case ast.AnnAssign(target=ast.Name(id="name"), value=ast.Constant(value=str(name))):
                return name
    return None


def _returned_names(hook: ast.FunctionDef, classes: Mapping[str, str]) -> list[str] | None:
    """The names of the classes that a hook returns; None if its text does not say so."""
    match [statement for statement in hook.body if not _is_docstring(statement)]:
        case [ast.Return(value=ast.List(elts=entries) | ast.Tuple(elts=entries))]:
            names = [classes.get(entry.id) for entry in entries if isinstance(entry, ast.Name)]
            return [name for name in names if name] if len(names) == len(entries) and all(names) else None
    return None


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
