"""Keeps zeros and clusters while a model trains on, whatever its layers are.

After every optimizer step each kernel is put back on the nearest kernel of the same structure: weights that were zero
become zero, and weights that were equal become their mean. That is gradient descent on the shared values alone (Han et
al. 2016, arXiv 1510.00149, section 3.3). tfmot's schemes for it know only Conv2D and Dense, and with zeros and
clusters together they lose the weights of 1x1 convolutions (tensorflow/model-optimization, issue 979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor import ModelState

_CHANCE = 2.0**-22  # share of weights that may be equal by chance, for each weight of a kernel: random has 23 bits
_EXACT = 2**14  # weights of a group up to which a sum in float32 is exact enough to be made anew in every step


@dataclass(frozen=True)
class Mask:
    """A kernel whose zeros stay."""

    variable: Any
    mask: Any

    def restore(self) -> None:
        """Zero what was zero."""
        import tensorflow as tf

        self.variable.assign(tf.where(self.mask, self.variable, 0))  # a product would leave zeros with a sign


@dataclass(frozen=True)
class Groups:
    """A kernel whose weights stay equal where they were. `groups` has the group of each, `scale` 1 / its size."""

    variable: Any
    groups: Any
    scale: Any

    def restore(self) -> None:
        """Give each group its mean; the scale of the group of zeros is 0."""
        import tensorflow as tf

        values = tf.cast(tf.reshape(self.variable, [-1]), self.scale.dtype)
        sums = tf.math.unsorted_segment_sum(values, self.groups, len(self.scale))
        means = tf.cast(sums * self.scale, self.variable.dtype)
        self.variable.assign(tf.reshape(tf.gather(means, self.groups), self.variable.shape))


def structure_of(variables: Sequence[Any], state: ModelState) -> list[Mask | Groups]:
    """What there is to keep in the kernels among the variables, by what the state says was made in earlier steps."""
    found: list[Mask | Groups] = []
    for variable in variables:
        if variable.shape.rank < 2:
            continue
        values = variable.numpy()
        if "clustered" in state.traits and (groups := _groups(variable, values)):
            found.append(groups)
        elif "sparse" in state.traits and not values.all():
            found.append(Mask(variable, values != 0))
    return found


def kept(model: Any, state: ModelState) -> list[Any]:
    """The Keras callbacks that keep the structure of the model's kernels as it is now; none where there is none."""
    parts = structure_of(model.trainable_variables, state)
    return [keeping(parts)] if parts else []


def groups_of(variable: Any) -> Groups:
    """The weights of a kernel that are equal, however few share a value."""
    return _grouped(variable, *np.unique(variable.numpy(), return_inverse=True, return_counts=True))


def _groups(variable: Any, values: NDArray[Any]) -> Groups | None:
    """The same, but none where weights that are equal are equal by chance."""
    unique, groups, sizes = np.unique(values, return_inverse=True, return_counts=True)
    alive = np.count_nonzero(values)
    repeated = alive - np.count_nonzero(unique)
    return None if repeated <= _CHANCE * alive**2 else _grouped(variable, unique, groups, sizes)


def _grouped(variable: Any, unique: NDArray[Any], groups: NDArray[Any], sizes: NDArray[Any]) -> Groups:
    exact = unique.dtype == np.float32 and sizes[unique != 0].max(initial=0) <= _EXACT
    scale = np.where(unique == 0, 0, 1 / sizes).astype(np.float32 if exact else np.float64)
    return Groups(variable, groups.reshape(-1).astype(np.int32), scale)


def keeping(parts: Sequence[Mask | Groups]) -> Any:
    """The Keras callback that restores them behind every optimizer step."""
    import tensorflow as tf
    import tf_keras

    @tf.function  # type: ignore[untyped-decorator]
    def restore() -> None:
        for part in parts:
            part.restore()

    class Keeping(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Restores the structure behind every optimizer step."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            restore()

    return Keeping()
