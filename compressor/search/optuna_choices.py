"""Choices of a space as Optuna makes them, and those of a grid in their order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from compressor.recipe.search_space import Assignment, Choice, Space

if TYPE_CHECKING:
    from optuna.trial import Trial

NOTHING: Assignment = MappingProxyType({})


def choices_of(trial: Trial, space: Space) -> dict[str, Any]:
    """What Optuna chooses for a trial: a value for each choice that matters."""
    assignment: dict[str, Any] = {}
    for choice in space.choices:
        if choice.is_step or choice.matters(assignment):
            assignment[choice.name] = _suggested(trial, choice)
    return assignment


def _suggested(trial: Trial, choice: Choice) -> Any:
    search = choice.search
    if search.values:  # by their texts, since Optuna takes neither lists nor mappings
        texts = [json.dumps(value) for value in search.values]
        return search.values[texts.index(trial.suggest_categorical(choice.name, texts))]
    if search.is_whole:
        step = int(search.step or 1)
        return trial.suggest_int(choice.name, int(search.low), int(search.ends[1]), step=step, log=search.log)
    number = trial.suggest_float(choice.name, search.low, search.ends[1], step=search.step, log=search.log)
    return search.rounded(number)


def grid_point(space: Space, number: int) -> Assignment:
    """A recipe of a space with an end, by its number from 0 on."""
    return next(islice(every_point(space), number, None))


def every_point(space: Space, fixed: Assignment = NOTHING) -> Iterator[Assignment]:
    """Every choice of a space with an end; the last value changes first, so that trials share their first steps.

    With `fixed`, those that choose so.
    """
    for structure in space.every_structure():
        if all(structure.get(name, value) == value for name, value in fixed.items()):
            still_open = [choice for choice in space.open_in(structure) if choice.name not in fixed]
            yield from _combined({**structure, **fixed}, still_open)


def _combined(assignment: Assignment, values: Sequence[Choice]) -> Iterator[Assignment]:
    if not values:
        yield assignment
        return
    for value in values[0].search.every_value:
        yield from _combined({**assignment, values[0].name: value}, values[1:])


def encoded(space: Space, assignment: Assignment) -> dict[str, Any]:
    """Choices as Optuna keeps them."""
    listed = {choice.name for choice in space.choices if choice.search.values}
    return {name: json.dumps(value) if name in listed else value for name, value in assignment.items()}
