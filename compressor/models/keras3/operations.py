"""Builds the `keras.ops` operations of a Keras 3 graph in Keras 2, as real layers where there are any.

A real layer can be pruned around, quantized and clustered; a function of TensorFlow's can only be left alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from compressor.models.keras3.activations import COMPOSED
from compressor.models.keras3.operation_builders import (
    Builder,
    Call,
    binary,
    is_tensor,
    keras_layer,
    reduction,
    tf_function,
)
from compressor.models.keras3.tf_layers import operation, sliced, unmasked


def _mean(call: Call) -> Any:
    import tf_keras

    axis, rank = call.settings.get("axis"), len(call.x.shape)
    axes = {at % rank for at in (axis if isinstance(axis, list | tuple) else [axis])} if axis is not None else set()
    if rank in (3, 4, 5) and axes == set(range(1, rank - 1)) and call.x.dtype.is_floating:
        pooling = getattr(tf_keras.layers, f"GlobalAveragePooling{rank - 2}D")
        return pooling(keepdims=bool(call.settings.get("keepdims")), data_format="channels_last", name=call.name)(
            call.x
        )
    return reduction("math.reduce_mean")(call)


def _reshape(call: Call) -> Any:
    import tensorflow as tf
    import tf_keras

    shape = [-1 if size is None else int(size) for size in call.settings["newshape"]]
    sample, rest = call.x.shape[1:], shape[1:]
    static = None not in sample and -1 not in rest and math.prod(sample) == math.prod(rest)
    if shape[0] == -1 and static:
        return tf_keras.layers.Reshape(rest, name=call.name)(call.x)
    return operation(tf.reshape, call.name, call.x, shape)


def _transpose(call: Call) -> Any:
    import tensorflow as tf
    import tf_keras

    axes = call.settings.get("axes")
    axes = list(axes) if axes is not None else list(range(len(call.x.shape)))[::-1]
    if axes[0] == 0 and len(axes) > 1:
        return tf_keras.layers.Permute(axes[1:], name=call.name)(call.x)
    return operation(tf.transpose, call.name, call.x, perm=axes)


def _concatenate(call: Call) -> Any:
    import tensorflow as tf
    import tf_keras

    axis = int(call.settings.get("axis", 0))
    tensors = list(call.x)
    if axis % len(tensors[0].shape) and all(is_tensor(tensor) for tensor in tensors) and len(tensors) > 1:
        return tf_keras.layers.Concatenate(axis=axis, name=call.name)(tensors)
    return operation(tf.concat, call.name, tensors, axis=axis)


def _clip(call: Call) -> Any:
    import tensorflow as tf
    import tf_keras

    low, high = call.settings["x_min"], call.settings["x_max"]
    if low == 0 and high is not None and high > 0 and call.x.dtype.is_floating:
        return tf_keras.layers.ReLU(max_value=float(high), name=call.name)(call.x)
    return operation(tf.clip_by_value, call.name, call.x, low, high)


def _softmax(call: Call) -> Any:
    import tf_keras

    return tf_keras.layers.Softmax(axis=call.settings.get("axis", -1), name=call.name)(call.x)


def _leaky_relu(call: Call) -> Any:
    import tf_keras

    return tf_keras.layers.LeakyReLU(float(call.settings.get("negative_slope", 0.2)), name=call.name)(call.x)


def _elu(call: Call) -> Any:
    import tf_keras

    return tf_keras.layers.ELU(float(call.settings.get("alpha", 1.0)), name=call.name)(call.x)


def _gelu(call: Call) -> Any:
    import tensorflow as tf

    if not call.settings.get("approximate", True):
        return keras_layer("Activation", activation="gelu")(call)
    return operation(tf.nn.gelu, call.name, call.x, approximate=True)


def _composed_activation(name: str) -> Builder:
    return lambda call: COMPOSED[name](call.x, call.name)


def _get_item(call: Call) -> Any:
    index = call.args[1]
    return sliced(call.x, tuple(index) if isinstance(index, list) else index, call.name)


def _cast(call: Call) -> Any:
    import tensorflow as tf

    return operation(tf.cast, call.name, call.x, dtype=str(call.settings["dtype"]))


def _pad(call: Call) -> Any:
    import tensorflow as tf

    mode, value = call.settings.get("mode", "constant"), 0
    if len(call.args) > 1 and call.args[1] is not None:
        value = call.args[1]
    width = [list(pair) for pair in call.settings["pad_width"]]
    return operation(tf.pad, call.name, call.x, width, mode=str(mode).upper(), constant_values=value)


def _split(call: Call) -> Any:
    import tensorflow as tf

    if not isinstance(call.settings["indices_or_sections"], int):
        raise call.refuse("splits at given places, which has no counterpart here")
    parts, axis = call.settings["indices_or_sections"], call.settings.get("axis", 0)
    return operation(tf.split, call.name, call.x, parts, axis=axis)


def _einsum(call: Call) -> Any:
    import tensorflow as tf

    return operation(tf.einsum, call.name, call.settings["subscripts"], *call.args)


_ACTIVATIONS = {
    "Sigmoid": "sigmoid", "Tanh": "tanh", "Silu": "swish", "Selu": "selu", "Softplus": "softplus",
    "Softsign": "softsign", "Mish": "mish", "Exp": "exponential",
}  # fmt: skip
_COMPOSED = {
    "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "HardSwish": "hard_silu", "HardTanh": "hard_tanh",
    "LogSigmoid": "log_sigmoid", "LogSoftmax": "log_softmax", "Relu6": "relu6", "TanhShrink": "tanh_shrink",
}  # fmt: skip
_OF_ONE = {
    "Abs": "math.abs", "Absolute": "math.abs", "Ceil": "math.ceil", "Cos": "math.cos", "Erf": "math.erf",
    "Floor": "math.floor", "Log": "math.log", "Log1p": "math.log1p", "LogicalNot": "math.logical_not",
    "Negative": "math.negative", "Reciprocal": "math.reciprocal", "Rint": "math.rint", "Rsqrt": "math.rsqrt",
    "Sign": "math.sign", "Sin": "math.sin", "Sqrt": "math.sqrt", "Square": "math.square",
}  # fmt: skip
_OF_TWO = {
    "Equal": "math.equal", "FloorDivide": "math.floordiv", "Greater": "math.greater",
    "GreaterEqual": "math.greater_equal", "Less": "math.less", "LessEqual": "math.less_equal",
    "LogicalAnd": "math.logical_and", "LogicalOr": "math.logical_or", "Matmul": "linalg.matmul",
    "Mod": "math.floormod", "NotEqual": "math.not_equal", "Power": "math.pow",
}  # fmt: skip
_REDUCTIONS = {
    "All": "math.reduce_all", "Any": "math.reduce_any", "Max": "math.reduce_max", "Min": "math.reduce_min",
    "Prod": "math.reduce_prod", "Std": "math.reduce_std", "Sum": "math.reduce_sum", "Var": "math.reduce_variance",
}  # fmt: skip

_BUILDERS: Mapping[str, Builder] = {
    **{kind: keras_layer("Activation", activation=name) for kind, name in _ACTIVATIONS.items()},
    **{kind: _composed_activation(name) for kind, name in _COMPOSED.items()},
    **{kind: tf_function(path) for kind, path in _OF_ONE.items()},
    **{kind: binary(path) for kind, path in _OF_TWO.items()},
    **{kind: reduction(path) for kind, path in _REDUCTIONS.items()},
    "Add": binary("math.add", "Add"),
    "Argmax": tf_function("math.argmax", axis="axis"),
    "Argmin": tf_function("math.argmin", axis="axis"),
    "Cast": _cast,
    "Clip": _clip,
    "Concatenate": _concatenate,
    "Divide": binary("math.divide", floats=True),
    "Einsum": _einsum,
    "Elu": _elu,
    "ExpandDims": tf_function("expand_dims", axis="axis"),
    "Flip": tf_function("reverse", axis="axis"),
    "Gelu": _gelu,
    "GetItem": _get_item,
    "LeakyRelu": _leaky_relu,
    "Maximum": binary("math.maximum", "Maximum"),
    "Mean": _mean,
    "Minimum": binary("math.minimum", "Minimum"),
    "Multiply": binary("math.multiply", "Multiply"),
    "Pad": _pad,
    "Relu": keras_layer("ReLU"),
    "Repeat": tf_function("repeat", repeats="repeats", axis="axis"),
    "Reshape": _reshape,
    "Softmax": _softmax,
    "Split": _split,
    "Squeeze": tf_function("squeeze", axis="axis"),
    "Stack": tf_function("stack", axis="axis"),
    "Subtract": binary("math.subtract", "Subtract"),
    "Tile": tf_function("tile", repeats="multiples"),
    "Transpose": _transpose,
    "TrueDivide": binary("math.divide", floats=True),
    "Where": tf_function("where"),
}

OPERATIONS = frozenset(_BUILDERS)
"""The names of all operations that can be built."""


def apply_operation(call: Call) -> Any:
    """Add layers to the graph that do what the call does, and return the tensors that it makes.

    Raises:
        ModelError: Keras 2 and TensorFlow have nothing that does it.
    """
    import tensorflow as tf

    build = _BUILDERS.get(call.kind)
    if build is None:
        raise call.refuse("has no counterpart here")
    # in Keras 3 an operation passes no mask on, but in Keras 2 a real layer does
    return tf.nest.map_structure(lambda tensor: unmasked(tensor, f"{call.name}_unmasked"), build(call))
