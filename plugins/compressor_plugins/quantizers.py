"""Fake quantization of one tensor: weights, and what layers make."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from compressor_plugins.learned_ranges import learned_range_quantizer

Scales = Literal["tensor", "channel", "tied"]  # of a kernel: one, one a channel, or those, and all the same


def activation_quantizer(bits: int, learned: bool) -> Any:
    """The quantizer of a tensor that a layer makes."""
    from tensorflow_model_optimization.python.core.quantization.keras import quantizers

    wide = bits == 16
    if learned:
        return learned_range_quantizer()(bits, per_axis=False, symmetric=wide)
    return quantizers.MovingAverageQuantizer(bits, per_axis=False, symmetric=wide, narrow_range=wide)


def weight_quantizer(bits: int, scales: Scales, learned: bool) -> Any:
    """The quantizer of a kernel."""
    from tensorflow_model_optimization.python.core.quantization.keras.quantizers import LastValueQuantizer

    by_channel = scales != "tensor"
    if learned:
        return learned_range_quantizer()(bits, by_channel, symmetric=True, tied=scales == "tied")
    made = tied_quantizer() if scales == "tied" else LastValueQuantizer
    return made(bits, by_channel, symmetric=True, narrow_range=True)


@cache
def tied_quantizer() -> type[Any]:
    """The class, which cannot be made without tfmot."""
    from tensorflow_model_optimization.python.core.quantization.keras.quantizers import LastValueQuantizer

    class TiedQuantizer(LastValueQuantizer):  # type: ignore[misc]
        """Scales by channel that are all the same, for clusters before a BatchNormalization.

        The converter multiplies each channel by the factor that normalizes it. It takes scales by channel with it, and
        leaves the integers as they are; a scale of the whole tensor it would have to drop, and ship floats.
        """

        def __call__(self, inputs: Any, training: bool, weights: Mapping[str, Any], **kwargs: Any) -> Any:
            """The values rounded on the grid of the largest of all."""
            import tensorflow as tf

            ends = weights["min_var"], weights["max_var"]
            if training:
                most = tf.broadcast_to(tf.reduce_max(tf.abs(inputs)), ends[0].shape)
                ends = ends[0].assign(-most), ends[1].assign(most)
            round_ = tf.quantization.fake_quant_with_min_max_vars_per_channel
            return round_(inputs, *ends, num_bits=self.num_bits, narrow_range=True)

    return TiedQuantizer
