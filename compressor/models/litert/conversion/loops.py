"""Loops of recurrent layers, which LiteRT runs in float alone: takes them step by step where integers are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from compressor.base.errors import StepError
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator

_MOST_STEPS = 256  # in an unrolled loop: each is a part of the graph of its own


def holds_loop(content: bytes) -> bool:
    """Whether a file holds a loop. That of a plain LSTM becomes one operator, which is none."""
    return any(operator_of(code) == Operator.WHILE for code in read_model(content).operatorCodes)


def refuse_loop(content: bytes) -> None:
    """Refuse a file with a loop in it, at which the calibrator would crash the process.

    Raises:
        StepError: it holds one.
    """
    if holds_loop(content):
        what = "the model holds a loop that cannot be unrolled, as ConvLSTM2D makes, and calibration cannot run loops"
        raise StepError(what, "use 'precision: dynamic', or put 'qat' before this step")


@contextmanager
def unrolled(model: Any) -> Iterator[list[str]]:
    """Within it a Keras model computes the steps of its recurrent layers one after the other, without a loop.

    Yields:
        The names of these layers.

    Raises:
        StepError: a layer has more than 256 steps, or leaves their number open.
    """
    layers = [layer for layer in model._flatten_layers() if hasattr(layer, "unroll") and _takes_sequences(layer)]
    for layer in model._flatten_layers():
        if hasattr(layer, "forward_layer"):
            _refuse_long(layer)
    before = [(layer, layer.unroll, getattr(layer, "_could_use_gpu_kernel", None)) for layer in layers]
    for layer in layers:
        _refuse_long(layer)
        layer.unroll = True
        layer._could_use_gpu_kernel = False  # a kernel that would compute in a loop of its own
    try:
        yield [layer.name for layer in layers]
    finally:
        for layer, unroll, kernel in before:
            layer.unroll, layer._could_use_gpu_kernel = unroll, kernel


def _takes_sequences(layer: Any) -> bool:
    """Whether a recurrent layer takes sequences of vectors; those that take images cannot be unrolled."""
    return bool(layer.input_spec) and layer.input_spec[0].ndim == 3


def _refuse_long(layer: Any) -> None:
    shape = getattr(layer, "input_shape", None)  # unknown to a layer within a Bidirectional, which has it
    steps = shape[1] if shape else None
    if shape and (steps is None or steps > _MOST_STEPS):
        how_many = f"{steps:,}" if steps else "an open number of"
        what = f"'{layer.name}' ({type(layer).__name__}) loops over {how_many} steps, and loops compute in float alone"
        raise StepError(what, f"use 'precision: dynamic', or give the model at most {_MOST_STEPS} steps")
