"""Names the methods of LiteRT for Microcontrollers that register the operators of a file, and refuses what it lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.text import listing
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator, operator_name
from compressor.models.litert.format.tensor_types import TensorType, type_of

_BUILTIN = """
    Abs Add AddN ArgMax ArgMin BatchMatMul BatchToSpaceNd BroadcastArgs BroadcastTo Cast Ceil Concatenation Cos
    DepthToSpace Dequantize Div DynamicUpdateSlice Elu EmbeddingLookup Equal Exp ExpandDims Fill Floor FloorDiv
    FloorMod FullyConnected Gather GatherNd Greater GreaterEqual HardSwish L2Normalization LeakyRelu Less LessEqual
    Log LogSoftmax LogicalAnd LogicalNot LogicalOr Logistic Maximum Mean Minimum MirrorPad Mul Neg NotEqual Pack Pad
    Prelu Quantize ReduceAll ReduceMax ReduceMin Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2
    Round Rsqrt SelectV2 Shape Sin Slice Softmax SpaceToBatchNd SpaceToDepth Split SplitV Sqrt Square
    SquaredDifference Squeeze StridedSlice Sub Sum Svdf Tanh Transpose TransposeConv UnidirectionalSequenceLSTM Unpack
    ZerosLike If While
"""
_OTHERWISE_SPELT = {
    "AVERAGE_POOL_2D": "AveragePool2D", "CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "CUMSUM": "CumSum", "L2_POOL_2D": "L2Pool2D", "MAX_POOL_2D": "MaxPool2D", "PADV2": "PadV2",
}  # fmt: skip
_OF_VARIABLES = {"ASSIGN_VARIABLE", "CALL_ONCE", "READ_VARIABLE", "VAR_HANDLE"}
_FEW_BITS = frozenset({TensorType.INT2, TensorType.INT4, TensorType.INT8, TensorType.UINT8, TensorType.FLOAT16})
_REFUSED: Mapping[int, tuple[int, Set[TensorType]]] = {  # the input with weights, and types not to make floats of
    Operator.CONV_2D: (1, _FEW_BITS), Operator.DEPTHWISE_CONV_2D: (1, _FEW_BITS),
    Operator.FULLY_CONNECTED: (1, _FEW_BITS), Operator.TRANSPOSE_CONV: (1, _FEW_BITS),
    Operator.DEQUANTIZE: (0, _FEW_BITS - {TensorType.INT8, TensorType.UINT8}),
}  # fmt: skip
_CUSTOM = {
    "ethos-u": "EthosU",
    "CIRCULAR_BUFFER": "CircularBuffer",
    "TFLM_DECODE": "Decode",
    "TFLite_Detection_PostProcess": "DetectionPostprocess",
}


def _squeezed(name: str) -> str:
    return name.replace("_", "").lower()


_METHODS = {_squeezed(name): name for name in _BUILTIN.split()} | {
    _squeezed(name): method for name, method in _OTHERWISE_SPELT.items()
}


def resolver_methods(content: bytes) -> tuple[str, ...]:
    """List the methods of a `MicroMutableOpResolver` that register what a file uses, such as `AddConv2D`, by name.

    Raises:
        ModelError: it is not a whole LiteRT file, uses an operator that LiteRT for Microcontrollers does not have,
            computes in float with weights of fewer bits, which its kernels refuse, or keeps resource variables, which
            an interpreter must be made for.
    """
    model = read_model(content)
    try:
        used = {model.operatorCodes[call.opcodeIndex] for graph in model.subgraphs for call in graph.operators or []}
        names = {((code.customCode or b"").decode(errors="replace"), operator_of(code)) for code in used}
        mixed = sorted({title for graph in model.subgraphs for title in _mixed(model, graph)})
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None
    methods, missing = set(), set()
    for custom, number in names:
        name = custom or operator_name(number)
        method = _CUSTOM.get(name) if custom else _METHODS.get(_squeezed(name))
        if method is None:
            missing.add(name)
        else:
            methods.add(f"Add{method}")
    if variables := sorted(missing & _OF_VARIABLES):
        what = f"the file keeps resource variables ({', '.join(variables)}), which the source files do not set up"
        raise ModelError(what, "export it with --to c, and make an interpreter with MicroResourceVariables")
    if "DENSIFY" in missing:
        what = "weights of the file are stored without their zeros, which LiteRT for Microcontrollers does not read"
        raise ModelError(what, "leave out 'zeros: drop' of 'slim', and export with --decode to save flash by zeros")
    if missing:
        listed = ", ".join(sorted(missing))
        what = f"LiteRT for Microcontrollers has no kernel for {listed}"
        raise ModelError(what, "change the model, or export it with --to c for another runtime")
    if mixed:
        what = f"LiteRT for Microcontrollers does not compute in float with weights of fewer bits ({listing(mixed)})"
        raise ModelError(what, "quantize the model to int8 or int16x8, or export it in float32")
    return tuple(sorted(methods))


def _mixed(model: Any, graph: Any) -> Iterator[str]:
    """List the operators that make floats of weights of fewer bits, with the types of these."""
    for call in graph.operators or []:
        number = operator_of(model.operatorCodes[call.opcodeIndex])
        if number not in _REFUSED:
            continue
        place, types = _REFUSED[number]
        weights, output = (type_of(graph.tensors[index]) for index in (call.inputs[place], call.outputs[0]))
        if weights is not None and weights in types and output is TensorType.FLOAT32:
            yield f"{operator_name(number)} of {weights.dtype}"
