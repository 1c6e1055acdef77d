"""`--set path=value`: replaces single values of a recipe before it is validated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from compressor.base.text import did_you_mean, quoted
from compressor.recipe.document import Node, Route, mapping, parse, sequence
from compressor.recipe.extends import step_ids
from compressor.recipe.problems import Origin, Problem, RecipeError, Source
from compressor.recipe.tree import MAX_DEPTH


def overridden(tree: Node, override: str) -> Node:
    """Set one value in a recipe's tree, as in `steps.prune.with.final_sparsity=0.9`.

    A step is named by its id, by its index, or by its strategy if no other step uses that one. Missing mappings are
    added. The value is YAML.

    Raises:
        RecipeError: the text is not an override, or its path leads nowhere.
    """
    shown = override if len(override) <= 60 else override[:57] + "..."
    source = Source(f"--set {shown}", tuple(override.splitlines()), Path.cwd())
    name, equals, text = override.partition("=")
    parts = name.strip().split(".")
    origin = Origin(source, 1, 1, max(1, len(name)))
    if not equals or not all(parts) or len(parts) > MAX_DEPTH:
        message = f"{quoted(name)} sets nothing; write path=value, as in steps.prune.with.final_sparsity=0.9"
        raise RecipeError([Problem(message, origin)])
    offset = len(name) + 1
    try:
        value = parse(text, Source(source.name, tuple(text.splitlines()), source.folder))
    except RecipeError as error:
        raise RecipeError([_shifted_problem(problem, source, offset) for problem in error.problems]) from None
    if not isinstance(tree.value, dict | None):
        return tree  # not a recipe, which its validation will report
    return _with_value(tree, tuple(parts), _shifted(value, source, offset), origin)


def _with_value(node: Node, parts: tuple[str, ...], value: Node, origin: Origin, at: Route = ()) -> Node:
    if not parts:
        return replace(value, key_origin=origin)
    head, *rest = parts
    if isinstance(node.value, tuple):
        index = _index(node.value, head, at, origin)
        entry = _with_value(node.value[index], tuple(rest), value, origin, (*at, index))
        return sequence((*node.value[:index], entry, *node.value[index + 1 :]), like=node)
    if isinstance(node.value, dict | None):
        entries = node.value or {}
        child = entries.get(head, Node(None, origin, origin))
        entry = _with_value(child, tuple(rest), value, origin, (*at, head))
        return mapping({**entries, head: entry}, like=node)
    message = f"{_dotted(at)} is a single value, so there is no {quoted(head)} in it; set {_dotted(at)} itself"
    raise RecipeError([Problem(message, origin)])


def _index(entries: tuple[Node, ...], head: str, at: Route, origin: Origin) -> int:
    names = step_ids(sequence(entries)) if at == ("steps",) else []
    if head in names:
        return names.index(head)
    strategies = [entry.child("uses") for entry in entries] if names else []
    if strategies.count(Node(head)) == 1:
        return strategies.index(Node(head))
    indexes = list(map(str, range(len(entries))))
    if head in indexes:
        return indexes.index(head)
    if names:
        remedy = did_you_mean(head, names)
    elif entries:
        remedy = f"; write a number from 0 to {len(entries) - 1}"
    else:
        remedy = "; it is empty, so set it as a whole"
    raise RecipeError([Problem(f"{_dotted(at)} has no entry {quoted(head)}{remedy}", origin)])


def _shifted(node: Node, source: Source, offset: int) -> Node:
    """The node with every origin shifted from its place in the value to its place in the whole override."""
    value = node.value
    if isinstance(value, dict):
        value = {key: _shifted(entry, source, offset) for key, entry in value.items()}
    elif isinstance(value, tuple):
        value = tuple(_shifted(entry, source, offset) for entry in value)
    origin = _shifted_origin(node.origin, source, offset)
    key_origin = _shifted_origin(node.key_origin, source, offset)
    return replace(node, value=value, origin=origin, key_origin=key_origin)


def _shifted_problem(problem: Problem, source: Source, offset: int) -> Problem:
    return Problem(problem.message, _shifted_origin(problem.origin, source, offset))


def _shifted_origin(origin: Origin | None, source: Source, offset: int) -> Origin | None:
    if origin is None:
        return None
    return Origin(source, origin.line, origin.column + (offset if origin.line == 1 else 0), origin.width)


def _dotted(at: Route) -> str:
    return quoted(".".join(map(str, at)))
