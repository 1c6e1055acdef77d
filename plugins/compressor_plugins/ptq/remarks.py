"""What the report says of a quantized file: weights that kept more bits, and ends of another type than asked for."""

from __future__ import annotations

from collections.abc import Sequence

from compressor import StepContext, StepError
from compressor_plugins.ptq.request import IO
from compressor_plugins.ptq.weighted_operators import WeightedOperator

_FEWEST = 1_024  # values: with dynamic activations the converter leaves smaller weight tensors in float


def tell_wider(content: bytes, bits: int, context: StepContext) -> None:
    """Record the weights that the converter kept in more than so many bits."""
    from compressor.models.litert import kernels_in

    for tensor in kernels_in(content):
        if tensor.bits > bits:
            context.leave_alone(tensor.name, f"the converter kept it in {tensor.dtype}")


def tell_small(content: bytes, context: StepContext) -> None:
    """Record the weights that the converter left in float, as it does with small ones when activations are dynamic.

    Raises:
        StepError: it left all of them.
    """
    from compressor.models.litert import kernels_in

    kernels = kernels_in(content)
    if kernels and all(tensor.size < _FEWEST for tensor in kernels):
        what = f"with dynamic activations the converter quantizes only weight tensors of {_FEWEST:,} values or more"
        raise StepError(f"{what}, and this model has none", "use precision int8")
    for tensor in kernels:
        if tensor.bits > 8:
            few = tensor.size < _FEWEST
            reason = f"it has fewer than {_FEWEST:,} values" if few else f"the converter kept it in {tensor.dtype}"
            context.leave_alone(tensor.name, reason)


def tell_ends(content: bytes, io: IO, context: StepContext) -> None:
    """Note the inputs and outputs whose dtype is not the one asked for."""
    from compressor.models.litert import signatures_of

    file = signatures_of(content)[0]
    for side, ends in (("input", file.inputs), ("output", file.outputs)):
        for end in ends:
            if io != "float32" and end.dtype != io:
                context.note(f"the {side} '{end.name}' stays {end.dtype}: the layer there is not quantized")


def tell_others(content: bytes, operators: Sequence[WeightedOperator], context: StepContext) -> None:
    """Record the weights of a float file whose operators cannot be quantized."""
    from compressor.models.litert import kernels_in, read_model

    main, *others = read_model(content).subgraphs
    known = {(main.tensors[operator.tensor].name or b"").decode(errors="replace") for operator in operators}
    elsewhere = {(tensor.name or b"").decode(errors="replace") for graph in others for tensor in graph.tensors}
    for tensor in kernels_in(content):
        if tensor.name in known or tensor.size == 1:
            continue
        if tensor.name in elsewhere:
            context.leave_alone(tensor.name, "only the main graph is quantized, and it is in another one")
        else:
            context.leave_alone(tensor.name, "litert-quantizer cannot quantize the weights of its operator")
