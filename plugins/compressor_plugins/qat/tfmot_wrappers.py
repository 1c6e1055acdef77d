"""tfmot's layers of fake quantization, called as they are written."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any


@cache
def quantize_layers() -> Mapping[str, type[Any]]:
    """`QuantizeWrapperV2` and `QuantizeLayer` by these names, which autograph leaves as they are.

    Of layers that are not Keras' own it rewrites all that they call, in case they branch on tensors. These do not, and
    it took half the time in which a deep model with them is built, trained or exported. Files name the classes as
    tfmot does, and open with tfmot's.
    """
    import tensorflow as tf
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import QuantizeLayer
    from tensorflow_model_optimization.python.core.quantization.keras.quantize_wrapper import QuantizeWrapperV2

    as_written = tf.autograph.experimental.do_not_convert
    return {
        cls.__name__: type(cls.__name__, (cls,), {"call": as_written(cls.call), "__module__": __name__})
        for cls in (QuantizeWrapperV2, QuantizeLayer)
    }
