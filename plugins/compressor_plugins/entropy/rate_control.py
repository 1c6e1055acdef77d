"""The Keras callback that renews the code lengths while a model trains, and steers their weight in the loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from compressor_plugins.entropy.quantized_kernels import QuantizedKernel

_PERIOD = 40  # optimizer steps, after which code lengths are renewed, and the weight with them
_FIRMNESS = 0.5  # power of the ratio of the bytes to those wanted, by which the weight changes
_MOST_CHANGE = 1.25  # times, at once
_LEAST_WEIGHT, _MOST_WEIGHT = 1e-9, 1e-1


@dataclass(frozen=True)
class Goal:
    """Bytes of the weights to come down to, by this optimizer step."""

    size: float
    ramp: int

    def wanted(self, first: float, step: int) -> float:
        """Bytes after a step, when there were `first` to begin with: the same share less at every step."""
        share = min(1.0, step / self.ramp)
        return math.exp((1 - share) * math.log(first) + share * math.log(min(self.size, first)))


def rate_control(kernels: Sequence[QuantizedKernel], weight: Any, goal: Goal | None, coded: Callable[[], int]) -> Any:
    """The callback.

    After each epoch it compares the model of code lengths with what the coder writes for the weights of then, and
    goes by their ratio in the next.

    Args:
        kernels: whose code lengths are renewed.
        weight: of a bit in the loss, a variable.
        goal: what to steer the weight by; without one it stays.
        coded: gives the bytes that the coder writes for the kernels.
    """
    import tf_keras

    class RateControl(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Renews code lengths at regular steps and after every epoch, and changes the weight of a bit."""

        def __init__(self) -> None:
            super().__init__()
            self._before_epoch, self._step, self._first = 0, 0, math.nan
            self._ratio = coded() / self._expected()

        def get_state(self) -> list[Any]:
            return [self._first, self._ratio, float(weight.numpy())]

        def set_state(self, state: list[Any]) -> None:
            self._first, self._ratio, last = state
            weight.assign(last)
            self._refresh()

        def steps_until_call(self) -> int:
            return _PERIOD - self._step % _PERIOD

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._before_epoch = epoch * self.params["steps"]

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._step = self._before_epoch + batch + 1
            if self._step % _PERIOD == 0:
                self._refresh()
                if goal is not None:
                    self._steer(goal)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._refresh()
            self._ratio = coded() / self._expected()

        def _refresh(self) -> None:
            for kernel in kernels:
                kernel.refresh()

        def _expected(self) -> float:
            return max(1.0, sum(kernel.bits for kernel in kernels) / 8)

        def _steer(self, goal: Goal) -> None:
            size = self._ratio * self._expected()
            if math.isnan(self._first):
                self._first = size
            change = (size / goal.wanted(self._first, self._step)) ** _FIRMNESS
            changed = float(weight.numpy()) * min(max(change, 1 / _MOST_CHANGE), _MOST_CHANGE)
            weight.assign(min(max(changed, _LEAST_WEIGHT), _MOST_WEIGHT))

    return RateControl()
