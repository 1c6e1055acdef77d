"""The Keras callbacks of every training: one keeps its state between epochs, one tells the observer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from compressor.base.errors import StepError
from compressor.contracts.observer import Observer
from compressor.training.training_state import TrainingState


class DivergedError(StepError):
    """The loss became NaN or infinite."""


def ending_epochs(
    state: TrainingState, begin: Callable[[], None], keep: Callable[[], None], epochs: int, names: Mapping[str, str]
) -> Any:
    """The callback that ends each epoch, and so comes last.

    It refuses a loss that is not finite, decides on early stopping, and has the state kept.

    Args:
        state: of the training, brought up to date after each epoch.
        begin: is called once all other callbacks have begun the training.
        keep: saves it, with the model's weights.
        epochs: that the training makes at the most.
        names: of the model's outputs, by the names that Keras has for them.
    """
    import tf_keras

    class EndingEpochs(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Ends an epoch after all other callbacks."""

        def on_train_begin(self, logs: Any = None) -> None:
            begin()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            losses = [float((logs or {})[name]) for name in ("loss", "val_loss")]
            if not all(math.isfinite(loss) for loss in losses):
                raise DivergedError(f"the loss became {losses[0]:g} in epoch {epoch + 1}", "lower the learning rate")
            state.figures.append({name: float(f"{figure:.6g}") for name, figure in _named(logs, names).items()})
            stopped = state.stop is not None and state.stop.judge(epoch, losses[1], self.model.get_weights())
            state.epoch = epoch + 1
            state.done = stopped or state.epoch == epochs or self.model.stop_training
            if stopped:
                self.model.stop_training = True
            keep()

    return EndingEpochs()


def reporting(step_id: str, observer: Observer, names: Mapping[str, str]) -> Any:
    """The callback that tells an observer of Keras' progress in a step.

    Args:
        step_id: of the step.
        observer: is told.
        names: of the model's outputs, by the names that Keras has for them.
    """
    import tf_keras

    class Reporting(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Tells the observer of batches and epochs."""

        _supports_tf_logs = True  # keeps Keras from converting every batch's logs for everyone

        def __init__(self) -> None:
            super().__init__()
            self._epoch, self._next = 0, 0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch, self._next = epoch, 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch >= self._next:
                self._next = batch + 10
                observer.batch_finished(step_id, self._epoch, batch, _named(logs, names))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            observer.epoch_finished(step_id, epoch, _named(logs, names))

    return Reporting()


def _named(logs: Any, names: Mapping[str, str]) -> dict[str, float]:
    """Keras' figures, with the outputs' own names in them: `age_loss`, and not `quant_age_loss`."""
    named = {}
    for key, value in (logs or {}).items():
        prefix, bare = ("val_", key.removeprefix("val_")) if key.startswith("val_") else ("", key)
        output = max((name for name in names if bare.startswith(f"{name}_")), key=len, default="")
        named[f"{prefix}{names.get(output, '')}{bare.removeprefix(output)}"] = float(value)
    return named
