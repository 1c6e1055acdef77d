"""`extends` and `--set`: several texts become one tree, before anything is validated."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from compressor.recipe import shipped
from compressor.recipe.document import Node, Route, mapping, parse, read, sequence
from compressor.recipe.problems import Origin, Problem, RecipeError, Source, did_you_mean

MAX_EXTENDS = 16


def compose(path: Path, overrides: Iterable[str] = ()) -> Node:
    """The tree of a recipe file with everything it extends, and every `--set` laid over it.

    Mappings merge key by key; anything else, lists included, is replaced as a whole.

    Raises:
        RecipeError: a file cannot be read, `extends` goes in a circle, or an override points nowhere.
    """
    tree = _extended(path, ())
    for override in overrides:
        tree = _overridden(tree, override)
    return tree


def merge(base: Node, over: Node) -> Node:
    """`over` laid upon `base`."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    entries = dict(base.value)
    for key, node in over.value.items():
        entries[key] = merge(entries[key], node) if key in entries else node
    return mapping(entries, like=over)


def step_ids(steps: Node) -> list[str]:
    """The id of each step in a `steps` list: as given, or its strategy's name, numbered when it repeats."""
    given = [_text_at(step, "id") for step in steps.value] if isinstance(steps.value, tuple) else []
    taken = {name for name in given if name}
    ids = []
    for index, name in enumerate(given):
        if not name:
            uses = _text_at(steps.value[index], "uses") if isinstance(steps.value, tuple) else None
            name = first_free(uses or f"step-{index + 1}", taken)
            taken.add(name)
        ids.append(name)
    return ids


def first_free(name: str, taken: Iterable[str]) -> str:
    """`name`, or `name-2`, `name-3` and so on, whichever is not in `taken` yet."""
    used = set(taken)
    number, free = 1, name
    while free in used:
        number += 1
        free = f"{name}-{number}"
    return free


def _extended(path: Path, chain: tuple[Path, ...]) -> Node:
    tree = read(path)
    link = tree.child("extends")
    if link is None or not isinstance(tree.value, dict):
        return tree
    if not isinstance(link.value, str):
        raise RecipeError([Problem("'extends' takes the path or the name of one recipe", link.origin)])
    here = path.resolve()
    chain = (*chain, here)
    base_path = shipped.find(link.value, start=here.parent)
    if base_path is None:
        names = did_you_mean(link.value, shipped.names())
        raise RecipeError([Problem(f"no recipe '{link.value}' to extend{names}", link.origin)])
    if base_path.resolve() in chain:
        circle = " -> ".join(step.name for step in (*chain, base_path))
        raise RecipeError([Problem(f"'extends' goes in a circle ({circle}); break it here", link.origin)])
    if len(chain) >= MAX_EXTENDS:
        raise RecipeError([Problem(f"more than {MAX_EXTENDS} recipes extend one another; flatten them", link.origin)])
    own = mapping({key: node for key, node in tree.value.items() if key != "extends"}, like=tree)
    return merge(_extended(base_path, chain), own)


def _overridden(tree: Node, override: str) -> Node:
    source = Source(f"--set {override}", (override,), Path.cwd())
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        message = "an override reads path=value, as in steps.prune.with.final_sparsity=0.9"
        raise RecipeError([Problem(message, Origin(source, 1, 1, len(override)))])
    try:
        value = parse(text, Source(source.name, (text,), source.folder))
    except RecipeError as error:
        message = f"the value of '{name}' is not YAML: {error.problems[0].message}"
        raise RecipeError([Problem(message, Origin(source, 1, len(name) + 2, len(text)))]) from None
    value = _moved(value, source, len(name) + 1)
    return _replaced(tree, tuple(name.strip().split(".")), value, Origin(source, 1, 1, len(name)))


def _moved(node: Node, source: Source, by: int) -> Node:
    """The node with every origin moved right, past the `path=` that stands before the value."""

    def move(origin: Origin | None) -> Origin | None:
        return Origin(source, origin.line, origin.column + by, origin.width) if origin else None

    below = node.value
    if isinstance(below, dict):
        below = {key: _moved(entry, source, by) for key, entry in below.items()}
    elif isinstance(below, tuple):
        below = tuple(_moved(entry, source, by) for entry in below)
    return Node(below, move(node.origin), move(node.key_origin), node.size)


def _replaced(node: Node, parts: tuple[str, ...], value: Node, origin: Origin, at: Route = ()) -> Node:
    if not parts:
        return Node(value.value, value.origin, origin, value.size)
    head, *rest = parts
    if isinstance(node.value, tuple):
        index = _index(node, head, at, origin)
        entry = _replaced(node.value[index], tuple(rest), value, origin, (*at, index))
        return sequence((*node.value[:index], entry, *node.value[index + 1 :]), like=node)
    if isinstance(node.value, dict):
        below = node.value.get(head, mapping({}, Node(None, origin, origin)))
        entry = _replaced(below, tuple(rest), value, origin, (*at, head))
        return mapping({**node.value, head: entry}, like=node)
    if node.value is None:
        return _replaced(mapping({}, like=node), parts, value, origin, at)
    where = ".".join(str(part) for part in at)
    raise RecipeError([Problem(f"'{where}' is a single value, so there is no '{head}' in it to set", origin)])


def _index(node: Node, head: str, at: Route, origin: Origin) -> int:
    count = len(node.value) if isinstance(node.value, tuple) else 0
    if head.isdecimal() and int(head) < count:
        return int(head)
    names = step_ids(node) if at == ("steps",) else []
    if head in names:
        return names.index(head)
    where = ".".join(str(part) for part in at)
    known = did_you_mean(head, names) if names else f"; it has {count} entries, counted from 0"
    raise RecipeError([Problem(f"'{where}' has no entry '{head}'{known}", origin)])


def _text_at(node: Node, key: str) -> str | None:
    below = node.child(key)
    return below.value if below is not None and isinstance(below.value, str) else None
