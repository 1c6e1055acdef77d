"""The search space of a recipe: what it leaves open, and the recipe that each choice among it makes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final, TypeAlias

from compressor.base.search_domain import Search
from compressor.recipe.extends import first_free, step_ids
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.search_syntax import (
    AUTO,
    ONE_OF,
    OPTIONAL,
    SEARCH,
    dotted,
    open_values,
    parameter_sections,
    search_of,
    step_places,
)
from compressor.recipe.tree import Node, Route, from_data, mapping, sequence

LEFT_OUT = "left out"
Assignment: TypeAlias = Mapping[str, Any]
"""A value for each choice that is to be made, by the name of the choice."""
Position: TypeAlias = tuple[int, int]
"""Where a step is taken: its entry of `steps`, and its place in a list of steps there; `BEFORE` all of them."""
BEFORE: Final[Position] = (-1, 0)


@dataclass(frozen=True)
class Choice:
    """Something that a recipe leaves open.

    Attributes:
        name: its place, as in `steps.prune.with.final_sparsity`, or `step 2` for which step is taken there.
        search: what it may be.
        route: its place in the recipe's tree.
        needs: the choice of a step, and the step that must have been taken for this choice to matter; None if it
            always does.
        places: the nodes that the values are written in, in their order; those of `low` and `high` for a range.
    """

    name: str
    search: Search
    route: Route
    needs: tuple[str, str] | None = None
    places: tuple[Node, ...] = ()

    @property
    def is_step(self) -> bool:
        """Whether it is the choice of a step."""
        return len(self.route) == 2 and self.route[0] == "steps"

    @property
    def position(self) -> Position:
        """The step that it is about; for the choice of several steps, the first of them."""
        if self.route[0] != "steps":
            return BEFORE
        inside = self.route[4] if len(self.route) > 4 and self.route[2] == ONE_OF else 0
        return int(self.route[1]), inside if isinstance(inside, int) else 0

    def matters(self, assignment: Assignment) -> bool:
        """Whether it is to be made, after the choices of steps."""
        return self.needs is None or assignment.get(self.needs[0]) == self.needs[1]


@dataclass(frozen=True)
class Space:
    """Everything that a recipe leaves open: the choices of steps first, then the values.

    `tree` is the recipe, and `labels` names each step that may be taken, by its place.
    """

    tree: Node
    choices: tuple[Choice, ...]
    labels: Mapping[Route, str]

    @property
    def steps(self) -> tuple[Choice, ...]:
        """The choices of steps."""
        return tuple(choice for choice in self.choices if choice.is_step)

    @property
    def values(self) -> tuple[Choice, ...]:
        """The values that are left open."""
        return tuple(choice for choice in self.choices if not choice.is_step)

    @property
    def structures(self) -> int:
        """How many ways there are to choose among the steps."""
        return math.prod(len(choice.search.values) for choice in self.steps)

    @property
    def count(self) -> int | None:
        """How many recipes there are; None if a range holds numbers without end."""
        counts = [choice.search.count for choice in self.values]
        if None in counts:
            return None
        total = math.prod(choice.search.count or 1 for choice in self.values if choice.needs is None)
        for step in self.steps:
            total *= sum(
                math.prod(choice.search.count or 1 for choice in self.values if choice.needs == (step.name, option))
                for option in step.search.values
            )
        return total

    def every_structure(self) -> Iterator[Assignment]:
        """Every way to choose among the steps."""
        for options in product(*(choice.search.values for choice in self.steps)):
            yield dict(zip((choice.name for choice in self.steps), options, strict=True))

    def open_in(self, structure: Assignment) -> list[Choice]:
        """The values that are open once the steps are chosen."""
        return [choice for choice in self.values if choice.matters(structure)]

    def positions(self, assignment: Assignment) -> list[Position]:
        """Where each step of the recipe that a choice makes is taken, in their order."""
        chosen = {choice.route[1]: assignment[choice.name] for choice in self.steps}
        taken = ((index, self._taken(index, entry, chosen)) for index, entry in enumerate(self._entries))
        return [(index, inside) for index, steps in taken for inside in range(len(steps))]

    def drawn(self, assignment: Assignment) -> Node:
        """The recipe that a choice makes, in which nothing is open; values keep their positions in the text."""
        values = {
            choice.route: _placed(assignment[choice.name], choice)
            for choice in self.values
            if choice.matters(assignment)
        }
        tree = _with_values(self.tree, values)
        steps = tree.child("steps")
        if steps is None or not isinstance(steps.value, tuple) or not isinstance(tree.value, dict):
            return tree
        chosen = {choice.route[1]: assignment[choice.name] for choice in self.steps}
        taken = [step for index, entry in enumerate(steps.value) for step in self._taken(index, entry, chosen)]
        steps = sequence(tuple(taken), like=steps)
        entries = {**tree.value, "steps": steps}
        if (constraints := tree.child("constraints")) is not None:
            entries["constraints"] = self._of_taken(constraints, set(step_ids(steps)))
        return mapping(entries, like=tree)

    @property
    def _entries(self) -> tuple[Node, ...]:
        return _entries(self.tree.child("steps"))

    def _taken(self, index: int, entry: Node, chosen: Mapping[str | int, str]) -> tuple[Node, ...]:
        """The steps of an entry that are taken."""
        option = chosen.get(index)
        if option == LEFT_OUT:
            return ()
        if (alternatives := entry.child(ONE_OF)) is not None:
            number = next(choice for choice in self.steps if choice.route[1] == index).search.values.index(option)
            entry = _entries(alternatives)[number]
        return tuple(map(_plain_step, entry.value if isinstance(entry.value, tuple) else (entry,)))

    def _of_taken(self, constraints: Node, ids: set[str]) -> Node:
        """The constraints without those for steps that are left out."""
        stages = constraints.child("stages")
        if stages is None or not isinstance(stages.value, dict) or not isinstance(constraints.value, dict):
            return constraints
        gone = set(self.labels.values()) - ids
        kept = mapping({key: node for key, node in stages.value.items() if key not in gone}, like=stages)
        return mapping({**constraints.value, "stages": kept}, like=constraints)


def space_of(tree: Node) -> Space:
    """The search space of a recipe, in which every `search: auto` has been replaced.

    Raises:
        RecipeError: with everything that is wrong with what is left open.
    """
    problems: list[Problem] = []
    labels = _labels(tree)
    steps = list(_step_choices(tree, labels, problems))
    needs = {place: (step.name, option) for step in steps for place, option in _options(step.route, labels).items()}
    values = list(_value_choices(tree, labels, needs, problems))
    if problems:
        raise RecipeError(problems)
    return Space(tree, (*steps, *values), labels)


def _labels(tree: Node) -> dict[Route, str]:
    places = list(step_places(tree))
    labels: dict[Route, str] = {}
    for (route, _), id_ in zip(places, step_ids(sequence(tuple(node for _, node in places))), strict=True):
        labels[route] = first_free(id_, labels.values())  # two steps of which one is taken may have the same id
    return labels


def _step_choices(tree: Node, labels: Mapping[Route, str], problems: list[Problem]) -> Iterator[Choice]:
    for index, entry in enumerate(_entries(tree.child("steps"))):
        route: Route = ("steps", index)
        optional, alternatives, auto = entry.child(OPTIONAL), entry.child(ONE_OF), entry.child(SEARCH)
        found = [*_misused(entry, optional, alternatives, auto)]
        problems += found
        if found:
            continue
        options = list(_options(route, labels).values())
        if optional is not None and optional.value is True:
            options.append(LEFT_OUT)
        if len(options) > 1:
            yield Choice(f"step {index + 1}", Search.of(*options), route)


def _options(route: Route, labels: Mapping[Route, str]) -> dict[Route, str]:
    """What may be taken at a step's place, by its own place: the step, or one of several, each of one or more steps."""
    options: dict[Route, str] = {}
    for place, label in labels.items():
        if place[:2] == route:
            options[place[:4]] = f"{options[place[:4]]} -> {label}" if place[:4] in options else label
    return options


def _misused(entry: Node, optional: Node | None, alternatives: Node | None, auto: Node | None) -> Iterator[Problem]:
    if optional is not None and not isinstance(optional.value, bool):
        yield Problem("'optional' takes true or false", optional.origin)
    if auto is not None and auto.value != AUTO:
        message = "'search' of a step takes auto; leave single values open in 'with', as in {bits: {search: [4, 8]}}"
        yield Problem(message, auto.origin)
    if alternatives is None:
        return
    inner = [one.value if isinstance(one.value, tuple) else (one,) for one in _entries(alternatives)]
    steps = [step for several in inner for step in several]
    if len(inner) < 2 or not all(inner) or not all(isinstance(step.value, dict) for step in steps):
        yield Problem("'one_of' takes a list of two or more steps, or of lists of steps", alternatives.origin)
    for one in steps:
        for key in (ONE_OF, OPTIONAL):
            if (node := one.child(key)) is not None:
                message = f"{key!r} cannot stand within 'one_of'; write it beside 'one_of', or list the steps there"
                yield Problem(message, node.key_origin or node.origin)
    others = [key for key in (entry.value if isinstance(entry.value, dict) else ()) if key not in (ONE_OF, OPTIONAL)]
    for key in others:
        node = entry.child(key)
        message = f"{key!r} cannot stand beside 'one_of'; write it into each of its steps"
        yield Problem(message, (node.key_origin or node.origin) if node else None)


def _value_choices(
    tree: Node, labels: Mapping[Route, str], needs: Mapping[Route, tuple[str, str]], problems: list[Problem]
) -> Iterator[Choice]:
    for route, section in parameter_sections(tree):
        step = next((place for place in labels if route[: len(place)] == place and route[0] == "steps"), None)
        prefix: Route = route if step is None else ("steps", labels[step], *route[len(step) :])
        for inner, node in open_values(section):
            name = dotted((*prefix, *inner))
            try:
                search = search_of(node, name)
            except RecipeError as error:
                problems += error.problems
                continue
            inside = node.child(SEARCH)
            assert inside is not None
            places = _entries(inside) or tuple(inside.child(key) or inside for key in ("low", "high"))
            yield Choice(name, search, (*route, *inner), needs.get(step[:4]) if step else None, (*places, inside))


def _placed(value: Any, choice: Choice) -> Node:
    """A value as a node, at the place in the text that it comes from."""
    known = choice.search.values or (choice.search.low, choice.search.high)
    index = next((index for index, one in enumerate(known) if one == value and type(one) is type(value)), -1)
    place = choice.places[index]
    return place if choice.search.values and index >= 0 else replace(from_data(value), origin=place.origin)


def _plain_step(entry: Node) -> Node:
    if not isinstance(entry.value, dict):
        return entry
    return mapping({key: node for key, node in entry.value.items() if key not in (OPTIONAL, SEARCH)}, like=entry)


def _with_values(node: Node, values: Mapping[Route, Node], at: Route = ()) -> Node:
    if at in values:
        return replace(values[at], key_origin=node.key_origin)
    if isinstance(node.value, dict):
        return mapping({key: _with_values(child, values, (*at, key)) for key, child in node.value.items()}, like=node)
    if isinstance(node.value, tuple):
        entries: Iterable[Node] = (_with_values(child, values, (*at, i)) for i, child in enumerate(node.value))
        return sequence(tuple(entries), like=node)
    return node


def _entries(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and isinstance(node.value, tuple) else ()
