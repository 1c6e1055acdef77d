"""What is said of frozen layers, and refusals of steps to which they leave nothing."""

from __future__ import annotations

from typing import Any

from compressor import StepContext, StepError

FROZEN = "it is frozen"
_THAW = "unfreeze some ('trainable = True')"


def nothing_left(what: str, remedy: str, context: StepContext) -> StepError:
    """The refusal of a step that finds no layer to work on, which names the frozen ones among those it left alone."""
    frozen = [layer for layer, reason in context.left_alone.items() if reason == FROZEN]
    if not frozen:
        return StepError(what, remedy)
    return StepError(f"{what}: {_are_frozen(frozen)}", f"{_THAW}, {remedy}")


def refuse_all_frozen(model: Any, context: StepContext) -> None:
    """Refuse a training that could change nothing; in a quantization-aware model ranges still adapt.

    Raises:
        StepError: all weights are frozen.
    """
    if not model.trainable_variables and "quantization_aware" not in context.state.traits:
        raise StepError("there is nothing to train: all weights are frozen", f"{_THAW}, or drop the step")


def _are_frozen(layers: list[str]) -> str:
    first, *others = layers
    return f"'{first}' and {len(others)} more are frozen" if others else f"'{first}' is frozen"
