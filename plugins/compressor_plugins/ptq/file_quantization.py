"""Runs litert-quantizer on a float file, each operator by its own storage, and keeps what it prints off the screen."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor import StepError
from compressor.data import arrays_in
from compressor.models.litert import LiteRTModel, TensorType, operator_of, read_model, type_of, write_model
from compressor_plugins.ptq.calibration import Samples, TensorStatistics, calibrated, pass_to_sources
from compressor_plugins.ptq.float_regions import between_floats
from compressor_plugins.ptq.quantizer_recipe import IODtype, QuantizerRecipe
from compressor_plugins.ptq.tied_scales import tied
from compressor_plugins.ptq.weight_quantization import Storage
from compressor_plugins.ptq.weighted_operators import WeightedOperator, kernel_of
from compressor_plugins.shared.precision import BITS, ActivationType

_QUANTIZED_TYPES = (TensorType.INT8, TensorType.INT4, TensorType.INT2)
_COMPUTED_TYPES = (TensorType.INT8, TensorType.INT16)
_SEES_SAMPLES = {"gptq", "oscar"}


def quantized(
    content: bytes,
    storages: Mapping[WeightedOperator, Storage],
    activations: ActivationType,
    io_dtype: IODtype,
    samples: Samples,
) -> bytes:
    """Quantize a float file.

    Args:
        content: a float file.
        storages: how the weights of each operator are stored.
        activations: what operators without weights compute with, where they can; int8 and int16 make a file that
            computes in integers throughout.
        io_dtype: of the file's inputs and outputs; other than float32 with int8 or int16 activations only.
        samples: that the ranges of activations, and some algorithms, are taken from.

    Raises:
        StepError: litert-quantizer cannot, or the file that it writes gives no finite numbers.
    """
    plain, before = _prepared(content)
    _refuse_off_grid(plain, storages)
    with _quiet():
        from litert_quantizer.quantizer import Quantizer

        recipe = QuantizerRecipe(Quantizer(plain), read_model(plain))
        if activations in ("int8", "int16"):
            recipe.compute_in(activations, io_dtype)
        for operator, storage in storages.items():
            recipe.store(operator, storage)
        in_float = [operator.index for operator, storage in storages.items() if storage.activations == "float32"]
        for index in between_floats(plain, [operator.index for operator in storages], in_float):
            recipe.leave(index)
        try:
            statistics = calibrated(plain, recipe.quantizer, samples) if activations in ("int8", "int16") else {}
            statistics = _with_second_moments(statistics, plain, storages, samples)
            made = recipe.quantizer.quantize(statistics or None, enable_progress_report=False)
        except (ValueError, RuntimeError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            what = f"litert-quantizer cannot quantize the file ({reason})"
            raise StepError(what, "choose another algorithm or precision") from error
    scaled = [operator for operator, storage in storages.items() if storage.algorithm != "recovery"]  # which is exact
    result = tied(_restored(bytes(made.quantized_model), before), content, scaled)
    _refuse_broken(result, samples[:4])
    return result


def _with_second_moments(
    statistics: TensorStatistics, plain: bytes, storages: Mapping[WeightedOperator, Storage], samples: Samples
) -> TensorStatistics:
    """The statistics with what algorithms need that look at samples, taken in a calibration of its own.

    In one calibration for all, litert-quantizer looks at a tensor for the first operator alone that takes it.
    """
    from litert_quantizer.quantizer import Quantizer

    chosen = {operator: storage for operator, storage in storages.items() if storage.algorithm in _SEES_SAMPLES}
    if not chosen:
        return statistics
    recipe = QuantizerRecipe(Quantizer(plain), read_model(plain))
    for operator, storage in chosen.items():
        recipe.store(operator, storage)
    moments = calibrated(plain, recipe.quantizer, samples)
    merged = {name: {**moments.get(name, {}), **statistics.get(name, {})} for name in {*statistics, *moments}}
    pass_to_sources(merged, read_model(plain), chosen)
    return merged


@dataclass(frozen=True)
class _Before:
    """What a file had before `_prepared`: its tensors' names, by the new ones, and whether it had a signature."""

    names: Mapping[bytes, bytes]
    signed: bool


def _prepared(content: bytes) -> tuple[bytes, _Before]:
    """The file as litert-quantizer needs it, with a signature and different names of tensors."""
    file = read_model(content)
    signed, names = any(signature.subgraphIndex == 0 for signature in file.signatureDefs or []), {}
    if not signed:
        file.signatureDefs = [_signature(file.subgraphs[0]), *(file.signatureDefs or [])]
    for number, graph in enumerate(file.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            name = f"tensor_{number}_{index}".encode()
            names[name], tensor.name = tensor.name or b"", name
    for code in file.operatorCodes:  # 'slim' leaves one of the two fields, and litert-quantizer reads the other
        code.builtinCode = operator_of(code)
    return write_model(file), _Before(names, signed)


def _signature(graph: Any) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    def entries(indices: Sequence[int]) -> list[Any]:
        named = []
        for index in indices:
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = graph.tensors[index].name or f"tensor_{index}".encode(), int(index)
            named.append(entry)
        return named

    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs, signature.outputs = entries(graph.inputs), entries(graph.outputs)
    return signature


def _restored(content: bytes, before: _Before) -> bytes:
    """The file with the names that its tensors had; one that was put in is named after the tensor beside it."""
    file = read_model(content)
    if not before.signed:
        file.signatureDefs = [signature for signature in file.signatureDefs if signature.subgraphIndex] or None
    for graph in file.subgraphs:
        _reconnect(graph)
        endpoints = {*graph.inputs, *graph.outputs}
        taken = {_own_name(graph.tensors[index]) for index in endpoints}
        for index, tensor in enumerate(graph.tensors):
            own, type_ = _own_name(tensor), type_of(tensor)
            suffix = tensor.name[len(own) :]
            if index in endpoints:
                suffix = b""
            elif own in taken and type_ is not None:
                suffix = f"_{type_.dtype}".encode()
            if own in before.names:
                tensor.name = before.names[own] + suffix if before.names[own] else None
    return write_model(file)


def _reconnect(graph: Any) -> None:
    """Let operators that compute in integers take a tensor itself, and not what it is turned into for the caller.

    litert-quantizer takes the output of the graph for the last operator, since it writes -1 for it.
    """
    first: dict[bytes, int] = {}
    for index, tensor in enumerate(graph.tensors):
        first.setdefault(_own_name(tensor), index)
    source = {index: first[_own_name(graph.tensors[index])] for index in graph.outputs}
    for operator in graph.operators:
        outputs = [] if operator.outputs is None else operator.outputs
        if len(outputs) and all(type_of(graph.tensors[index]) in _COMPUTED_TYPES for index in outputs):
            operator.inputs = [source.get(index, index) for index in operator.inputs]


def _own_name(tensor: Any) -> bytes:
    """The name that `_prepared` gave a tensor, or the one beside which litert-quantizer put it."""
    own = re.match(rb"tensor_\d+_\d+", tensor.name)
    return bytes(tensor.name if own is None else own[0])


def _refuse_broken(content: bytes, samples: Samples) -> None:
    """Refuse a file whose weights are cut short, or whose outputs are not finite."""
    file = read_model(content)
    for tensor in file.subgraphs[0].tensors:
        data, type_ = file.buffers[tensor.buffer].data, type_of(tensor)
        if type_ not in _QUANTIZED_TYPES or data is None or not len(data):
            continue
        if len(data) != -(-int(np.prod(tensor.shape)) * type_.bits // 8):
            name = (tensor.name or b"").decode(errors="replace")
            raise StepError(f"litert-quantizer left '{name}' half quantized", "choose another algorithm")
    model = LiteRTModel(content)
    for sample in samples:
        for values in arrays_in(model.run(sample)):
            if not np.isfinite(values).all():
                what = "LiteRT gives no finite numbers for the quantized file"
                raise StepError(what, "choose float32 activations, or another precision")


def _refuse_off_grid(content: bytes, storages: Mapping[WeightedOperator, Storage]) -> None:
    """Refuse 'recovery' for weights that are not whole multiples of a step, of which there are few enough."""
    file = read_model(content)
    for operator, storage in storages.items():
        if storage.algorithm != "recovery":
            continue
        most = 2 ** (BITS[storage.weights] - 1) - 1
        for channel in np.abs(kernel_of(file, operator)).reshape(operator.shape[0], -1):
            levels = np.unique(np.append(channel, 0))
            steps = np.diff(levels)
            step = steps[steps > 1e-9].min(initial=np.inf)
            multiples = levels / step
            if multiples.max() > most + 0.5 or np.abs(multiples - multiples.round()).max() > 1e-2:
                what = f"the weights of '{operator.layer}' are on no grid of {most} steps a side to recover"
                raise StepError(what, "use 'min_max' or 'octav', or train with quantization first")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without progress bars and absl's warnings, which say what the tables here have settled."""
    logger = logging.getLogger("absl")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.setLevel(before)
