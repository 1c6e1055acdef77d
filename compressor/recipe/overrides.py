"""`--set path=value`: single values laid over a recipe, before it is validated."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from compressor.base.text import did_you_mean, quoted
from compressor.recipe.document import Node, Route, mapping, parse, sequence
from compressor.recipe.extends import step_ids
from compressor.recipe.problems import Origin, Problem, RecipeError, Source
from compressor.recipe.tree import MAX_DEPTH


def overridden(tree: Node, override: str) -> Node:
    """The tree with one value set: `steps.prune.with.final_sparsity=0.9`.

    A step goes by its id, its index, or a strategy that no other step uses; mappings that are not there yet are made;
    the value is YAML.

    Raises:
        RecipeError: the text is no override, or points nowhere.
    """
    shown = override if len(override) <= 60 else override[:57] + "..."
    source = Source(f"--set {shown}", tuple(override.splitlines()), Path.cwd())
    name, equals, text = override.partition("=")
    parts = name.strip().split(".")
    origin = Origin(source, 1, 1, max(1, len(name)))
    if not equals or not all(parts) or len(parts) > MAX_DEPTH:
        message = f"{quoted(name)} sets nothing; write path=value, as in steps.prune.with.final_sparsity=0.9"
        raise RecipeError([Problem(message, origin)])
    try:
        value = parse(text, Source(source.name, tuple(text.splitlines()), source.folder))
    except RecipeError as error:
        moved = [Problem(found.message, _moved_origin(found.origin, source, len(name) + 1)) for found in error.problems]
        raise RecipeError(moved) from None
    if not isinstance(tree.value, dict | None):
        return tree  # not a recipe at all, which is told when it is validated
    return _set(tree, tuple(parts), _moved(value, source, len(name) + 1), origin)


def _set(node: Node, parts: tuple[str, ...], value: Node, origin: Origin, at: Route = ()) -> Node:
    if not parts:
        return replace(value, key_origin=origin)
    head, *rest = parts
    if isinstance(node.value, tuple):
        index = _index(node.value, head, at, origin)
        entry = _set(node.value[index], tuple(rest), value, origin, (*at, index))
        return sequence((*node.value[:index], entry, *node.value[index + 1 :]), like=node)
    if isinstance(node.value, dict | None):
        entries = node.value or {}
        below = entries.get(head, Node(None, origin, origin))
        entry = _set(below, tuple(rest), value, origin, (*at, head))
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
    places = list(map(str, range(len(entries))))
    if head in places:
        return places.index(head)
    if names:
        known = did_you_mean(head, names)
    elif entries:
        known = f"; write a number from 0 to {len(entries) - 1}"
    else:
        known = "; it is empty, so set it as a whole"
    raise RecipeError([Problem(f"{_dotted(at)} has no entry {quoted(head)}{known}", origin)])


def _moved(node: Node, source: Source, by: int) -> Node:
    """The node with every origin moved to where it stands in the whole override."""
    below = node.value
    if isinstance(below, dict):
        below = {key: _moved(entry, source, by) for key, entry in below.items()}
    elif isinstance(below, tuple):
        below = tuple(_moved(entry, source, by) for entry in below)
    origin, key_origin = _moved_origin(node.origin, source, by), _moved_origin(node.key_origin, source, by)
    return replace(node, value=below, origin=origin, key_origin=key_origin)


def _moved_origin(origin: Origin | None, source: Source, by: int) -> Origin | None:
    if origin is None:
        return None
    return Origin(source, origin.line, origin.column + (by if origin.line == 1 else 0), origin.width)


def _dotted(at: Route) -> str:
    return quoted(".".join(map(str, at)))
