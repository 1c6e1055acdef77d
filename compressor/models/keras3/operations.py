"""`keras.ops` operations of a Keras 3 graph as Keras 2 layers: real ones where there are any, else TensorFlow's.

A real layer can be pruned around, quantized and clustered; an operation can only be left alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compressor.models.keras3.activations import COMPOSED
from compressor.models.keras3.refusal import refused_operation
from compressor.models.keras3.tf_layers import masked, operation, sliced, unmasked


@dataclass(frozen=True)
class Call:
    """An operation called once: its name, the tensors and numbers it is given, and its own settings."""

    kind: str
    name: str
    place: str
    args: Sequence[Any]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def x(self) -> Any:
        """The first argument, which mostly is the only tensor."""
        return self.args[0]

    def refuse(self, why: str) -> Exception:
        """The error that says this call cannot be brought over."""
        return refused_operation(self.place, self.kind, why)


def apply_operation(call: Call) -> Any:
    """Add to the graph what the call does.

    Raises:
        ModelError: there is nothing that does it.
    """
    import tensorflow as tf

    make = _TABLE.get(call.kind)
    if make is None:
        raise call.refuse("has no counterpart here")
    # operations hand on no masks in Keras 3, and real layers do in Keras 2
    return tf.nest.map_structure(lambda one: unmasked(one, f"{call.name}_unmasked"), make(call))


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape") and not hasattr(value, "__array__")


def _layer(name: str, **options: Any) -> Callable[[Call], Any]:
    """The layer of that class, on the first argument."""

    def make(call: Call) -> Any:
        import tf_keras

        return getattr(tf_keras.layers, name)(name=call.name, **options)(call.x)

    return make


def _function(path: str, **names: str) -> Callable[[Call], Any]:
    """TensorFlow's function `path`; `names` are its names of the settings."""

    def make(call: Call) -> Any:
        settings = {names[key]: value for key, value in call.settings.items() if key in names and value is not None}
        return operation(_tensorflow(path), call.name, *call.args, **settings)

    return make


def _tensorflow(path: str) -> Any:
    import tensorflow as tf

    found: Any = tf
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _binary(path: str, merge: str | None = None, floats: bool = False) -> Callable[[Call], Any]:
    """A function of two arguments; a merging layer where both are tensors of one rank and type."""

    def make(call: Call) -> Any:
        import tf_keras

        left, right = _alike(call, floats)
        fits = _is_tensor(left) and _is_tensor(right) and len(left.shape) == len(right.shape) > 1
        if merge and fits and not masked(left) and not masked(right):
            return getattr(tf_keras.layers, merge)(name=call.name)([left, right])
        return operation(_tensorflow(path), call.name, left, right)

    return make


def _alike(call: Call, floats: bool) -> tuple[Any, Any]:
    """Both arguments with one type, as Keras 3 promotes them."""
    import tensorflow as tf

    left, right = call.args[:2]
    types = [tf.as_dtype(value.dtype) for value in (left, right) if hasattr(value, "dtype")]
    floating = [one for one in types if one.is_floating]
    if len({*floating}) > 1:
        raise call.refuse(f"mixes {' and '.join(one.name for one in types)}, which Keras 2 does not convert")
    numbers = (value for value in (left, right) if isinstance(value, float))
    target = floating[0] if floating else tf.float32 if floats or any(True for _ in numbers) else None
    if target is None and len({*types}) > 1:
        raise call.refuse(f"mixes {' and '.join(one.name for one in types)}, which Keras 2 does not convert")
    return _cast(left, target, f"{call.name}_left"), _cast(right, target, f"{call.name}_right")


def _cast(value: Any, target: Any, name: str) -> Any:
    import tensorflow as tf

    if target is None or not hasattr(value, "dtype") or value.dtype == target:
        return value
    return operation(tf.cast, name, value, dtype=target.name) if _is_tensor(value) else value.astype(target.name)


def _reduction(path: str) -> Callable[[Call], Any]:
    return _function(path, axis="axis", keepdims="keepdims")


def _mean(call: Call) -> Any:
    import tf_keras

    axis, rank = call.settings.get("axis"), len(call.x.shape)
    axes = {at % rank for at in (axis if isinstance(axis, list | tuple) else [axis])} if axis is not None else set()
    if rank in (3, 4, 5) and axes == set(range(1, rank - 1)) and call.x.dtype.is_floating:
        pooling = getattr(tf_keras.layers, f"GlobalAveragePooling{rank - 2}D")
        return pooling(keepdims=bool(call.settings.get("keepdims")), data_format="channels_last", name=call.name)(
            call.x
        )
    return _reduction("math.reduce_mean")(call)


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
    if axis % len(tensors[0].shape) and all(_is_tensor(tensor) for tensor in tensors) and len(tensors) > 1:
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
        return _layer("Activation", activation="gelu")(call)
    return operation(tf.nn.gelu, call.name, call.x, approximate=True)


def _composed(name: str) -> Callable[[Call], Any]:
    return lambda call: COMPOSED[name](call.x, call.name)


def _get_item(call: Call) -> Any:
    index = call.args[1]
    return sliced(call.x, tuple(index) if isinstance(index, list) else index, call.name)


def _to_type(call: Call) -> Any:
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

_TABLE: dict[str, Callable[[Call], Any]] = {
    **{kind: _layer("Activation", activation=name) for kind, name in _ACTIVATIONS.items()},
    **{kind: _composed(name) for kind, name in _COMPOSED.items()},
    **{kind: _function(path) for kind, path in _OF_ONE.items()},
    **{kind: _binary(path) for kind, path in _OF_TWO.items()},
    **{kind: _reduction(path) for kind, path in _REDUCTIONS.items()},
    "Add": _binary("math.add", "Add"),
    "Argmax": _function("math.argmax", axis="axis"),
    "Argmin": _function("math.argmin", axis="axis"),
    "Cast": _to_type,
    "Clip": _clip,
    "Concatenate": _concatenate,
    "Divide": _binary("math.divide", floats=True),
    "Einsum": _einsum,
    "Elu": _elu,
    "ExpandDims": _function("expand_dims", axis="axis"),
    "Flip": _function("reverse", axis="axis"),
    "Gelu": _gelu,
    "GetItem": _get_item,
    "LeakyRelu": _leaky_relu,
    "Maximum": _binary("math.maximum", "Maximum"),
    "Mean": _mean,
    "Minimum": _binary("math.minimum", "Minimum"),
    "Multiply": _binary("math.multiply", "Multiply"),
    "Pad": _pad,
    "Relu": _layer("ReLU"),
    "Repeat": _function("repeat", repeats="repeats", axis="axis"),
    "Reshape": _reshape,
    "Softmax": _softmax,
    "Split": _split,
    "Squeeze": _function("squeeze", axis="axis"),
    "Stack": _function("stack", axis="axis"),
    "Subtract": _binary("math.subtract", "Subtract"),
    "Tile": _function("tile", repeats="multiples"),
    "Transpose": _transpose,
    "TrueDivide": _binary("math.divide", floats=True),
    "Where": _function("where"),
}

OPERATIONS = frozenset(_TABLE)
"""The operations that are brought over."""
