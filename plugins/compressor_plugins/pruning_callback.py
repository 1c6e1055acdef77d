"""The Keras callback that prunes while a model trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compressor_plugins.pruning_goals import Goal
from compressor_plugins.pruning_schedule import Schedule


def pruning(goals: Sequence[Goal], schedule: Schedule, steps_per_epoch: int, keeps_zeros: bool) -> Any:
    """The Keras callback that zeroes weights behind every optimizer step.

    tfmot's wrappers are not used for it: they know too few layers (no Bidirectional, no TimeDistributed, no attention
    that was loaded from a file), and their default schedule leaves a run of under 100 steps unpruned.
    """
    import tensorflow as tf
    import tf_keras

    kernels = [kernel for goal in goals for kernel in goal.kernels]
    masks = [tf.Variable(tf.ones(kernel.shape, tf.bool), trainable=False) for kernel in kernels]

    @tf.function  # type: ignore[untyped-decorator]
    def zero() -> None:
        for kernel, mask in zip(kernels, masks, strict=True):
            kernel.assign(tf.where(mask, kernel, 0))  # a product would leave zeros with a sign

    class Pruning(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Chooses the weights of largest magnitude when it is due, and zeroes the others after each step."""

        def __init__(self) -> None:
            super().__init__()
            self._step = 0
            self._fixed: list[Any] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if self._step == 0 and (epoch or keeps_zeros):  # a training that goes on finds its masks in the weights
                for kernel, mask in zip(kernels, masks, strict=True):
                    mask.assign(tf.not_equal(kernel, 0))
            if not self._fixed:
                self._fixed = [mask.numpy() if keeps_zeros else np.True_ for mask in masks]
            self._step = epoch * steps_per_epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._step += 1
            if schedule.is_due(self._step):
                self._choose()
            zero()

        def _choose(self) -> None:
            weights = [kernel.numpy() * fixed for kernel, fixed in zip(kernels, self._fixed, strict=True)]
            start = 0
            for goal in goals:
                end = start + len(goal.kernels)
                chosen = goal.choose(weights[start:end], schedule.sparsity(self._step, goal.final))
                for mask, stays, fixed in zip(masks[start:end], chosen, self._fixed[start:end], strict=True):
                    mask.assign(stays & fixed)
                start = end

    return Pruning()
