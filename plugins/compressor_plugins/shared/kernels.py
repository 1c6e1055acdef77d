"""Finds the kernels of a model: the weights that pruning and clustering work on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import compressor
from compressor import StepContext
from compressor_plugins.shared.frozen import FROZEN

# what is no kernel whatever its rank: biases in attention, slopes in PReLU and factors in a normalization over several
# axes have two dimensions or more
_NO_KERNELS = ("bias", "alpha", "gamma", "beta", "depthwise_kernel")
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell")


@dataclass(frozen=True)
class Target:
    """A layer that a step works on, and its kernels."""

    layer: Any
    kernels: list[Any]

    @property
    def name(self) -> str:
        """The layer's name."""
        return str(self.layer.name)

    @property
    def kind(self) -> str:
        """The name of its class."""
        return type(self.layer).__name__

    @property
    def input_axis(self) -> int | None:
        """The axis of the inputs in its kernels, which is the last one in LiteRT's kernels; None where unknown."""
        if self.kind == "Dense" or self.kind in _RECURRENT:
            return 0
        if "Conv" in self.kind:
            return -1 if "Transpose" in self.kind else -2
        return None

    @property
    def output_axis(self) -> int:
        """The axis of the outputs in its kernels."""
        return -2 if "Transpose" in self.kind else -1


def layers_of(model: Any) -> Iterator[Any]:
    """The layers of a model and of the models nested in it. Layers within other layers are not listed separately."""
    import tf_keras

    for layer in model.layers:
        if isinstance(layer, tf_keras.Model):
            yield from layers_of(layer)
        else:
            yield layer


def kernels_of(layer: Any) -> list[Any]:
    """The trainable variables of a layer that hold one weight for each pair of input and output."""
    return [variable for variable in layer.trainable_weights if variable.shape.rank > 1 and _is_kernel(variable)]


def targeted(model: Any, targets: compressor.LayerTargets, context: StepContext, verb: str) -> list[Target]:
    """The chosen layers that have kernels. The context records the layers that are left alone, with the reason.

    `verb` says in messages what the step does to a kernel, such as "pruned".
    """
    with_kernels, left_alone, seen = [], [], set()
    for layer in layers_of(model):
        if id(layer) in seen or not targets.selects(layer.name, type(layer).__name__):
            continue
        seen.add(id(layer))
        if kernels := kernels_of(layer):
            with_kernels.append(Target(layer, kernels))
        elif reason := _reason_to_leave(layer, verb):
            context.leave_alone(layer.name, reason)
            left_alone.append((layer.name, type(layer).__name__))
    tell_of_idle(targets, [*((target.name, target.kind) for target in with_kernels), *left_alone], context, verb)
    return with_kernels


def tell_of_idle(
    targets: compressor.LayerTargets, worked_on: list[tuple[str, str]], context: StepContext, verb: str
) -> None:
    """Note the patterns that match only layers the step cannot work on, such as layers without weights."""
    for pattern in targets.idle(worked_on):
        context.note(f"'{pattern}' names no layer that can be {verb}")


def others(model: Any, chosen: Sequence[Target]) -> list[Any]:
    """The trainable variables that are not among the chosen kernels."""
    taken = {id(variable) for target in chosen for variable in target.kernels}
    return [variable for variable in model.trainable_variables if id(variable) not in taken]


def _is_kernel(variable: Any) -> bool:
    return variable.name.split(":")[0].split("/")[-1] not in _NO_KERNELS


def _reason_to_leave(layer: Any, verb: str) -> str:
    wide = [variable for variable in layer.weights if variable.shape.rank > 1]
    if wide and not layer.trainable_weights:
        return FROZEN
    if any("depthwise_kernel" in variable.name for variable in wide):
        return f"depthwise kernels are not {verb}: they are few, and every one of them matters"
    return f"{type(layer).__name__} has no kernel" if wide else ""
