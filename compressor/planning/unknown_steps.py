"""Checks the order of steps among which are some that nothing is known of, since their plugin files are not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations

from compressor.base.errors import PluginError, StepError
from compressor.base.types import Format
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.model_state import ModelState, Refusal, Trait
from compressor.planning.step_order import ImpossibleError, cause_of, impossible_after, state_after

_TRAITS: dict[Format, tuple[Trait, ...]] = {
    "keras": ("sparse", "clustered", "quantization_aware"),
    "litert": ("sparse", "clustered", "quantized"),
    "package": ("sparse", "clustered", "quantized"),
}
_PRECISIONS = ("int8", "int4", "int16x8")


@dataclass(frozen=True)
class _Way:
    """A state that the model may be in, and the known steps that led to it."""

    state: ModelState
    placed: tuple[PlannedStep, ...] = ()


def impossible_anyway(steps: Sequence[PlannedStep | None], start: ModelState) -> ImpossibleError | None:
    """The error of the first step that cannot run at its place, whatever the unknown steps (None) do.

    Args:
        steps: the steps, in order.
        start: the state of the model that the first step gets.
    """
    ways = [_Way(start)]
    for step in steps:
        if step is None:
            ways = [*{way.state: way for known in ways for way in _anything_after(known)}.values()]
            continue
        going_on, refused = [], []
        for way in ways:
            try:
                after = state_after(step, way.state)
            except (PluginError, StepError):  # in a state that may never be; the run will tell
                return None
            if isinstance(after, Refusal):
                refused.append((way, after))
            else:
                placed = replace(step, before=way.state, after=after)
                going_on.append(_Way(replace(after, dropped=()), (*way.placed, placed)))
        if not going_on:
            errors = (
                impossible_after(step, refusal, way.state, cause)
                for way, refusal in refused
                if (cause := cause_of(refusal, way.placed))
            )
            return next(errors, None)
        ways = going_on
    return None


def _anything_after(way: _Way) -> Iterator[_Way]:
    """Every state that a step may leave."""
    for format, known in _TRAITS.items():
        for traits in chain.from_iterable(combinations(known, count) for count in range(len(known) + 1)):
            trained = _PRECISIONS if "quantization_aware" in traits else ("",)
            for precision in trained:
                yield _Way(ModelState(format, frozenset(traits), precision), way.placed)
