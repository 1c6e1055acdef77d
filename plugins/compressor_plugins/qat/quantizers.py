"""Fake quantization of one tensor: weights, and what layers make."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from compressor_plugins.qat.learned_ranges import by_channel, channels_of, learned_range_quantizer

Scales = Literal["tensor", "channel", "tied"]  # of a kernel: one, one a channel, or those, and all the same


def activation_quantizer(bits: int, learned: bool) -> Any:
    """The quantizer of a tensor that a layer makes."""
    from tensorflow_model_optimization.python.core.quantization.keras import quantizers

    wide = bits == 16
    if learned:
        return learned_range_quantizer()(bits, per_axis=False, symmetric=wide)
    return quantizers.MovingAverageQuantizer(bits, per_axis=False, symmetric=wide, narrow_range=wide)


def weight_quantizer(bits: int, scales: Scales, depthwise: bool, learned: bool) -> Any:
    """The quantizer of a kernel, which is a depthwise one or not."""
    from tensorflow_model_optimization.python.core.quantization.keras.quantizers import LastValueQuantizer

    tied, each = scales == "tied", scales != "tensor"
    if learned:
        return learned_range_quantizer()(bits, each, symmetric=True, depthwise=depthwise and each, tied=tied)
    if each:
        return channel_quantizer()(bits, depthwise, tied)
    return LastValueQuantizer(bits, per_axis=False, symmetric=True, narrow_range=True)


@cache
def channel_quantizer() -> type[Any]:
    """The class, which cannot be made without tfmot."""
    from tensorflow_model_optimization.python.core.quantization.keras.quantizers import Quantizer

    class ChannelQuantizer(Quantizer):  # type: ignore[misc]
        """A scale for each channel that LiteRT has one for, by the largest weight: those of a depthwise kernel too.

        tfmot takes the last axis for the channels, which in a depthwise kernel is that of the multiplier: most of them
        get one scale for all. `tied` scales are all the same, for clusters before a BatchNormalization. The converter
        multiplies each channel by the factor that normalizes it. It takes scales by channel with it, and leaves the
        integers as they are; a scale of the whole tensor it would have to drop, and ship floats.
        """

        def __init__(self, num_bits: int, depthwise: bool, tied: bool) -> None:
            self.num_bits = num_bits
            self.depthwise = depthwise
            self.tied = tied

        def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
            """Both ends of each channel's range."""
            from tf_keras.initializers import Constant

            shape = channels_of(tensor_shape, self.depthwise)
            return {
                "min_var": layer.add_weight(f"{name}_min", shape, initializer=Constant(-6.0), trainable=False),
                "max_var": layer.add_weight(f"{name}_max", shape, initializer=Constant(6.0), trainable=False),
            }

        def __call__(self, inputs: Any, training: bool, weights: Mapping[str, Any], **kwargs: Any) -> Any:
            """The values rounded on the grid of the largest of each channel, or of all."""
            import tensorflow as tf

            values, ends = by_channel(inputs, self.depthwise), (weights["min_var"], weights["max_var"])
            if training:
                others = None if self.tied else list(range(len(values.shape) - 1))
                most = tf.broadcast_to(tf.reduce_max(tf.abs(values), others), ends[0].shape)
                ends = ends[0].assign(-most), ends[1].assign(most)
            round_ = tf.quantization.fake_quant_with_min_max_vars_per_channel
            return tf.reshape(round_(values, *ends, num_bits=self.num_bits, narrow_range=True), inputs.shape)

        def get_config(self) -> dict[str, Any]:
            """What `from_config` makes it again from."""
            return {name: getattr(self, name) for name in ("num_bits", "depthwise", "tied")}

    return ChannelQuantizer
