"""Finds the places of a recipe that may name a function in a Python file, and makes their paths absolute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from compressor.base.import_path import in_folder, names_file, names_function
from compressor.recipe.tree import Node, Route, folder_of, with_entries


def with_absolute_files(tree: Node, at: Route = ()) -> Node:
    """The recipe with absolute paths of Python files; a relative one starts at the folder of the text it stands in."""
    if isinstance(tree.value, dict):
        entries = {key: with_absolute_files(child, (*at, key)) for key, child in tree.value.items()}
        return with_entries(tree, entries)
    if isinstance(tree.value, tuple):
        children = (with_absolute_files(child, (*at, index)) for index, child in enumerate(tree.value))
        return with_entries(tree, tuple(children))
    if isinstance(tree.value, str) and names_code(at) and names_file(tree.value):
        return replace(tree, value=in_folder(tree.value, folder_of(tree)))
    return tree


def function_files(tree: Node) -> Iterator[tuple[Route, Node]]:
    """The values that name a Python file or a function in one."""
    for route, node in tree.leaves():
        if isinstance(node.value, str) and names_code(route) and names_file(node.value):
            yield route, node


def code_names(tree: Node) -> Iterator[str]:
    """The texts that name code: functions in files and in modules, and the modules of Keras classes."""
    for route, node in tree.leaves():
        if isinstance(node.value, str) and names_code(route):
            is_module = route[:2] == ("model", "custom_objects")
            if is_module or names_file(node.value) or names_function(node.value):
                yield node.value


def names_code(route: Route) -> bool:
    """Whether the value there may name a function: a model, data, a loss, a metric, a teacher or a Keras class."""
    if route in (("model", "source"), ("data", "source")) or route[:2] == ("model", "custom_objects"):
        return True
    if route[:2] == ("evaluation", "metrics"):
        return len(route) == 3 or route[3:] == ("uses",)
    return "loss" in route[-2:] or route[-1:] == ("teacher",) or route[-2:] == ("teacher", "source")
