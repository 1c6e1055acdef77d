"""Kernels that a model computes with in whole steps while it trains, and the bits that they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor_plugins.entropy.code_lengths import code_lengths
from compressor_plugins.shared.kernels import Target

_PACE = 0.3  # of the logarithm of a step, in that of a weight, when the optimizer moves both as far
_HALF = 0.5  # of a step, from which on a weight is not zero
_FARTHEST = 1.0  # steps that a weight may be from zero and become zero, at the most


class QuantizedKernel:
    """A kernel whose weights are rounded to multiples of a step of its own, which is learned with them.

    The gradient passes through the rounding as if it were not there, and reaches the step as in Esser et al. 2020
    (arXiv 1902.08153). `owner` is the layer that holds the kernel, under the name `attribute`.
    """

    def __init__(self, target: Target, kernel: Any, place: tuple[Any, str], step: float, most: int) -> None:
        import tensorflow as tf

        self.target, self.kernel, self._most = target, kernel, most
        self.owner, self.attribute = place
        weights = kernel.numpy()
        self._start = step * float(weights[weights != 0].std()) or float(np.abs(weights).max()) or 1.0
        self.logarithm = tf.Variable(0.0, name="step")
        self._zero, self._slope = (tf.Variable(tf.zeros(kernel.shape), trainable=False) for _ in range(2))
        self._larger = tf.Variable(tf.zeros([most]), trainable=False)
        self.bits = 0.0
        self.refresh()

    @property
    def step(self) -> Any:
        """The distance of two values, a tensor."""
        import tensorflow as tf

        return self._start * tf.exp(_PACE * self.logarithm)

    def rounded(self) -> Any:
        """The weights that the model computes with, a tensor."""
        import tensorflow as tf

        scaled = self.kernel / self.step
        nearest = tf.clip_by_value(tf.round(scaled), -self._most, self._most)
        return self.step * (scaled + tf.stop_gradient(nearest - scaled))

    def rate(self) -> Any:
        """The bits of the weights, between whole steps in proportion, a tensor with a gradient."""
        import tensorflow as tf

        size = tf.abs(self.kernel / self.step)
        beyond = tf.clip_by_value(size - 1, 0, self._most - 1)
        below = tf.minimum(tf.floor(beyond), self._most - 2) if self._most > 1 else tf.zeros_like(beyond)
        place = tf.cast(tf.stop_gradient(below), tf.int32)
        low = tf.gather(self._larger, place)
        high = tf.gather(self._larger, tf.minimum(place + 1, self._most - 1))
        more = low + (beyond - tf.stop_gradient(below)) * (high - low)
        return tf.reduce_sum(self._zero + tf.minimum(size, 1.0) * self._slope + more)

    def levels(self, threshold: float = _HALF) -> NDArray[np.int64]:
        """The weights in steps, as a matrix of outputs x inputs; those below `threshold` are zero."""
        scaled = (self.kernel / self.step).numpy().astype(np.float64)
        nearest = np.clip(np.round(scaled), -self._most, self._most).astype(np.int64)
        return self._as_matrix(np.where(np.abs(scaled) < threshold, 0, nearest))

    def refresh(self) -> None:
        """Renew the code lengths: those of the weights as they are now."""
        found = code_lengths(self.levels(), self._most)
        self.bits = found.total
        self._zero.assign(self._as_kernel(found.zero))
        self._slope.assign(self._as_kernel(found.one - found.zero))
        self._larger.assign(found.larger)

    def settle(self, threshold: float = _HALF) -> None:
        """Make the weights of the kernel what the model computes with."""
        self.assign(self.levels(threshold))

    def assign(self, levels: NDArray[np.int64]) -> None:
        """Give the kernel weights of so many steps."""
        self.kernel.assign(self._as_kernel(levels).astype(np.float32) * np.float32(self.step.numpy()))

    def _as_matrix(self, kernel: NDArray[Any]) -> NDArray[Any]:
        rows = np.moveaxis(kernel, self._axis, 0)
        return rows.reshape(len(rows), -1)

    def _as_kernel(self, matrix: NDArray[Any]) -> NDArray[Any]:
        shape = np.moveaxis(np.empty(self.kernel.shape, bool), self._axis, 0).shape
        return np.moveaxis(matrix.reshape(shape), 0, self._axis)

    @property
    def _axis(self) -> int:
        return 0 if self.target.kind == "Embedding" else self.target.output_axis


def place_of(layer: Any, kernel: Any) -> tuple[Any, str] | None:
    """The layer, this one or one within it, that holds a kernel as an attribute, and its name; None if none does."""
    for part in layer._flatten_layers():
        for name, value in vars(part).items():
            if value is kernel:
                return part, name
    return None


@contextmanager
def quantizing(kernels: Sequence[QuantizedKernel], rate: Any) -> Iterator[None]:
    """While the context lasts, layers compute with rounded kernels, steps are learned, and `rate` is part of a loss."""
    layers = list({id(kernel.target.layer): kernel.target.layer for kernel in kernels}.values())
    losses = list(layers[0]._callable_losses)
    for layer in layers:
        own = [kernel for kernel in kernels if kernel.target.layer is layer]
        vars(layer)["call"] = _with_rounded(layer.call, own)  # past Keras' own setter, which tracks what it is given
        for kernel in own:
            kernel.owner._trainable_weights.append(kernel.logarithm)
    layers[0].add_loss(rate)
    try:
        yield
    finally:
        layers[0]._callable_losses[:] = losses
        for layer in layers:
            del vars(layer)["call"]
        for kernel in kernels:
            weights = kernel.owner._trainable_weights
            weights[:] = [weight for weight in weights if weight is not kernel.logarithm]


def _with_rounded(call: Any, kernels: Sequence[QuantizedKernel]) -> Any:
    """A layer's `call` that finds the rounded weights where its kernels stand, in the type that it computes in."""
    import tensorflow as tf

    def called(*args: Any, **kwargs: Any) -> Any:
        before = [vars(kernel.owner)[kernel.attribute] for kernel in kernels]
        for kernel in kernels:
            vars(kernel.owner)[kernel.attribute] = tf.cast(kernel.rounded(), kernel.owner.compute_dtype)
        try:
            return call(*args, **kwargs)
        finally:
            for kernel, own in zip(kernels, before, strict=True):
                vars(kernel.owner)[kernel.attribute] = own

    return called
