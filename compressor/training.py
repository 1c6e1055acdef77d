"""The one training loop: every strategy that trains does it through here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from compressor.data import RunData
from compressor.errors import StepError
from compressor.observer import Observer
from compressor.params import TrainingParams

SMOKE_STEPS = 2
_VALIDATION_BATCH = 512


class Trainer:
    """Trains Keras models on a run's data, in an order that only the seed decides."""

    def __init__(
        self, step_id: str, data: RunData, seed: int, observer: Observer, metrics: Sequence[str], smoke: bool
    ) -> None:
        self._step_id = step_id
        self._data = data
        self._seed = seed
        self._observer = observer
        self._metrics = list(metrics)
        self._smoke = smoke

    def epochs(self, params: TrainingParams) -> int:
        """How many epochs a training makes, at the most."""
        return 1 if self._smoke else params.epochs

    def steps_per_epoch(self, params: TrainingParams) -> int:
        """How many optimizer steps an epoch has; the last batch may be smaller."""
        steps = math.ceil(self._data.train.size / params.batch_size)
        return min(steps, SMOKE_STEPS) if self._smoke else steps

    def fit(self, model: Any, params: TrainingParams, callbacks: Sequence[Any], settled_after: int) -> None:
        """Compile and train a model in place.

        Raises:
            StepError: the loss is unknown, or became NaN.
        """
        import tf_keras

        steps, epochs = self.steps_per_epoch(params), self.epochs(params)
        model.compile(
            optimizer=_optimizer(params, steps * epochs),
            loss=loss_for(model, params.loss),
            metrics=self._metrics,
        )
        watchers = [*callbacks, _reporting(self._step_id, self._observer), tf_keras.callbacks.TerminateOnNaN()]
        if params.early_stopping is not None and not self._smoke:
            watchers.append(
                tf_keras.callbacks.EarlyStopping(
                    monitor="val_loss",
                    patience=params.early_stopping.patience,
                    min_delta=params.early_stopping.min_delta,
                    restore_best_weights=True,
                    start_from_epoch=settled_after,
                )
            )
        self._observer.training_started(self._step_id, epochs, steps)
        history = model.fit(
            self._data.train.training_batches(params.batch_size, self._seed, 0, epochs),
            steps_per_epoch=steps,
            epochs=epochs,
            validation_data=self._data.validation.evaluation_batches(_VALIDATION_BATCH),
            callbacks=watchers,
            verbose=0,
        )
        if any(math.isnan(loss) for loss in history.history.get("loss", [])):
            raise StepError("the training loss became NaN", "lower the learning rate")


def loss_for(model: Any, name: str) -> Any:
    """The Keras loss of that name, told whether the model ends in logits or in probabilities.

    Raises:
        StepError: Keras has no such loss.
    """
    import tf_keras

    try:
        loss = tf_keras.losses.get(name)
    except ValueError:
        raise StepError(f"Keras has no loss '{name}'", "use one of its names, such as 'mse'") from None
    classes = {
        "sparse_categorical_crossentropy": tf_keras.losses.SparseCategoricalCrossentropy,
        "categorical_crossentropy": tf_keras.losses.CategoricalCrossentropy,
        "binary_crossentropy": tf_keras.losses.BinaryCrossentropy,
    }
    return classes[name](from_logits=_ends_in_logits(model)) if name in classes else loss


def _ends_in_logits(model: Any) -> bool:
    layer = model.get_layer(model.output_names[0])
    while hasattr(layer, "layer"):  # tfmot's wrappers
        layer = layer.layer
    if type(layer).__name__ == "Softmax":
        return False
    activation = getattr(layer, "activation", None)
    activation = getattr(activation, "activation", activation)  # tfmot's QuantizeAwareActivation
    return getattr(activation, "__name__", "linear") not in ("softmax", "sigmoid")


def _optimizer(params: TrainingParams, total_steps: int) -> Any:
    import tf_keras

    rate: Any = params.learning_rate
    if params.decay == "cosine":
        rate = tf_keras.optimizers.schedules.CosineDecay(params.learning_rate, total_steps)
    classes = {
        "adam": tf_keras.optimizers.Adam,
        "adamw": tf_keras.optimizers.AdamW,
        "nadam": tf_keras.optimizers.Nadam,
        "rmsprop": tf_keras.optimizers.RMSprop,
        "sgd": lambda learning_rate: tf_keras.optimizers.SGD(learning_rate, momentum=0.9, nesterov=True),
    }
    return classes[params.optimizer](learning_rate=rate)


def _reporting(step_id: str, observer: Observer) -> Any:
    import tf_keras

    class Reporting(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Passes Keras' progress on to the observer."""

        _supports_tf_logs = True  # keeps Keras from converting every batch's logs for everyone

        def __init__(self) -> None:
            super().__init__()
            self._epoch = 0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._epoch = epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch % 10 == 0:
                observer.batch_finished(step_id, self._epoch, batch, {k: float(v) for k, v in (logs or {}).items()})

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            observer.epoch_finished(step_id, epoch, {k: float(v) for k, v in (logs or {}).items()})

    return Reporting()
