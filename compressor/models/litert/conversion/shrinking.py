"""Takes everything out of a LiteRT file that its outputs do not depend on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import has_block_scales, operator_of, read_model
from compressor.models.litert.format.flatbuffer_writer import compact
from compressor.models.litert.format.operators import Operator

_GREATER = Operator.PLACEHOLDER_FOR_GREATER_OP_CODES  # in the older field, for numbers that it cannot hold


def shrunk(content: bytes, keep_signature: bool = True, keep_names: bool = True) -> bytes:
    """The smallest LiteRT file with the same graph and the same weights.

    Metadata, descriptions, names of inner tensors, recorded ranges, unused tensors, buffers and operator codes, and
    default values are left out; equal buffers and tables are written once.

    Args:
        content: a LiteRT file.
        keep_signature: keep the signatures, by which runners and this tool name inputs and outputs.
        keep_names: keep the names of the tensors that are inputs and outputs.

    Raises:
        ModelError: the file is damaged, or its weights are in another file.
    """
    model = read_model(content)
    try:
        model.description = model.metadata = model.metadataBuffer = None
        if not keep_signature:
            model.signatureDefs = None
        for index, graph in enumerate(model.subgraphs):
            _shrink_graph(graph, [sig for sig in model.signatureDefs or [] if sig.subgraphIndex == index], keep_names)
        _merge_operator_codes(model)
        _merge_buffers(model)
        return compact(model)
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def _shrink_graph(graph: Any, signatures: list[Any], keep_names: bool) -> None:
    graph.name = None
    operators = graph.operators or []
    for operator in operators:
        operator.intermediates = _or_none(operator.intermediates)
        operator.mutatingVariableInputs = _or_none(operator.mutatingVariableInputs)
        operator.customOptions = _or_none(operator.customOptions)
    ends = [entry for signature in signatures for entry in (*(signature.inputs or []), *(signature.outputs or []))]
    named = {*map(int, graph.inputs), *map(int, graph.outputs)}
    used = named | {int(entry.tensorIndex) for entry in ends}
    for operator in operators:
        for indices in (operator.inputs, operator.outputs, operator.intermediates):
            used |= {int(index) for index in (() if indices is None else indices) if index >= 0}
    blocks = [graph.tensors[index].quantization.details for index in used if has_block_scales(graph.tensors[index])]
    used |= {index for details in blocks for index in (details.scales, details.zeroPoints) if index >= 0}
    for index, tensor in enumerate(graph.tensors):
        if index not in named or not keep_names:
            tensor.name = None
        _shrink_tensor(tensor)
    numbers = {old: new for new, old in enumerate(sorted(used))}
    graph.tensors = [graph.tensors[index] for index in numbers]
    graph.inputs, graph.outputs = _renumbered(graph.inputs, numbers), _renumbered(graph.outputs, numbers)
    for entry in ends:
        entry.tensorIndex = numbers[int(entry.tensorIndex)]
    for details in blocks:
        details.scales, details.zeroPoints = numbers[details.scales], numbers.get(details.zeroPoints, -1)
    for operator in operators:
        for name in ("inputs", "outputs", "intermediates"):
            if (indices := getattr(operator, name)) is not None:
                setattr(operator, name, _renumbered(indices, numbers))


def _renumbered(indices: Any, numbers: dict[int, int]) -> Any:
    return np.array([numbers.get(int(index), -1) for index in indices], np.int32)  # -1: an optional input left out


def _shrink_tensor(tensor: Any) -> None:
    shape, signature = tensor.shape, tensor.shapeSignature
    if shape is not None and signature is not None and np.array_equal(shape, signature):
        tensor.shapeSignature = None
    if shape is not None and len(shape):
        tensor.hasRank = False  # it only tells a scalar from a tensor of unknown rank
    quantization = tensor.quantization
    if quantization is None:
        return
    quantization.min = quantization.max = None
    scales = 0 if quantization.scale is None else len(quantization.scale)
    if not scales and not quantization.detailsType:
        tensor.quantization = None
    elif scales == 1:
        quantization.quantizedDimension = 0


def _or_none(items: Any) -> Any:
    return items if items is not None and len(items) else None


def _merge_operator_codes(model: Any) -> None:
    """Keep only the operator codes that are used, each once.

    Of the two fields that an operator's number may be in, LiteRT takes the greater one; the other is left at its
    default.
    """
    kept: dict[tuple[Any, ...], Any] = {}
    numbers: dict[int, int] = {}
    for operator in (operator for graph in model.subgraphs for operator in graph.operators or []):
        code = model.operatorCodes[operator.opcodeIndex]
        known = operator_of(code)
        code.deprecatedBuiltinCode, code.builtinCode = (known, 0) if known < _GREATER else (_GREATER, known)
        key = (known, bytes(code.customCode or b""), code.version)
        kept.setdefault(key, code)
        numbers[operator.opcodeIndex] = list(kept).index(key)
    for operator in (operator for graph in model.subgraphs for operator in graph.operators or []):
        operator.opcodeIndex = numbers[operator.opcodeIndex]
    model.operatorCodes = list(kept.values())


def _merge_buffers(model: Any) -> None:
    """Keep only the buffers that a tensor uses, equal ones once. The first buffer stays the empty one."""
    empty = model.buffers[0]
    empty.data = None
    kept: dict[bytes, tuple[int, Any]] = {b"": (0, empty)}
    for tensor in _tensors(model):
        buffer = model.buffers[tensor.buffer]
        number, _ = kept.setdefault(_content(buffer), (len(kept), buffer))
        tensor.buffer = number
    model.buffers = [buffer for _, buffer in kept.values()]


def _tensors(model: Any) -> Iterable[Any]:
    return (tensor for graph in model.subgraphs for tensor in graph.tensors)


def _content(buffer: Any) -> bytes:
    return b"" if buffer.data is None else bytes(buffer.data)
