"""Lets layers of a Keras model compute in bfloat16 while it trains, on the variables that it has, in float32.

Keras' own way is to build a model under another dtype policy, which has other variables. Here a layer's policy is
changed for the time of the training, and its kernels are cast where it reads them, so that whoever holds a variable of
the model, such as a callback that prunes it, goes on holding the one that is trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from compressor.base.errors import StepError
from compressor.base.text import words_of

_POLICY = "mixed_bfloat16"
_KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel", "bias")
_WITH_KERNELS = {
    "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "DepthwiseConv1D", "DepthwiseConv2D",
    "SeparableConv1D", "SeparableConv2D",
}  # fmt: skip
_WITHOUT = {
    "Activation", "ReLU", "LeakyReLU", "MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Flatten",
    "Reshape", "Permute", "Dropout", "SpatialDropout2D", "ZeroPadding1D", "ZeroPadding2D", "Cropping2D",
    "UpSampling2D", "Add", "Concatenate", "Multiply",
}  # fmt: skip
_PASSIVE = {"InputLayer"}


@contextmanager
def computing_in_bfloat16(model: Any) -> Iterator[list[str]]:
    """While the context lasts, layers compute in bfloat16 as far as they can; yields the names of those that do not.

    The layers that give the model's outputs stay in float32, as the losses do. So do layers that normalize, recurrent
    ones, attention, and any whose class is not Keras' own.

    Raises:
        StepError: no layer with a kernel can compute in bfloat16.
    """
    import tf_keras
    from tf_keras.src.mixed_precision.autocast_variable import create_autocast_variable

    layers = list(model._flatten_layers(include_self=False))
    last = {id(tensor._keras_history.layer) for tensor in model.outputs or ()}
    chosen = [layer for layer in layers if _can(layer) and id(layer) not in last]
    if not any(type(layer).__name__ in _WITH_KERNELS for layer in chosen):
        what = "no layer of the model but those of its outputs can compute in bfloat16"
        raise StepError(what, "remove 'mixed_precision'")
    before = [(layer, layer._dtype_policy, dict(vars(layer))) for layer in chosen]
    policy = tf_keras.mixed_precision.Policy(_POLICY)
    try:
        for layer in chosen:
            layer._set_dtype_policy(policy)
            for name in _KERNELS:
                if type(layer).__name__ in _WITH_KERNELS and vars(layer).get(name) is not None:
                    # not by setattr, with which Keras would count the variable twice
                    vars(layer)[name] = create_autocast_variable(vars(layer)[name])
        skipped = {id(layer) for layer in chosen}
        yield [layer.name for layer in layers if id(layer) not in skipped and layer.weights and _is_leaf(layer)]
    finally:
        for layer, own, attributes in before:
            layer._set_dtype_policy(own)
            vars(layer).update({name: attributes[name] for name in _KERNELS if name in attributes})
        # graphs that compute in bfloat16 must not be called again
        model.train_function = model.test_function = model.train_tf_function = None


def refuse_uncomputable(model: Any, inputs: Any) -> None:
    """Refuse a model that cannot be called as it is now, by calling it.

    Raises:
        StepError: it cannot; it has operations that take one type alone.
    """
    import tensorflow as tf

    try:
        model(inputs, training=False)
    except (TypeError, ValueError, tf.errors.OpError) as error:
        reason = words_of(error, 200)
        what = f"the model cannot be computed with layers in bfloat16 ({reason})"
        raise StepError(what, "remove 'mixed_precision'") from error


def as_float32(tensor: Any) -> Any:
    """The tensor, or its values in float32 where a layer gave it in bfloat16."""
    import tensorflow as tf

    return tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor


def _can(layer: Any) -> bool:
    name, own = type(layer).__name__, type(layer).__module__.startswith("tf_keras.")
    return own and name in _WITH_KERNELS | _WITHOUT and layer.dtype_policy.name == "float32"


def _is_leaf(layer: Any) -> bool:
    return not any(True for _ in layer._flatten_layers(include_self=False, recursive=False))
