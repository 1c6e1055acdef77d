"""The Keras callback that prunes while a model trains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compressor_plugins.prune.goals import Goal
from compressor_plugins.prune.schedule import Schedule


def pruning(goals: Sequence[Goal], schedule: Schedule, steps_per_epoch: int, keeps_zeros: bool) -> Any:
    """The Keras callback that zeroes weights behind every optimizer step.

    tfmot's wrappers are not used for it: they know too few layers (no Bidirectional, no TimeDistributed, no attention
    that was loaded from a file), and their default schedule leaves a run of under 100 steps unpruned.
    """
    import tensorflow as tf
    import tf_keras

    kernels = [kernel for goal in goals for kernel in goal.kernels]
    free = [kernel.numpy() != 0 if keeps_zeros else np.ones(kernel.shape, bool) for kernel in kernels]
    masks = [tf.Variable(stays, trainable=False) for stays in free]

    @tf.function  # type: ignore[untyped-decorator]
    def zero() -> None:
        for kernel, mask in zip(kernels, masks, strict=True):
            kernel.assign(tf.where(mask, kernel, 0))  # a product would leave zeros with a sign

    class Pruning(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Chooses the weights of largest magnitude when it is due, and zeroes the others after each step."""

        def __init__(self) -> None:
            super().__init__()
            self._step = 0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if self._step == 0 and epoch:  # a training that goes on finds its masks in the weights
                for kernel, mask in zip(kernels, masks, strict=True):
                    mask.assign(tf.not_equal(kernel, 0))
            self._step = epoch * steps_per_epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._step += 1
            if schedule.is_due(self._step):
                self._choose()
            zero()

        def _choose(self) -> None:
            weights = [kernel.numpy() * stays for kernel, stays in zip(kernels, free, strict=True)]
            start = 0
            for goal in goals:
                end = start + len(goal.kernels)
                chosen = goal.choose(weights[start:end], schedule.sparsity(self._step, goal.final))
                for mask, stays, may_stay in zip(masks[start:end], chosen, free[start:end], strict=True):
                    mask.assign(stays & may_stay)
                start = end

    return Pruning()
