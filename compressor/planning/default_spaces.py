"""Fills in `search: auto`: what a parameter may be as the strategy declares it beside the parameter."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from compressor.base.errors import PluginError
from compressor.base.params import Params
from compressor.base.search_domain import Search
from compressor.base.text import quoted
from compressor.planning.registry import NotRun, Registry
from compressor.recipe.problems import Origin, Problem
from compressor.recipe.search_syntax import SEARCH, is_auto, open_values, step_places
from compressor.recipe.training_params import TrainingDefaults
from compressor.recipe.tree import Node, Route, from_data, mapping, sequence


def declared_search(params: type[Params]) -> dict[str, Search]:
    """What the parameters may be in a search, by their keys, of those that say so."""
    return {
        one.alias or name: declared
        for name, one in params.model_fields.items()
        for declared in one.metadata
        if isinstance(declared, Search)
    }


def with_default_spaces(tree: Node, registry: Registry, unseen: bool = False) -> tuple[Node, list[Problem]]:
    """A recipe with the space of the strategy in place of each `search: auto`, and what is wrong with that.

    Args:
        tree: the recipe.
        registry: the plugins.
        unseen: whether the recipe names plugin files that have not been run, whose strategies are not known.
    """
    filling = _Filling(registry, unseen)
    for route, step in step_places(tree):
        tree = _with(tree, route, filling.step(step))
    for section, params in (("training", TrainingDefaults), ("train", filling.params(Node("train")))):
        route = ("model", section) if section == "train" else (section,)
        if (node := tree.find(route)) is not None:
            tree = _with(tree, route, filling.values(node, params, section))
    return tree, filling.problems


@dataclass
class _Filling:
    registry: Registry
    unseen: bool
    problems: list[Problem] = field(default_factory=list)

    def step(self, step: Node) -> Node:
        """A step in which nothing is `auto` any more."""
        uses, auto, values = step.child("uses"), step.child(SEARCH), step.child("with")
        if not isinstance(step.value, dict) or uses is None or not isinstance(uses.value, str):
            return step
        entries = dict(step.value)
        wanted = is_auto(step)
        if not wanted and not any(is_auto(node) for _, node in open_values(values or mapping({}))):
            return step
        params = self.params(uses)
        name = uses.value.rpartition(":")[2]
        if params is None:
            self._report_unknown(name, auto if wanted else values)
        filled = self.values(values or mapping({}, like=step), params, name)
        if wanted and auto is not None:
            entries.pop(SEARCH)
            filled = self._with_all(filled, params, name, auto)
        return mapping({**entries, "with": filled}, like=step)

    def values(self, values: Node, params: type[Params] | None, name: str) -> Node:
        """Parameters in which nothing is `auto` any more."""
        declared = declared_search(params) if params else {}
        for route, node in list(open_values(values)):
            if not is_auto(node):
                continue
            if not route:
                message = "'search: auto' for all parameters of a step stands beside 'uses'; move it there"
                self.problems.append(Problem(message, node.origin))
                return mapping({}, like=node)
            search = declared.get(str(route[0])) if len(route) == 1 else None
            if search is None and params is not None:
                places = ", ".join(declared) or "none of its parameters"
                message = f"{quoted(name)} does not say what {quoted('.'.join(map(str, route)))} may be"
                remedy = f"list values, as in {{search: [1, 2]}}; it says so of {places}"
                self.problems.append(Problem(f"{message}; {remedy}", node.origin))
            values = _with(values, route, _node(search, node) if search else None)
        return values

    def params(self, uses: Node) -> type[Params] | None:
        """The parameters of a strategy; None if it is not known."""
        try:
            entry = self.registry.get("strategy", str(uses.value))
        except PluginError:
            return None
        return None if entry is None or entry.cls is NotRun else entry.cls.Params

    def _with_all(self, values: Node, params: type[Params] | None, name: str, auto: Node) -> Node:
        declared = declared_search(params) if params else {}
        if params is not None and not declared:
            message = f"{quoted(name)} does not say what its parameters may be; leave single values open in 'with'"
            self.problems.append(Problem(message, auto.origin))
        given = values.value if isinstance(values.value, dict) else {}
        own = {key: _node(search, auto) for key, search in declared.items() if key not in given}
        return mapping({**given, **own}, like=values)

    def _report_unknown(self, name: str, place: Node | None) -> None:
        if self.unseen:  # a name that nothing brings is a problem of its own
            message = f"'search: auto' of {quoted(name)} was not looked at, since that strategy was not loaded"
            self.problems.append(Problem(message, place.origin if place else None, "not checked"))


def _node(search: Search, place: Node) -> Node:
    range_: dict[str, Any] = {"low": search.low, "high": search.high}
    if search.step is not None:
        range_["step"] = search.step
    if search.log:
        range_["log"] = True
    node = from_data({SEARCH: list(search.values) or range_})
    return replace(_all_at(node, place.origin), key_origin=place.key_origin)


def _all_at(node: Node, origin: Origin | None) -> Node:
    if isinstance(node.value, dict):
        value: Any = {key: _all_at(child, origin) for key, child in node.value.items()}
    elif isinstance(node.value, tuple):
        value = tuple(_all_at(child, origin) for child in node.value)
    else:
        value = node.value
    return replace(node, value=value, origin=origin)


def _with(node: Node, route: Route, value: Node | None) -> Node:
    """The tree with another node at a place, or without the one there."""
    if not route:
        return value or node
    head, rest = route[0], route[1:]
    if isinstance(node.value, dict):
        entries = {key: child for key, child in node.value.items() if key != head or rest or value is not None}
        if head in entries:
            entries[str(head)] = _with(entries[str(head)], rest, value)
        return mapping(entries, like=node)
    if isinstance(node.value, tuple):
        return sequence(
            tuple(_with(child, rest, value) if i == head else child for i, child in enumerate(node.value)), like=node
        )
    return node
