"""What a recipe's own plugin files bring, as far as their text says so: `validate` does not run them."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from pathlib import Path

from compressor.base.errors import CompressorError
from compressor.base.file_limits import content_of
from compressor.base.path_or_function import is_there, path_in
from compressor.base.text import did_you_mean
from compressor.planning.plugin_checks import Kind
from compressor.planning.registry import Registry
from compressor.recipe.problems import Problem
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import Node, folder_of


@dataclass(frozen=True, slots=True)
class LocalNames:
    """The names that plugin files bring: `named` by file, and the files that may bring others as well.

    Without any, an unknown name is a mistake in the recipe.
    """

    named: tuple[tuple[str, str], ...] = ()  # (name, file)
    open_files: tuple[str, ...] = ()
    unreadable: bool = False  # whether there is a file, reported already, of which nothing is known

    def together_with(self, *others: LocalNames) -> LocalNames:
        """These names and others."""
        everything = (self, *others)
        return LocalNames(
            tuple(pair for names in everything for pair in names.named),
            tuple(file for names in everything for file in names.open_files),
            any(names.unreadable for names in everything),
        )

    def may_bring(self, name: str) -> bool:
        """Whether a name that no installed plugin brings may come from one of the files."""
        return bool(self.open_files) or self.unreadable or name in dict(self.named)

    def told_of(self, kind: Kind, name: str, registry: Registry, node: Node | None) -> list[Problem]:
        """What to say of a name that they may bring."""
        origin = node.origin if node else None
        file = dict(self.named).get(name)
        if file is not None:
            what = "its parameters and its place among the steps are" if kind == "strategy" else "its parameters are"
            message = (
                f"the {kind} '{name}' comes from {file}, which is not run here; {what} checked by 'compressor plan'"
            )
            return [Problem(message, origin, "not checked")]
        if self.open_files:
            hint = did_you_mean(name, [*registry.names(kind), *dict(self.named)])
            hint = hint if "did you mean" in hint else "; 'compressor plan' runs it and knows"
            message = f"no installed plugin brings the {kind} '{name}', and whether {self._files} does is not known"
            return [Problem(f"{message}{hint}", origin, "warning")]
        return []  # the file that cannot be read has been reported

    @property
    def _files(self) -> str:
        return " or ".join(dict.fromkeys(self.open_files))


NO_NAMES = LocalNames()


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
        tree = ast.parse(content_of(path))
    except (OSError, CompressorError, SyntaxError, ValueError, RecursionError, MemoryError):
        return LocalNames(open_files=(path.name,))
    classes = {node.name: _name_of(node) for node in tree.body if isinstance(node, ast.ClassDef)}
    within = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    named = tuple((name, path.name) for node in within if (name := _name_of(node)))
    hooks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list]
    plain = bool(hooks) and all(_returns_named_classes(hook, classes) for hook in hooks)
    return LocalNames(named, () if plain else (path.name,))


def _name_of(definition: ast.ClassDef) -> str | None:
    """The text that a class gives as its `name`, if it is written out."""
    for statement in definition.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(value=str(name))):
                return name
            case ast.AnnAssign(target=ast.Name(id="name"), value=ast.Constant(value=str(name))):
                return name
    return None


def _returns_named_classes(hook: ast.FunctionDef, classes: dict[str, str | None]) -> bool:
    match [statement for statement in hook.body if not _is_docstring(statement)]:
        case [ast.Return(value=ast.List(elts=entries) | ast.Tuple(elts=entries))]:
            return all(isinstance(entry, ast.Name) and classes.get(entry.id) for entry in entries)
    return False


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
