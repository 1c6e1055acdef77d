"""Files with one operator each, in the types that runtimes may have kernels for."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from small_litert_files import tensor

from compressor.models.litert.format.flatbuffer import write_model
from compressor.models.litert.format.tensor_types import TensorType

SHAPE = (1, 4, 4, 8)
NUMBERS = ("float32", "float16", "int8", "uint8", "int16", "int32", "int64")
EVERY = (*NUMBERS, "bool")
WEIGHTED = (
    ("float32", "float32"), ("float32", "int8"), ("float32", "int4"), ("float32", "float16"), ("int8", "int8"),
    ("int8", "int4"), ("int8", "int2"), ("uint8", "uint8"), ("int16", "int8"), ("int16", "int4"),
    ("float16", "float16"),
)  # fmt: skip
_UNARY = """
    ABS CEIL COS ELU EXP FLOOR GELU HARD_SWISH L2_NORMALIZATION LEAKY_RELU LOG LOGICAL_NOT LOGISTIC LOG_SOFTMAX NEG RELU
    RELU6 RELU_0_TO_1 RELU_N1_TO_1 ROUND RSQRT SIGN SIN SOFTMAX SQRT SQUARE TANH ZEROS_LIKE
"""
_BINARY = """
    ADD DIV FLOOR_DIV FLOOR_MOD LOGICAL_AND LOGICAL_OR MAXIMUM MINIMUM MUL POW PRELU SQUARED_DIFFERENCE SUB
"""
_COMPARING = "EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL NOT_EQUAL"
_REDUCING = "MEAN REDUCE_ALL REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD SUM"
_OUTPUT_SCALES = {  # which kernels insist on: by operator and type
    ("SOFTMAX", "int8"): (1 / 256, -128), ("SOFTMAX", "uint8"): (1 / 256, 0), ("SOFTMAX", "int16"): (1 / 32768, 0),
    ("LOGISTIC", "int8"): (1 / 256, -128), ("LOGISTIC", "uint8"): (1 / 256, 0), ("LOGISTIC", "int16"): (1 / 32768, 0),
    ("TANH", "int8"): (1 / 128, 0), ("TANH", "uint8"): (1 / 128, 128), ("TANH", "int16"): (1 / 32768, 0),
    ("L2_NORMALIZATION", "int8"): (1 / 128, 0), ("L2_NORMALIZATION", "uint8"): (1 / 128, 128),
    ("LOG_SOFTMAX", "int8"): (16 / 256, 127), ("LOG_SOFTMAX", "uint8"): (16 / 256, 255),
}  # fmt: skip
_INPUT_SCALES = {("LOGISTIC", "int16"): 1 / 4096, ("TANH", "int16"): 1 / 4096}
_OPTIONS = {"SOFTMAX": ("SoftmaxOptions", {"beta": 1.0}), "LEAKY_RELU": ("LeakyReluOptions", {"alpha": 0.125})}
_BY_A_CONSTANT = {"DIV", "FLOOR_DIV", "FLOOR_MOD", "POW", "PRELU"}  # since nothing can be divided by zero
_POOL = {"padding": 1, "strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
_CONVOLUTION = {"padding": 1, "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}


def specimens() -> Iterator[tuple[str, bytes]]:
    """Each operator's name, and a file that calls it once."""
    for name in _UNARY.split():
        for type_ in EVERY:
            yield name, _file(name, [_data(name, type_)], [_made(name, type_, SHAPE)], _OPTIONS.get(name))
    for name in _BINARY.split():
        for type_ in EVERY:
            second = _data(name, type_)
            if name in _BY_A_CONSTANT:
                second = _constant(type_, (1, 1, 8) if name == "PRELU" else SHAPE)
            yield name, _file(name, [_data(name, type_), second], [_made(name, type_, SHAPE)])
    for name in _COMPARING.split():
        for type_ in EVERY:
            yield name, _file(name, [_data(name, type_), _data(name, type_)], [_plain("bool", SHAPE)])
    for name in _REDUCING.split():
        for type_ in EVERY:
            ends = [_data(name, type_), _indices([1, 2])], [_made(name, type_, (1, 1, 1, 8))]
            yield name, _file(name, *ends, ("ReducerOptions", {"keepDims": True}))
    yield from _weighted()
    yield from _moving()
    yield from _converting()


def _weighted() -> Iterator[tuple[str, bytes]]:
    for type_, weights in WEIGHTED:
        bias_type = "int64" if type_ == "int16" else "int32" if type_ in ("int8", "uint8") else type_

        def kernel(*shape: int, weights: str = weights, channels: int = 0) -> schema.TensorT:
            return _constant(weights, shape, channels)

        def bias(size: int, channels: int = 0, bias_type: str = bias_type) -> schema.TensorT:
            made = _constant(bias_type, (size,), channels)
            if made.quantization is not None:
                made.quantization.scale = [0.25] * max(1, channels)
            return made

        data, made = _scaled(type_, SHAPE), _scaled(type_, (1, 4, 4, 8))
        yield (
            "CONV_2D",
            _file(
                "CONV_2D", [data, kernel(8, 1, 1, 8, channels=8), bias(8, 8)], [made], ("Conv2DOptions", _CONVOLUTION)
            ),
        )
        yield (
            "DEPTHWISE_CONV_2D",
            _file(
                "DEPTHWISE_CONV_2D",
                [_scaled(type_, SHAPE), kernel(1, 1, 1, 8, channels=8), bias(8, 8)],
                [_scaled(type_, SHAPE)],
                ("DepthwiseConv2DOptions", {**_CONVOLUTION, "depthMultiplier": 1}),
            ),
        )
        yield (
            "FULLY_CONNECTED",
            _file(
                "FULLY_CONNECTED",
                [_scaled(type_, (1, 8)), kernel(4, 8), bias(4)],
                [_scaled(type_, (1, 4))],
                ("FullyConnectedOptions", {}),
            ),
        )
        yield (
            "TRANSPOSE_CONV",
            _file(
                "TRANSPOSE_CONV",
                [_indices([1, 8, 8, 8]), kernel(8, 2, 2, 8, channels=8), _scaled(type_, SHAPE), bias(8, 8)],
                [_scaled(type_, (1, 8, 8, 8))],
                ("TransposeConvOptions", {"padding": 1, "strideW": 2, "strideH": 2}),
            ),
        )
        yield "CONV_3D", _file(
            "CONV_3D",
            [_scaled(type_, (1, 4, 4, 4, 2)), kernel(1, 1, 1, 2, 3), bias(3)],
            [_scaled(type_, (1, 4, 4, 4, 3))],
            ("Conv3DOptions", {"padding": 1, "strideD": 1, "strideW": 1, "strideH": 1,
                               "dilationDFactor": 1, "dilationWFactor": 1, "dilationHFactor": 1}),
        )  # fmt: skip
        yield (
            "EMBEDDING_LOOKUP",
            _file("EMBEDDING_LOOKUP", [_indices([0, 1, 2, 3]), kernel(6, 8)], [_scaled(type_, (4, 8))]),
        )
    for type_ in ("float32", "int8", "int16"):
        yield (
            "BATCH_MATMUL",
            _file(
                "BATCH_MATMUL",
                [_scaled(type_, (1, 4, 8)), _scaled(type_, (1, 8, 4))],
                [_scaled(type_, (1, 4, 4))],
                ("BatchMatMulOptions", {}),
            ),
        )


def _moving() -> Iterator[tuple[str, bytes]]:
    """Operators that leave values as they are, and those that choose or interpolate among them."""
    sizes = {"axis": 3, "fusedActivationFunction": 0}
    borders = _indices([[0, 0], [1, 1], [1, 1], [0, 0]])
    for type_ in EVERY:
        data = _scaled(type_, SHAPE)
        half, out = _scaled(type_, (1, 2, 2, 8)), lambda *shape, type_=type_: [_scaled(type_, shape)]
        for name, takes, makes, options in (
            ("AVERAGE_POOL_2D", [data], [half], ("Pool2DOptions", _POOL)),
            ("MAX_POOL_2D", [data], [half], ("Pool2DOptions", _POOL)),
            ("L2_POOL_2D", [data], [half], ("Pool2DOptions", _POOL)),
            ("RESHAPE", [data, _indices([1, 128])], out(1, 128), ("ReshapeOptions", {"newShape": [1, 128]})),
            ("SQUEEZE", [_scaled(type_, (1, 1, 8))], out(1, 8), ("SqueezeOptions", {"squeezeDims": [1]})),
            ("EXPAND_DIMS", [data, _indices([1])], out(1, 1, 4, 4, 8), None),
            ("CONCATENATION", [data, _scaled(type_, SHAPE)], out(1, 4, 4, 16), ("ConcatenationOptions", sizes)),
            ("PAD", [data, borders], out(1, 6, 6, 8), None),
            (
                "PADV2",
                [data, borders, _constant(type_, (1,))],
                out(1, 6, 6, 8),
                None,
            ),
            (
                "MIRROR_PAD",
                [data, borders],
                out(1, 6, 6, 8),
                ("MirrorPadOptions", {}),
            ),
            ("RESIZE_BILINEAR", [data, _indices([8, 8])], out(1, 8, 8, 8), ("ResizeBilinearOptions", {})),
            (
                "RESIZE_NEAREST_NEIGHBOR",
                [data, _indices([8, 8])],
                out(1, 8, 8, 8),
                ("ResizeNearestNeighborOptions", {}),
            ),
            ("TRANSPOSE", [data, _indices([0, 2, 1, 3])], out(1, 4, 4, 8), None),
            ("SLICE", [data, _indices([0, 0, 0, 0]), _indices([1, 2, 2, 8])], out(1, 2, 2, 8), None),
            (
                "STRIDED_SLICE",
                [data, _indices([0, 0, 0, 0]), _indices([1, 4, 4, 8]), _indices([1, 2, 2, 1])],
                out(1, 2, 2, 8),
                ("StridedSliceOptions", {}),
            ),
            ("SPLIT", [_indices(3, ()), data], out(1, 4, 4, 4) * 2, ("SplitOptions", {"numSplits": 2})),
            (
                "SPLIT_V",
                [data, _indices([4, 4]), _indices(3, ())],
                out(1, 4, 4, 4) * 2,
                ("SplitVOptions", {"numSplits": 2}),
            ),
            ("PACK", [data, _scaled(type_, SHAPE)], out(2, 1, 4, 4, 8), ("PackOptions", {"valuesCount": 2})),
            ("UNPACK", [_scaled(type_, (2, 8))], out(8) * 2, ("UnpackOptions", {"num": 2})),
            ("GATHER", [data, _indices([0, 2])], out(1, 2, 4, 8), ("GatherOptions", {"axis": 1})),
            ("GATHER_ND", [data, _indices([[0, 1]])], out(1, 4, 8), None),
            ("TILE", [data, _indices([1, 1, 1, 2])], out(1, 4, 4, 16), None),
            ("REVERSE_V2", [data, _indices([1])], out(1, 4, 4, 8), None),
            ("SPACE_TO_DEPTH", [data], out(1, 2, 2, 32), ("SpaceToDepthOptions", {"blockSize": 2})),
            ("DEPTH_TO_SPACE", [data], out(1, 8, 8, 2), ("DepthToSpaceOptions", {"blockSize": 2})),
            ("SPACE_TO_BATCH_ND", [data, _indices([2, 2]), _indices([[0, 0], [0, 0]])], out(4, 2, 2, 8), None),
            (
                "BATCH_TO_SPACE_ND",
                [_scaled(type_, (4, 2, 2, 8)), _indices([2, 2]), _indices([[0, 0], [0, 0]])],
                out(1, 4, 4, 8),
                None,
            ),
            ("BROADCAST_TO", [_scaled(type_, (1, 1, 1, 8)), _indices([1, 4, 4, 8])], out(1, 4, 4, 8), None),
            ("FILL", [_indices([2, 2]), _constant(type_, ())], out(2, 2), None),
            ("CUMSUM", [data, _indices(1, ())], out(1, 4, 4, 8), ("CumsumOptions", {})),
            ("ADD_N", [data, _scaled(type_, SHAPE)], out(1, 4, 4, 8), None),
            ("SELECT_V2", [_plain("bool", SHAPE), data, _scaled(type_, SHAPE)], out(1, 4, 4, 8), None),
            ("SELECT", [_plain("bool", SHAPE), data, _scaled(type_, SHAPE)], out(1, 4, 4, 8), None),
        ):
            yield name, _file(name, takes, makes, options)
        for name, options in (("ARG_MAX", "ArgMaxOptions"), ("ARG_MIN", "ArgMinOptions")):
            for index in ("int32", "int64"):
                chosen = {"outputType": int(TensorType[index.upper()])}
                yield name, _file(name, [data, _indices(3, ())], [_plain(index, (1, 4, 4))], (options, chosen))
        yield "SHAPE", _file("SHAPE", [data], [_plain("int32", (4,))], ("ShapeOptions", {"outType": 2}))


def _converting() -> Iterator[tuple[str, bytes]]:
    for takes in EVERY:
        for makes in EVERY:
            if takes == makes and takes in ("float32", "bool"):
                continue
            yield "QUANTIZE", _file("QUANTIZE", [_scaled(takes, SHAPE)], [_scaled(makes, SHAPE)])
            yield "DEQUANTIZE", _file("DEQUANTIZE", [_scaled(takes, SHAPE)], [_scaled(makes, SHAPE)])
            codes = {"inDataType": int(TensorType[takes.upper()]), "outDataType": int(TensorType[makes.upper()])}
            yield "CAST", _file("CAST", [_plain(takes, SHAPE)], [_plain(makes, SHAPE)], ("CastOptions", codes))


_FIRST_VERSIONS = {"BROADCAST_TO": 2}  # of LiteRT's own kernels


def _file(name, takes, makes, options=None) -> bytes:
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    graph.tensors = [_named(each, f"t{number}", model) for number, each in enumerate([*takes, *makes])]
    count = len(takes)
    graph.outputs = [*range(count, len(graph.tensors))]
    graph.inputs = [number for number in range(count) if not graph.tensors[number].buffer]
    call, code = schema.OperatorT(), schema.OperatorCodeT()
    call.opcodeIndex, call.inputs, call.outputs = 0, [*range(count)], graph.outputs
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), _FIRST_VERSIONS.get(name, 1)
    if options is not None:
        call.builtinOptions = getattr(schema, f"{options[0]}T")()
        call.builtinOptionsType = getattr(schema.BuiltinOptions, options[0])
        vars(call.builtinOptions).update(options[1])
    graph.operators, model.operatorCodes = [call], [code]
    return write_model(model)


def _named(made: schema.TensorT, name: str, model: schema.ModelT) -> schema.TensorT:
    copy = schema.TensorT()
    vars(copy).update(vars(made))
    copy.name, copy.buffer = name.encode(), 0
    if made.data is not None:
        buffer = schema.BufferT()
        buffer.data = made.data
        model.buffers.append(buffer)
        copy.buffer = len(model.buffers) - 1
    return copy


def _data(name: str, type_: str) -> schema.TensorT:
    return _scaled(type_, SHAPE, _INPUT_SCALES.get((name, type_), 0.5))


def _made(name: str, type_: str, shape: tuple[int, ...]) -> schema.TensorT:
    scale, zero = _OUTPUT_SCALES.get((name, type_), (0.5, None))
    return _scaled(type_, shape, scale, zero)


def _plain(type_: str, shape: tuple[int, ...]) -> schema.TensorT:
    return tensor("", shape, type_.upper())


def _scaled(type_: str, shape: tuple[int, ...], scale: float = 0.5, zero: int | None = None) -> schema.TensorT:
    quantized = type_ in ("int8", "uint8", "int16")
    made = tensor("", shape, type_.upper(), scales=[scale] if quantized else ())
    if quantized:
        made.quantization.zeroPoint = [128 * (type_ == "uint8") if zero is None else zero]
    return made


def _constant(type_: str, shape: tuple[int, ...], channels: int = 0) -> schema.TensorT:
    bits, size = TensorType[type_.upper()].bits, math.prod(shape)
    values = bytes(-(-size * bits // 8)) if bits < 8 else np.ones(size, type_).tobytes()
    made = tensor("", shape, type_.upper(), data=values)
    if type_ not in ("float32", "float16", "bool"):
        made.quantization = schema.QuantizationParametersT()
        scales = channels if type_ != "uint8" and channels else 1
        made.quantization.scale, made.quantization.zeroPoint = [0.5] * scales, [128 * (type_ == "uint8")] * scales
        made.quantization.quantizedDimension = 3 if len(shape) == 4 and shape[0] == 1 and channels else 0
    return made


def _indices(values, shape=None) -> schema.TensorT:
    array = np.asarray(values, np.int32)
    return tensor("", array.shape if shape is None else shape, "INT32", data=array.tobytes())
