"""Ranges of fake quantization that are learned by gradient, beside the weights.

The gradient is that of learned step size quantization (LSQ; Esser et al. 2020, arXiv 1902.08153), for both ends of a
range where it need not be symmetric (LSQ+; Bhalgat et al. 2020, arXiv 2004.09576). What is learned is the base-2
logarithm of an end over where it started (Jain et al. 2020, "Trained Quantization Thresholds", arXiv 1903.08066): an
optimizer's step then is a share of the range, whatever the range is, and an end never changes its sign.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SHARES = np.linspace(1.0, 0.3, 15)  # of the largest weight, tried as the start of a range


@cache
def learned_range_quantizer() -> type[Any]:
    """The class, which cannot be made without tfmot."""
    from tensorflow_model_optimization.python.core.quantization.keras.quantizers import Quantizer

    class LearnedRangeQuantizer(Quantizer):  # type: ignore[misc]
        """Fake quantization whose range starts at two fixed ends, which are stretched by trainable powers of two.

        A symmetric range has one power, one with scales by channel one for each, unless `tied`, when all channels have
        the same range.
        """

        def __init__(
            self, num_bits: int, per_axis: bool, symmetric: bool, depthwise: bool = False, tied: bool = False
        ) -> None:
            self.num_bits = num_bits
            self.per_axis = per_axis
            self.symmetric = symmetric
            self.depthwise = depthwise
            self.tied = tied

        def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
            """The ends that the range starts from, and the logarithms of what they are stretched by."""
            shape = channels_of(tensor_shape, self.depthwise) if self.per_axis else ()
            powers = (() if self.tied else shape) if self.symmetric else (2,)
            _weights_first(layer)
            return {
                "min_var": layer.add_weight(f"{name}_min", shape, initializer=_constant(-6.0), trainable=False),
                "max_var": layer.add_weight(f"{name}_max", shape, initializer=_constant(6.0), trainable=False),
                "stretch": layer.add_weight(f"{name}_stretch", powers, initializer=_constant(0.0), trainable=True),
            }

        def __call__(self, inputs: Any, training: bool, weights: Mapping[str, Any], **kwargs: Any) -> Any:
            """The values rounded into the range."""
            import tensorflow as tf

            powers = 2.0 ** weights["stretch"]
            down, up = (powers, powers) if self.symmetric else tf.unstack(powers)
            ends = weights["min_var"] * down, weights["max_var"] * up
            rounded = self._rounded if not training else _with_gradients(self._rounded, self._levels, self.per_axis)
            if not self.depthwise:
                return rounded(inputs, *ends)
            return tf.reshape(rounded(by_channel(inputs, True), *ends), inputs.shape)

        @property
        def _levels(self) -> int:
            """Steps between the ends of the range; a symmetric one leaves the lowest integer out."""
            return int(2**self.num_bits) - (2 if self.symmetric else 1)

        def _rounded(self, values: Any, low: Any, high: Any) -> Any:
            from tensorflow import quantization

            by_axis = quantization.fake_quant_with_min_max_vars_per_channel
            round_ = by_axis if self.per_axis else quantization.fake_quant_with_min_max_vars
            return round_(values, low, high, num_bits=self.num_bits, narrow_range=self.symmetric)

        def get_config(self) -> dict[str, Any]:
            """What `from_config` makes it again from."""
            return {name: getattr(self, name) for name in ("num_bits", "per_axis", "symmetric", "depthwise", "tied")}

    return LearnedRangeQuantizer


def channels_of(shape: Any, depthwise: bool) -> tuple[int]:
    """The shape of one number for each channel of a kernel."""
    return (int(shape[-1]) * int(shape[-2]),) if depthwise else (int(shape[-1]),)


def by_channel(kernel: Any, depthwise: bool) -> Any:
    """A kernel with its channels in the last axis: a depthwise one as LiteRT lays it out, so that scales stay on it."""
    import tensorflow as tf

    return tf.reshape(kernel, (1, *kernel.shape[:2], -1)) if depthwise else tf.convert_to_tensor(kernel)


def start_weight_ranges(model: Any) -> None:
    """Start the learned ranges of a model's weights where rounding them makes the least squared error."""
    for layer in model.layers:
        for kernel, quantizer, variables in getattr(layer, "_weight_vars", ()):
            if isinstance(quantizer, learned_range_quantizer()):
                each = quantizer.per_axis and not quantizer.tied
                values = by_channel(kernel, quantizer.depthwise).numpy()
                limits = least_error_limits(values, quantizer.num_bits, each)
                variables["min_var"].assign(np.broadcast_to(-limits, variables["min_var"].shape))
                variables["max_var"].assign(np.broadcast_to(limits, variables["max_var"].shape))


def least_error_limits(kernel: NDArray[np.float32], bits: int, per_axis: bool) -> NDArray[np.float32]:
    """The symmetric limits of the least squared error after rounding, shape (channels,), or () for one for all.

    Channels of nothing but zeros get the largest limit there is, since a range must not be empty.
    """
    channels = kernel.reshape(-1, kernel.shape[-1]) if per_axis else kernel.reshape(-1, 1)
    largest = np.abs(channels).max(axis=0)
    largest = np.where(largest > 0, largest, largest.max() or 1)
    steps = 2 ** (bits - 1) - 1

    def error(limits: NDArray[Any]) -> NDArray[Any]:
        rounded = np.clip(np.round(channels / limits * steps), -steps, steps) / steps * limits
        return np.asarray(np.square(rounded - channels).sum(axis=0))

    errors = np.stack([error(share * largest) for share in _SHARES])
    found: NDArray[np.float32] = (_SHARES[errors.argmin(axis=0)] * largest).astype(np.float32)
    return found if per_axis else found.reshape(())


def _weights_first(wrapper: Any) -> None:
    """Let the wrapped layer's weights stand before the wrapper's own, as HDF5 files go by order.

    tfmot's wrapper takes them in before it builds the layer, so that one that is loaded would have them last.
    """
    known = {id(weight) for weight in wrapper._trainable_weights}
    wrapped = getattr(wrapper, "layer", wrapper).trainable_weights
    wrapper._trainable_weights.extend(weight for weight in wrapped if id(weight) not in known)


def _constant(value: float) -> Any:
    import tf_keras

    return tf_keras.initializers.Constant(value)


def _with_gradients(round_: Callable[..., Any], levels: int, per_axis: bool) -> Callable[..., Any]:
    """Rounding whose gradients reach the values within the range and, by what rounding does to each, both its ends."""
    import tensorflow as tf

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def rounded(values: Any, low: Any, high: Any) -> Any:
        result = round_(values, low, high)

        def gradients(upstream: Any) -> tuple[Any, Any, Any]:
            error, width = result - values, high - low
            inside = tf.abs(error) <= 0.501 * width / levels  # beyond half a step a value was cut off
            moved = tf.math.divide_no_nan(error, width)
            of_low = tf.where(inside, -moved, tf.cast(error > 0, error.dtype))
            of_high = tf.where(inside, moved, tf.cast(error < 0, error.dtype))
            axes = list(range(len(values.shape) - 1)) if per_axis else None
            of_values = tf.where(inside, upstream, 0.0)
            return of_values, tf.reduce_sum(upstream * of_low, axes), tf.reduce_sum(upstream * of_high, axes)

        return result, gradients

    return rounded  # type: ignore[no-any-return]
