"""Builders for those `keras.ops` operations that differ only in the layer or function that does the same in Keras 2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from compressor.models.keras3.refusal import refused_operation
from compressor.models.keras3.tf_layers import masked, operation


@dataclass(frozen=True)
class Call:
    """One call of an operation: its name and place in the model, its arguments, and the operation's settings."""

    kind: str
    name: str
    place: str
    args: Sequence[Any]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def x(self) -> Any:
        """The first argument, in most operations the only tensor."""
        return self.args[0]

    def refuse(self, why: str) -> Exception:
        """The error for a call that has no counterpart."""
        return refused_operation(self.place, self.kind, why)


Builder: TypeAlias = Callable[[Call], Any]
"""Adds layers to the graph that do what a call does, and returns the tensors that they make."""


def is_tensor(value: Any) -> bool:
    """Whether an argument is a symbolic tensor, and no array or number."""
    return hasattr(value, "dtype") and hasattr(value, "shape") and not hasattr(value, "__array__")


def keras_layer(name: str, **options: Any) -> Builder:
    """Builds the Keras layer of this class and these options on the first argument."""

    def build(call: Call) -> Any:
        import tf_keras

        return getattr(tf_keras.layers, name)(name=call.name, **options)(call.x)

    return build


def tf_function(path: str, **names: str) -> Builder:
    """Calls a function of TensorFlow, such as `math.abs`; `names` tells what it calls the operation's settings."""

    def build(call: Call) -> Any:
        settings = {names[key]: value for key, value in call.settings.items() if key in names and value is not None}
        return operation(_tensorflow(path), call.name, *call.args, **settings)

    return build


def _tensorflow(path: str) -> Any:
    import tensorflow as tf

    function: Any = tf
    for part in path.split("."):
        function = getattr(function, part)
    return function


def binary(path: str, merge: str | None = None, floats: bool = False) -> Builder:
    """Calls a function of two arguments, or builds a merging layer where both are tensors of one rank.

    Args:
        path: of TensorFlow's function.
        merge: the class of the merging layer, if there is one.
        floats: the result is a float even where both arguments are whole numbers.
    """

    def build(call: Call) -> Any:
        import tf_keras

        left, right = _alike(call, floats)
        fits = is_tensor(left) and is_tensor(right) and len(left.shape) == len(right.shape) > 1
        if merge and fits and not masked(left) and not masked(right):
            return getattr(tf_keras.layers, merge)(name=call.name)([left, right])
        return operation(_tensorflow(path), call.name, left, right)

    return build


def _alike(call: Call, floats: bool) -> tuple[Any, Any]:
    """Both arguments in one type, as Keras 3 promotes them."""
    import tensorflow as tf

    left, right = call.args[:2]
    types = [tf.as_dtype(value.dtype) for value in (left, right) if hasattr(value, "dtype")]
    floating = [type_ for type_ in types if type_.is_floating]
    floats = floats or any(isinstance(value, float) for value in (left, right))
    target = floating[0] if floating else tf.float32 if floats else None
    if len({*floating}) > 1 or (target is None and len({*types}) > 1):
        raise call.refuse(f"mixes {' and '.join(type_.name for type_ in types)}, which Keras 2 does not convert")
    return _cast(left, target, f"{call.name}_left"), _cast(right, target, f"{call.name}_right")


def _cast(value: Any, target: Any, name: str) -> Any:
    import tensorflow as tf

    if target is None or not hasattr(value, "dtype") or value.dtype == target:
        return value
    return operation(tf.cast, name, value, dtype=target.name) if is_tensor(value) else value.astype(target.name)


def reduction(path: str) -> Builder:
    """Calls a function of TensorFlow that reduces axes."""
    return tf_function(path, axis="axis", keepdims="keepdims")
