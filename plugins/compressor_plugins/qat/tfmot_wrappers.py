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

    class FreezingWrapper(QuantizeWrapperV2):  # type: ignore[misc]
        """A wrapper that leaves the kernel of a frozen layer frozen, which tfmot's would train; its ranges adapt."""

        @property
        def trainable_weights(self) -> list[Any]:
            """What training changes."""
            frozen = {id(weight) for weight in self._frozen}
            return [weight for weight in super().trainable_weights if id(weight) not in frozen]

        @property
        def non_trainable_weights(self) -> list[Any]:
            """What it does not."""
            return list(self._dedup_weights([*self._frozen, *super().non_trainable_weights]))

        @property
        def _frozen(self) -> list[Any]:
            return [] if self.layer.trainable else [weight for weight, *_ in getattr(self, "_weight_vars", ())]

    as_written = tf.autograph.experimental.do_not_convert
    return {
        cls.__name__: type(cls.__name__, (base,), {"call": as_written(cls.call), "__module__": __name__})
        for cls, base in ((QuantizeWrapperV2, FreezingWrapper), (QuantizeLayer, QuantizeLayer))
    }
