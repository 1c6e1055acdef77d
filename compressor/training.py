"""The one training loop: every strategy that trains does it through here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

from compressor.data import RunData
from compressor.errors import StepError
from compressor.observer import Observer
from compressor.params import TrainingParams
from compressor.training_state import EarlyStop, TrainingState

SMOKE_STEPS = 2
_VALIDATION_BATCH = 512


class Checkpoints(Protocol):
    """Where the state of a training is kept between its epochs. A step may train several times: `fit` counts from 0."""

    def load(self, fit: int) -> bytes | None:
        """The state last saved, if there is one."""

    def save(self, fit: int, state: bytes) -> None:
        """Keep a state in place of the last one."""


class Trainer:
    """Trains Keras models on a run's data, in an order that only the seed decides."""

    def __init__(
        self,
        step_id: str,
        data: RunData,
        seed: int,
        observer: Observer,
        metrics: Sequence[str],
        smoke: bool,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self._step_id = step_id
        self._data = data
        self._seed = seed
        self._observer = observer
        self._metrics = list(metrics)
        self._smoke = smoke
        self._checkpoints = checkpoints
        self._fits = 0

    def epochs(self, params: TrainingParams) -> int:
        """How many epochs a training makes, at the most."""
        return 1 if self._smoke else params.epochs

    def steps_per_epoch(self, params: TrainingParams) -> int:
        """How many optimizer steps an epoch has; the last batch may be smaller."""
        steps = math.ceil(self._data.train.size / params.batch_size)
        return min(steps, SMOKE_STEPS) if self._smoke else steps

    def fit(self, model: Any, params: TrainingParams, callbacks: Sequence[Any], settled_after: int) -> None:
        """Compile and train a model in place, from where an earlier try was cut, if it was.

        Raises:
            StepError: the loss is unknown, or became NaN or infinite.
        """
        steps, epochs = self.steps_per_epoch(params), self.epochs(params)
        optimizer = _optimizer(params, steps * epochs)
        model.compile(optimizer=optimizer, loss=loss_for(model, params.loss), metrics=self._metrics)
        optimizer.build(model.trainable_variables)
        stop = None
        if params.early_stopping is not None and not self._smoke:
            stop = EarlyStop(params.early_stopping.patience, params.early_stopping.min_delta, settled_after)
        fit, self._fits = self._fits, self._fits + 1
        state = self._resumed(fit, model, stop)
        self._observer.training_started(self._step_id, epochs, steps)
        if not state.done:
            if state.epoch:
                self._observer.training_resumed(self._step_id, state.epoch)
            reporting = _reporting(self._step_id, self._observer)
            ending = _ending_epochs(state, lambda: self._keep(fit, state, model), epochs)
            model.fit(
                self._data.train.training_batches(params.batch_size, self._seed, state.epoch, epochs),
                steps_per_epoch=steps,
                initial_epoch=state.epoch,
                epochs=epochs,
                validation_data=self._data.validation.evaluation_batches(_VALIDATION_BATCH),
                callbacks=[*callbacks, reporting, ending],
                verbose=0,
            )
        if stop is not None and stop.best_weights:
            model.set_weights(stop.best_weights)

    def _resumed(self, fit: int, model: Any, stop: EarlyStop | None) -> TrainingState:
        content = self._checkpoints.load(fit) if self._checkpoints else None
        if content is None:
            return TrainingState(0, False, [], [], [], stop)
        state = TrainingState.from_bytes(content, stop)
        model.set_weights(state.weights)
        for variable, value in zip(_optimizer_variables(model), state.optimizer, strict=True):
            variable.assign(value)
        for generator, value in zip(_generators(model), state.generators, strict=True):
            generator.state.assign(value)
        return state

    def _keep(self, fit: int, state: TrainingState, model: Any) -> None:
        if self._checkpoints is None:
            return
        state.weights = model.get_weights()
        state.optimizer = [variable.numpy() for variable in _optimizer_variables(model)]
        state.generators = [generator.state.numpy() for generator in _generators(model)]
        self._checkpoints.save(fit, state.to_bytes())


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
        "nadam": tf_keras.optimizers.Nadam,
        "rmsprop": tf_keras.optimizers.RMSprop,
        "sgd": partial(tf_keras.optimizers.SGD, momentum=0.9, nesterov=True),
    }
    return classes[params.optimizer](learning_rate=rate, weight_decay=params.weight_decay or None)


def _optimizer_variables(model: Any) -> list[Any]:
    variables = model.optimizer.variables
    return list(variables() if callable(variables) else variables)


def _generators(model: Any) -> list[Any]:
    """The generators of random numbers that layers such as Dropout draw from."""
    held = [getattr(layer, "_random_generator", None) for layer in model._flatten_layers()]
    found = [getattr(generator, "_generator", None) for generator in held]
    return [generator for generator in found if generator is not None]


def _ending_epochs(state: TrainingState, keep: Callable[[], None], epochs: int) -> Any:
    import tf_keras

    class EndingEpochs(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Judges each epoch when all other callbacks are through with it, and keeps the state it leaves."""

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            losses = [float((logs or {})[name]) for name in ("loss", "val_loss")]
            if not all(math.isfinite(loss) for loss in losses):
                raise StepError(f"the loss became {losses[0]:g} in epoch {epoch + 1}", "lower the learning rate")
            stopped = state.stop is not None and state.stop.judge(epoch, losses[1], self.model.get_weights())
            state.epoch = epoch + 1
            state.done = stopped or state.epoch == epochs
            if stopped:
                self.model.stop_training = True
            keep()

    return EndingEpochs()


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
