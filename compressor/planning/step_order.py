"""Steps in a row: the model's state between them, why a row is impossible, and the order that would work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop, heappush

from compressor.base.errors import PluginError
from compressor.base.plugin_errors import fenced
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.state import FORMAT_NAMES, TRAIT_NAMES, ModelState, Refusal

_MOST_REORDERED = 10  # steps, since the beginnings of their orders are as many as their subsets


class ImpossibleError(Exception):
    """A step that cannot stand where it does, and a message that says why and what to do."""

    def __init__(self, step: PlannedStep, message: str) -> None:
        super().__init__(message)
        self.step = step
        self.message = message


def chained(
    steps: Sequence[PlannedStep], start: ModelState, complete: bool = True, came_as: str = ""
) -> list[PlannedStep]:
    """The steps with the states between them.

    Args:
        steps: in their order.
        start: the state of the model that the first one gets.
        complete: whether these are all steps there are, so that another order of them can be offered.
        came_as: what the model was before anything was done to it, for messages; its format when left out.

    Raises:
        ImpossibleError: a step refuses the model it would get.
        PluginError: a strategy fails where it should answer.
    """
    placed: list[PlannedStep] = []
    state = start
    for step in steps:
        after = _answer(step, state)
        if isinstance(after, Refusal):
            blamed = _blamed(after, placed)
            searched = complete and len(steps) <= _MOST_REORDERED
            order = _working_order(steps, start) if searched else None
            held = FORMAT_NAMES[state.format] if blamed else came_as or FORMAT_NAMES[start.format]
            message = _explained(step, after, held, blamed) + _remedy(after, blamed, order, searched)
            raise ImpossibleError(step, message)
        placed.append(replace(step, before=state, after=after))
        state = after
    return placed


def _answer(step: PlannedStep, state: ModelState) -> ModelState | Refusal:
    who = f"the strategy '{step.uses}' ({step.provider})"
    with fenced(who, PluginError):
        try:
            after = step.strategy.plan(state)
        except Refusal as refusal:
            return refusal
    if not isinstance(after, ModelState):
        raise PluginError(f"{who} returned {type(after).__name__} from 'plan'", "it must return a ModelState")
    return after


def _explained(step: PlannedStep, refusal: Refusal, held: str, blamed: PlannedStep | None) -> str:
    reason = f"'{step.id}' {refusal.reason}"
    if refusal.format is not None:
        return f"'{blamed.id}' leaves {held}, and {reason}" if blamed else f"the model is {held}, and {reason}"
    if refusal.trait is not None and blamed:
        return f"'{blamed.id}' leaves {TRAIT_NAMES[refusal.trait]}, and {reason}"
    return reason


def _remedy(refusal: Refusal, blamed: PlannedStep | None, order: list[str] | None, searched: bool) -> str:
    if order is not None:
        return f"; an order that works: {' -> '.join(order)}"
    if blamed is not None:
        return "; remove one of the two" if searched else "; change their order, or remove one of the two"
    if refusal.format is not None:
        return f"; start from {FORMAT_NAMES[refusal.format]}, or remove the step"
    if refusal.trait is not None:
        return f"; put a step before it that leaves {TRAIT_NAMES[refusal.trait]}, or remove it"
    return ""  # a strategy's own reason has one


def _blamed(refusal: Refusal, placed: Sequence[PlannedStep]) -> PlannedStep | None:
    """The last step that made the model what it is refused for, if one did."""
    for step in reversed(placed):
        if refusal.format is not None:
            if step.before.format != step.after.format:
                return step
        elif refusal.trait not in step.after.traits:
            return None  # it is refused for what it lacks
        elif refusal.trait not in step.before.traits:
            return step
    return None


def _working_order(steps: Sequence[PlannedStep], start: ModelState) -> list[str] | None:
    """The ids in an order that every step accepts, with as few pairs swapped as can be, or None."""
    beginnings: list[tuple[int, tuple[int, ...], ModelState]] = [(0, (), start)]
    seen: set[tuple[frozenset[int], ModelState]] = set()
    while beginnings:
        swapped, order, state = heappop(beginnings)
        if len(order) == len(steps):
            return [steps[index].id for index in order]
        if (frozenset(order), state) in seen:
            continue
        seen.add((frozenset(order), state))
        left = (index for index in range(len(steps)) if index not in order)
        for passed, index in enumerate(left):
            after = _answer(steps[index], state)
            if isinstance(after, ModelState):
                heappush(beginnings, (swapped + passed, (*order, index), after))
    return None
