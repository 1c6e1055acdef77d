"""Lists what a `.tflite` file takes and gives, by its signatures, and which operators it runs, in which types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator, operator_name
from compressor.models.litert.format.tensor_types import FLOATS, TensorType, type_of

_INTEGERS = {TensorType.INT8, TensorType.UINT8, TensorType.INT16}
_CONVERTING = {Operator.QUANTIZE, Operator.DEQUANTIZE, Operator.DENSIFY}
_WEIGHTS = {TensorType.INT8, TensorType.UINT8, TensorType.INT4, TensorType.INT2, TensorType.FLOAT16}


@dataclass(frozen=True)
class FileEndpoint:
    """An input or output. The name is the signature's, or the tensor's where there is no signature.

    Attributes:
        shape: with None for sizes that the caller may choose.
        sizes: those that the file is laid out for, which a runtime that cannot change them has.
        scale: of a quantized one: value = scale * (stored value - zero point). Else 0.
    """

    name: str
    tensor: str
    shape: tuple[int | None, ...]
    dtype: str
    scale: float
    zero_point: int
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class FileSignature:
    """A way to call the file; `name` is None where the main graph has no signature."""

    name: str | None
    inputs: tuple[FileEndpoint, ...]
    outputs: tuple[FileEndpoint, ...]


@dataclass(frozen=True)
class FileOperator:
    """A call of an operator.

    Attributes:
        name: that of the schema, such as `CONV_2D`, or of a custom operator.
        output: the name of the first tensor that it makes.
        computes_in: the types of what it takes and makes, constants apart: `int8`, `float32`, `float32 to int8`, or
            `float32, int8 weights`.
        arithmetic: whether it computes in float or in scaled integers; what only converts values or unpacks them, and
            what works on indices and conditions, does neither.
    """

    name: str
    output: str
    computes_in: str
    arithmetic: Literal["float", "integer", "neither"]


def signatures_of(content: bytes) -> tuple[FileSignature, ...]:
    """The signatures of a file, the main graph's first.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    file = read_model(content)
    try:
        signatures = sorted(file.signatureDefs or [], key=lambda signature: int(signature.subgraphIndex))
        found = [
            FileSignature(
                _text(signature.signatureKey),
                _named_endpoints(file.subgraphs[signature.subgraphIndex], signature.inputs),
                _named_endpoints(file.subgraphs[signature.subgraphIndex], signature.outputs),
            )
            for signature in signatures
        ]
        if not any(signature.subgraphIndex == 0 for signature in signatures):
            main = file.subgraphs[0]
            inputs, outputs = (
                [_endpoint(main.tensors[i]) for i in _indices(ends)] for ends in (main.inputs, main.outputs)
            )
            found.insert(0, FileSignature(None, tuple(inputs), tuple(outputs)))
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None
    return tuple(found)


def main_graph_of(content: bytes) -> FileSignature:
    """What the main graph takes and gives, in the graph's order, by the names of its signature if it has one.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    file = read_model(content)
    try:
        main = file.subgraphs[0]
        signatures = [signature for signature in file.signatureDefs or [] if signature.subgraphIndex == 0]
        sides = []
        for ends, entries in (
            (main.inputs, [entry for signature in signatures for entry in signature.inputs or []]),
            (main.outputs, [entry for signature in signatures for entry in signature.outputs or []]),
        ):
            names = {int(entry.tensorIndex): _text(entry.name) for entry in reversed(entries)}
            sides.append(tuple(_endpoint(main.tensors[index], names.get(index)) for index in _indices(ends)))
        return FileSignature(_text(signatures[0].signatureKey) if signatures else None, sides[0], sides[1])
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def operators_of(content: bytes) -> tuple[FileOperator, ...]:
    """The operators of all graphs of a file, in their order.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    return operators_in(read_model(content))


def operators_in(file: Any) -> tuple[FileOperator, ...]:
    """The same of a file that was read."""
    try:
        return tuple(_operator(file, graph, call) for graph in file.subgraphs for call in graph.operators or [])
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def float_operators(content: bytes) -> tuple[FileOperator, ...]:
    """The operators of a file that compute in float: in one that should compute in integers, the islands left over.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    return tuple(operator for operator in operators_of(content) if operator.arithmetic == "float")


def counted(operators: Iterable[FileOperator]) -> str:
    """The names of operators with their numbers, the most frequent first: `3 ADD, 1 MUL`."""
    names = Counter(operator.name for operator in operators)
    return ", ".join(f"{count} {name}" for name, count in names.most_common())


def _operator(file: Any, graph: Any, call: Any) -> FileOperator:
    code = file.operatorCodes[call.opcodeIndex]
    number = operator_of(code)
    inputs = [graph.tensors[index] for index in _indices(call.inputs) if index >= 0]
    outputs = [graph.tensors[index] for index in _indices(call.outputs) if index >= 0]
    converts = number in _CONVERTING
    constants = [tensor for tensor in inputs if _is_constant(file, tensor)]
    takes = _types(tensor for tensor in inputs if converts or not _is_constant(file, tensor))
    makes = _types(outputs)
    in_float = not converts and not FLOATS.isdisjoint({*takes, *makes})
    in_integers = not converts and not in_float and not _INTEGERS.isdisjoint({*takes, *makes})
    types = " to ".join(dict.fromkeys(_listed(side) for side in (takes, makes) if side))
    weights = [type_ for type_ in _types(constants) if in_float and type_ in _WEIGHTS]
    custom = _text(code.customCode) if code.customCode else ""
    return FileOperator(
        custom or operator_name(number),
        _text(outputs[0].name) if outputs else "",
        f"{types}, {_listed(weights)} weights" if weights else types,
        "float" if in_float else "integer" if in_integers else "neither",
    )


def _types(tensors: Iterable[Any]) -> list[TensorType]:
    return list(dict.fromkeys(type_ for tensor in tensors if (type_ := type_of(tensor)) is not None))


def _listed(types: Iterable[TensorType]) -> str:
    return " and ".join(type_.dtype for type_ in types)


def _is_constant(file: Any, tensor: Any) -> bool:
    data = file.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _named_endpoints(graph: Any, entries: Any) -> tuple[FileEndpoint, ...]:
    return tuple(_endpoint(graph.tensors[entry.tensorIndex], _text(entry.name)) for entry in entries or [])


def _endpoint(tensor: Any, name: str | None = None) -> FileEndpoint:
    sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    quantization, type_ = tensor.quantization, type_of(tensor)
    scaled = quantization is not None and quantization.scale is not None and len(quantization.scale) == 1
    return FileEndpoint(
        name=_text(tensor.name) if name is None else name,
        tensor=_text(tensor.name),
        shape=tuple(None if size < 0 else int(size) for size in _indices(sizes)),
        dtype="text" if type_ is None else type_.dtype,
        scale=float(quantization.scale[0]) if scaled else 0.0,
        zero_point=int(quantization.zeroPoint[0]) if scaled and quantization.zeroPoint is not None else 0,
        sizes=tuple(_indices(tensor.shape)),
    )


def _indices(array: Any) -> list[int]:
    return [] if array is None else [int(number) for number in array]


def _text(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")
