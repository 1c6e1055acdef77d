"""Keeps zeros and clusters during further training, in layers of any type.

After every optimizer step each kernel is projected onto the nearest kernel of the same structure: weights that were
zero become zero again, and weights that were equal get their mean. This is gradient descent on the shared values alone
(Han et al. 2016, arXiv 1510.00149, section 3.3). tfmot's schemes for it support only Conv2D and Dense, and lose the
weights of 1x1 convolutions when they keep both zeros and clusters (tensorflow/model-optimization, issue 979).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.contracts.model_state import ModelState

# equal weights that may be chance, as a share of the squared number of weights: random float32 values have 23 bits
_CHANCE = 2.0**-22
_EXACT = 2**14  # size of a group up to which its mean can be taken in float32 after every step without drifting


@dataclass(frozen=True)
class Mask:
    """A kernel whose zeros are kept; `mask` is false for these."""

    variable: Any
    mask: Any

    def restore(self) -> None:
        """Set the weights that were zero to zero again."""
        import tensorflow as tf

        self.variable.assign(tf.where(self.mask, self.variable, 0))  # multiplying by the mask would give negative zeros


@dataclass(frozen=True)
class Groups:
    """A kernel whose equal weights stay equal. `groups` holds each weight's group, `scale` each group's 1 / size."""

    variable: Any
    groups: Any
    scale: Any

    def restore(self) -> None:
        """Give the weights of each group their mean; those of the group of zeros stay zero, since its scale is 0."""
        import tensorflow as tf

        values = tf.cast(tf.reshape(self.variable, [-1]), self.scale.dtype)
        sums = tf.math.unsorted_segment_sum(values, self.groups, len(self.scale))
        means = tf.cast(sums * self.scale, self.variable.dtype)
        self.variable.assign(tf.reshape(tf.gather(means, self.groups), self.variable.shape))


def structure_of(variables: Sequence[Any], state: ModelState) -> list[Mask | Groups]:
    """The zeros or clusters to keep in each kernel, where the state says that earlier steps made any."""
    parts: list[Mask | Groups] = []
    for variable in variables:
        if variable.shape.rank < 2:
            continue
        values = variable.numpy()
        if "clustered" in state.traits and (groups := _deliberate_groups(variable, values)):
            parts.append(groups)
        elif "sparse" in state.traits and not values.all():
            parts.append(Mask(variable, values != 0))
    return parts


def kept(model: Any, state: ModelState) -> list[Any]:
    """The Keras callbacks that keep the present zeros and clusters of a model's kernels; empty if there are none."""
    parts = structure_of(model.trainable_variables, state)
    return [keeping(parts)] if parts else []


def groups_of(variable: Any) -> Groups:
    """The groups of equal weights in a kernel, however small they are."""
    return _grouped(variable, *np.unique(variable.numpy(), return_inverse=True, return_counts=True))


def _deliberate_groups(variable: Any, values: NDArray[Any]) -> Groups | None:
    """The groups of equal weights in a kernel; None if there are only as few as chance makes."""
    unique, groups, sizes = np.unique(values, return_inverse=True, return_counts=True)
    alive = np.count_nonzero(values)
    repeated = alive - np.count_nonzero(unique)
    return None if repeated <= _CHANCE * alive**2 else _grouped(variable, unique, groups, sizes)


def _grouped(variable: Any, unique: NDArray[Any], groups: NDArray[Any], sizes: NDArray[Any]) -> Groups:
    exact = unique.dtype == np.float32 and sizes[unique != 0].max(initial=0) <= _EXACT
    scale = np.where(unique == 0, 0, 1 / sizes).astype(np.float32 if exact else np.float64)
    return Groups(variable, groups.reshape(-1).astype(np.int32), scale)


def keeping(parts: Sequence[Mask | Groups]) -> Any:
    """The Keras callback that restores the structure of some kernels after every optimizer step."""
    import tensorflow as tf
    import tf_keras

    @tf.function  # type: ignore[untyped-decorator]
    def restore() -> None:
        for part in parts:
            part.restore()

    class Keeping(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Restores the structure as a part of every step, or after it in a `fit` that asks for no such parts."""

        stateless = True

        def __init__(self) -> None:
            super().__init__()
            self._is_part = False

        def after_step(self) -> None:
            self._is_part = True
            restore()

        def steps_until_call(self) -> int:
            return sys.maxsize

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if not self._is_part:
                restore()

    return Keeping()
