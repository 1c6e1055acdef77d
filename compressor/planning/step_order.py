"""Checks the order of steps: the model's state between them, why an order is impossible, and which one would work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from heapq import heappop, heappush

from compressor.base.errors import PluginError, StepError
from compressor.base.plugin_errors import fenced
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.model_state import FORMAT_NAMES, TRAIT_NAMES, ModelState, Refusal

_MOST_REORDERED = 10  # steps; the search for another order grows with the number of their subsets


class ImpossibleError(Exception):
    """A step cannot run at its place; the message says why, and what to do."""

    def __init__(self, step: PlannedStep, message: str) -> None:
        super().__init__(message)
        self.step = step
        self.message = message


class FaultyStepError(Exception):
    """A strategy fails where it says what its step needs and leaves."""

    def __init__(self, step: PlannedStep, fault: PluginError | StepError) -> None:
        super().__init__(str(fault))
        self.step = step
        self.fault = fault


def chained(
    steps: Sequence[PlannedStep], start: ModelState, complete: bool = True, original_form: str = ""
) -> list[PlannedStep]:
    """Fill in the model's state before and after each step.

    Args:
        steps: the steps, in order.
        start: the state of the model that the first step gets.
        complete: whether these are all steps of the recipe, so that another order of them can be suggested.
        original_form: what the model is before it is read, for messages; its format if left out.

    Raises:
        ImpossibleError: a step refuses the model that it would get.
        FaultyStepError: a strategy fails, or forgets what earlier steps made.
    """
    placed: list[PlannedStep] = []
    state = start
    for step in steps:
        try:
            after = state_after(step, state)
        except (PluginError, StepError) as fault:
            raise FaultyStepError(step, fault) from fault
        if isinstance(after, Refusal):
            cause = cause_of(after, placed)
            searched = complete and len(steps) <= _MOST_REORDERED
            order = _working_order(steps, start) if searched else None
            model = FORMAT_NAMES[state.format] if cause else original_form or FORMAT_NAMES[start.format]
            message = _reason(step, after, model, cause) + _remedy(after, cause, order, searched)
            raise ImpossibleError(step, message)
        placed.append(replace(step, before=state, after=after))
        state = replace(after, dropped=())
    return placed


def impossible_after(step: PlannedStep, refusal: Refusal, state: ModelState, cause: PlannedStep) -> ImpossibleError:
    """The error of a step that refuses what an earlier one, the cause, made of the model, among steps of any kind."""
    model = FORMAT_NAMES[state.format]
    return ImpossibleError(step, _reason(step, refusal, model, cause) + _remedy(refusal, cause, None, False))


def state_after(step: PlannedStep, state: ModelState) -> ModelState | Refusal:
    """The model's state after a step, or why the step refuses the model.

    Raises:
        PluginError: the strategy fails.
        StepError: the strategy forgets what earlier steps made.
    """
    strategy = f"the strategy '{step.uses}' ({step.provider})"
    with fenced(strategy, PluginError):
        try:
            after = step.strategy.plan(state)
        except Refusal as refusal:
            return refusal
    if not isinstance(after, ModelState):
        raise PluginError(f"{strategy} returned {type(after).__name__} from 'plan'", "it must return a ModelState")
    _refuse_forgetful(strategy, state, after)
    return after


def _refuse_forgetful(strategy: str, before: ModelState, after: ModelState) -> None:
    """Refuse a state that lacks a trait which the strategy did not give up by name.

    Raises:
        StepError: it does.
    """
    kept = {*after.traits, *dict(after.dropped)}
    if after.format != "keras" and "quantized" in kept:
        kept.add("quantization_aware")  # becomes real in the file
    for trait in (trait for trait in TRAIT_NAMES if trait in before.traits and trait not in kept):
        what = f"{strategy} returned from 'plan' a state that forgets {TRAIT_NAMES[trait]}"
        remedy = "it must return what it was given, changed by 'add' and 'to', and give up a trait only by "
        raise StepError(what, f"{remedy}state.drop({trait!r}, reason=...)")
    in_training = after.format == "keras" and "quantization_aware" in after.traits
    if in_training and "quantization_aware" in before.traits and before.trained_for and not after.trained_for:
        what = f"{strategy} returned from 'plan' a state that forgets the precision '{before.trained_for}'"
        raise StepError(what, "it must return what it was given, changed by 'add', 'drop' and 'to'")


def _reason(step: PlannedStep, refusal: Refusal, model: str, cause: PlannedStep | None) -> str:
    reason = f"'{step.id}' {refusal.reason}"
    if refusal.format is not None:
        return f"'{cause.id}' leaves {model}, and {reason}" if cause else f"the model is {model}, and {reason}"
    if refusal.trait is not None and cause:
        return f"'{cause.id}' leaves {TRAIT_NAMES[refusal.trait]}, and {reason}"
    return reason


def _remedy(refusal: Refusal, cause: PlannedStep | None, order: list[str] | None, searched: bool) -> str:
    if order is not None:
        return f"; an order that works: {' -> '.join(order)}"
    if cause is not None:
        return "; remove one of the two" if searched else "; change their order, or remove one of the two"
    if refusal.format == "litert":
        return "; put 'ptq' before it, or 'slim' to keep floats, or remove the step"
    if refusal.format is not None:
        return f"; start from {FORMAT_NAMES[refusal.format]}, or remove the step"
    if refusal.trait is not None:
        return f"; put a step before it that leaves {TRAIT_NAMES[refusal.trait]}, or remove it"
    return ""  # a strategy's own reason has one


def cause_of(refusal: Refusal, placed: Sequence[PlannedStep]) -> PlannedStep | None:
    """The last step that gave the model the format or the trait that it is refused for, if one did."""
    for step in reversed(placed):
        if refusal.format is not None:
            if step.before.format != step.after.format:
                return step
        elif refusal.trait not in step.after.traits:
            return None  # the model is refused for a trait that it lacks
        elif refusal.trait not in step.before.traits:
            return step
    return None


def _working_order(steps: Sequence[PlannedStep], start: ModelState) -> list[str] | None:
    """The ids in an order that every step accepts, with the fewest pairs swapped; None if there is no such order."""
    beginnings: list[tuple[int, tuple[int, ...], ModelState]] = [(0, (), start)]
    seen: set[tuple[frozenset[int], ModelState]] = set()
    while beginnings:
        swapped, order, state = heappop(beginnings)
        if len(order) == len(steps):
            return [steps[index].id for index in order]
        if (frozenset(order), state) in seen:
            continue
        seen.add((frozenset(order), state))
        remaining = (index for index in range(len(steps)) if index not in order)
        for passed, index in enumerate(remaining):
            try:
                after = state_after(steps[index], state)
            except (PluginError, StepError):  # at a place where it does not stand
                continue
            if isinstance(after, ModelState):
                heappush(beginnings, (swapped + passed, (*order, index), replace(after, dropped=())))
    return None
