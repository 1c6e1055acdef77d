"""The Keras callback that prunes a model while it trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from compressor_plugins.prune.goals import Goal
from compressor_plugins.prune.schedule import Schedule

_LOOK_AHEAD = 1000  # steps that are searched for the next one at which the masks change


def pruning(goals: Sequence[Goal], schedule: Schedule, keeps_zeros: bool) -> Any:
    """The Keras callback that sets pruned weights to zero after every optimizer step.

    tfmot's wrappers are not used here: they support too few layers (no Bidirectional, no TimeDistributed, no attention
    layer loaded from a file), and their default schedule prunes nothing in a run of fewer than 100 steps.

    Args:
        goals: the kernels to prune, and the sparsity to reach in each.
        schedule: sparsity by optimizer step.
        keeps_zeros: whether weights that are zero now stay zero, as an earlier step pruned them.
    """
    import tensorflow as tf
    import tf_keras

    kernels = [kernel for goal in goals for kernel in goal.kernels]
    allowed = [kernel.numpy() != 0 if keeps_zeros else np.ones(kernel.shape, bool) for kernel in kernels]
    masks = [tf.Variable(mask, trainable=False) for mask in allowed]

    @tf.function  # type: ignore[untyped-decorator]
    def apply_masks() -> None:
        for kernel, mask in zip(kernels, masks, strict=True):
            kernel.assign(tf.where(mask, kernel, 0))  # multiplying by the mask would give negative zeros

    class Pruning(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Updates the masks when the schedule says so, and applies them after every optimizer step."""

        def __init__(self) -> None:
            super().__init__()
            self._before_epoch = self._step = 0

        def get_state(self) -> list[Any]:
            return [np.packbits(mask.numpy()) for mask in masks]

        def set_state(self, state: list[Any]) -> None:
            for mask, bits in zip(masks, state, strict=True):
                mask.assign(np.unpackbits(bits, count=math.prod(mask.shape)).reshape(mask.shape).astype(bool))

        def before_step(self) -> None:
            apply_masks()

        def steps_until_call(self) -> int:
            ahead = range(1, _LOOK_AHEAD)
            return next((steps for steps in ahead if schedule.is_due(self._step + steps)), _LOOK_AHEAD)

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._before_epoch = epoch * self.params["steps"]

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._step = self._before_epoch + batch + 1
            if schedule.is_due(self._step):
                self._update_masks()
            apply_masks()

        def _update_masks(self) -> None:
            weights = [kernel.numpy() * may_stay for kernel, may_stay in zip(kernels, allowed, strict=True)]
            start = 0
            for goal in goals:
                end = start + len(goal.kernels)
                chosen = goal.choose(weights[start:end], schedule.sparsity(self._step, goal.final))
                for mask, stays, may_stay in zip(masks[start:end], chosen, allowed[start:end], strict=True):
                    mask.assign(stays & may_stay)
                start = end

    return Pruning()
