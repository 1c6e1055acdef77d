"""Checks of a strategy's `plan`, which is called before any model is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from compressor.base.errors import CompressorError
from compressor.base.process_state import process_state_kept
from compressor.contracts.model_state import ModelState, Refusal
from compressor.planning.step_order import state_after
from compressor.testing.check_record import NotRun, check
from compressor.testing.fresh_process import STATES, planned_for
from compressor.testing.strategy_subject import StrategySubject


@check(
    "strategy",
    reason="no recipe could use it",
    remedy="take a Keras model or a LiteRT file: state.require(format='keras')",
)
def plans_some_model(subject: StrategySubject) -> Iterable[str]:
    """`plan` takes a model in one state at least."""
    if not any(subject.takes(state) for state in STATES):
        yield f"'plan' takes no model at all; of an untouched Keras model it says: {planned_for(subject.instance)[0]}"


@check(
    "strategy",
    reason="it is called with models in whichever state earlier steps leave, and what it loses nobody checks later",
    remedy="return the state that was given, changed by 'add', 'to' and 'drop'; refuse by state.require(...) or by "
    "raising compressor.Refusal",
)
def plan_answers_for_every_state(subject: StrategySubject) -> Iterable[str]:
    """`plan` returns a state that keeps the traits of the model, or gives them up by name, or refuses."""
    found: dict[str, str] = {}
    for state in STATES:
        try:
            state_after(subject.step, state)
        except CompressorError as error:
            found.setdefault(error.what, str(state))
    yield from (f"for a model that is {state}: {what}" for what, state in found.items())


@check(
    "strategy",
    reason="it is called many times, to find an order of steps that works, and its answer must be the same each time",
    remedy="compute the answer from the state and the parameters alone, and change nothing",
)
def plan_is_pure(subject: StrategySubject) -> Iterable[str]:
    """`plan` gives the same answer each time and in each process, and changes neither itself nor the process."""
    subject.instance  # noqa: B018 - raises where none can be made
    strategy = subject.instance_with(subject.values)
    params, members = strategy.params.model_dump(), repr(sorted(vars(strategy).items()))
    with _watched(strategy) as changed:
        first = planned_for(strategy)
        again = planned_for(strategy)
    if first != again or first != planned_for(subject.instance):
        yield "'plan' answers otherwise when it is called again"
    if params != strategy.params.model_dump() or members != repr(sorted(vars(strategy).items())):
        yield "'plan' changes the strategy"
    yield from (f"'plan' changed {what}" for what in dict.fromkeys(changed))
    try:
        afresh = subject.seen_afresh.plans
    except NotRun:
        return
    if afresh and afresh != first:
        yield "'plan' answers otherwise in another process"


@check(
    "strategy",
    reason="'plan' and 'validate' are to answer at once, also where TensorFlow is not installed",
    remedy="import large libraries in 'apply' only",
)
def plan_imports_nothing_heavy(subject: StrategySubject) -> Iterable[str]:
    """`plan` imports no large library, such as TensorFlow."""
    seen = subject.seen_afresh
    if not seen.plans and not seen.imported_to_plan:
        raise NotRun("its module cannot be imported in a process of its own")
    if seen.imported_to_plan:
        yield f"making it and planning imports {' and '.join(seen.imported_to_plan)}"


@check(
    "strategy",
    reason="it is all that a user is told, with the place in the recipe",
    remedy="end the reason in what to do, after a semicolon: Refusal('needs scales; use granularity channel')",
)
def refusals_say_what_to_do(subject: StrategySubject) -> Iterable[str]:
    """What `plan` refuses for a reason of its own ends in what to do."""
    reasons = set()
    for state in STATES:
        try:
            after = state_after(subject.step, state)
        except CompressorError:
            continue
        if isinstance(after, Refusal) and after.format is None and after.trait is None and ";" not in after.reason:
            reasons.add(after.reason)
    yield from (f"'plan' refuses without saying what to do: {reason!r}" for reason in sorted(reasons))


@contextmanager
def _watched(strategy: Any) -> Iterator[list[str]]:
    """Watch what a strategy's `plan` changes for the whole process."""
    changed: list[str] = []
    original = strategy.plan

    def plan(state: ModelState) -> ModelState:
        with process_state_kept(changed.append):
            after: ModelState = original(state)
            return after

    vars(strategy)["plan"] = plan
    try:
        yield changed
    finally:
        del vars(strategy)["plan"]
