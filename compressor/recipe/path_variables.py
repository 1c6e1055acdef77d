"""`~` and `${NAME}` in the paths of a recipe: the home folder, and variables of the environment."""

from __future__ import annotations

import os
import re
from dataclasses import replace

from compressor.base.secrets import names_secret
from compressor.data.kinds import kinds
from compressor.recipe.function_files import names_code
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.tree import Node, Route

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def expanded(tree: Node, problems: list[Problem]) -> Node:
    """The recipe with `~` and `${NAME}` replaced in each value that is or may be a path."""
    for route, node in tree.leaves():
        if isinstance(node.value, str) and ("${" in node.value or node.value.startswith("~")) and _is_path(route):
            try:
                tree = _with_value(tree, route, expanded_text(node))
            except RecipeError as error:
                problems += error.problems
    return tree


def expanded_text(node: Node) -> str:
    """The text of a node with `~` and `${NAME}` replaced.

    Raises:
        RecipeError: a variable is not set or cannot be part of a path, or there is no such user.
    """
    text = str(node.value)
    for name in _VARIABLE.findall(text):
        if not _NAME.fullmatch(name):
            raise _refusal(f"'${{{name}}}' is not the name of an environment variable; write it as ${{NAME}}", node)
        if names_secret(name):
            raise _refusal(f"the environment variable '{name}' is a secret by its name; keep it out of paths", node)
        if not os.environ.get(name):
            message = f"the environment variable '{name}' is not set; set it, as in 'export {name}=/data'"
            raise _refusal(f"{message}, or write the path itself", node)
    text = _VARIABLE.sub(lambda found: os.environ[found[1]], text)
    home = os.path.expanduser(text)  # noqa: PTH111 - unlike Path.expanduser, it never raises
    if home.startswith("~") and (os.sep in home or home == "~"):
        user = home.partition(os.sep)[0]
        raise _refusal(f"there is no home folder '{user}' on this machine; write the path itself", node)
    return home


def _is_path(route: Route) -> bool:
    if route[:1] in (("plugins",), ("extends",)) or names_code(route):
        return True
    return route[:2] == ("data", "with") and any(route[2:] == (name,) for kind in kinds() for name in kind.path_options)


def _with_value(node: Node, route: Route, text: str) -> Node:
    if not route:
        return replace(node, value=text)
    part, rest = route[0], route[1:]
    if isinstance(node.value, dict):
        return replace(node, value={k: _with_value(v, rest, text) if k == part else v for k, v in node.value.items()})
    entries = node.value if isinstance(node.value, tuple) else ()
    return replace(node, value=tuple(_with_value(v, rest, text) if i == part else v for i, v in enumerate(entries)))


def _refusal(message: str, node: Node) -> RecipeError:
    return RecipeError([Problem(message, node.origin)])
