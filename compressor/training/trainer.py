"""The one training loop: every strategy that trains does it through here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Protocol

from compressor.base.errors import StepError
from compressor.base.named_arrays import in_order, is_named
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.observer import Observer
from compressor.data.run_data import RunData
from compressor.measure.evaluation import score_of
from compressor.models.files.ends import model_endings
from compressor.models.litert.endpoint_names import input_names, keras_keys, output_names
from compressor.recipe.training_params import TrainingParams
from compressor.training.distillation import Lessons
from compressor.training.losses import losses_for, refuse_misfit
from compressor.training.training_state import EarlyStop, TrainingState

SMOKE_STEPS = 2
_VALIDATION_BATCH = 512
_LOOKED_AT = 64  # labels, to see whether the loss can be theirs


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
        metrics: Sequence[ConfiguredMetric],
        smoke: bool,
        checkpoints: Checkpoints | None = None,
        teacher: Any = None,
    ) -> None:
        self._step_id = step_id
        self._data = data
        self._seed = seed
        self._observer = observer
        self._metrics = metrics
        self._smoke = smoke
        self._checkpoints = checkpoints
        self._teacher = teacher
        self._fits = 0

    def validation_score(self, content: bytes) -> float:
        """The first metric of a `.tflite` file on the validation split."""
        return score_of(content, self._data.validation, self._metrics[0])

    @property
    def higher_is_better(self) -> bool:
        """Whether more of the first metric is better."""
        return self._metrics[0].metric.higher_is_better

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
            StepError: the loss is unknown, or became NaN or infinite; or the teacher is none for this model.
            DataError: the loss cannot compare the model's outputs with the labels.
        """
        steps, epochs = self.steps_per_epoch(params), self.epochs(params)
        optimizer = _optimizer(params, steps * epochs)
        refuse_misfit(model, params.loss, next(iter(self._data.train.batches(_LOOKED_AT)))[1])
        model.compile(
            optimizer=optimizer,
            loss=losses_for(model, params.loss),
            loss_weights=_loss_weights(model, params.loss_weights),
            metrics=_keras_metrics(model, self._metrics),
        )
        lessons = self._lessons(model, params)
        projections = lessons.variables if lessons else []
        optimizer.build([*model.trainable_variables, *projections])
        stop = None
        if params.early_stopping is not None and not self._smoke:
            stop = EarlyStop(params.early_stopping.patience, params.early_stopping.min_delta, settled_after)
        fit, self._fits = self._fits, self._fits + 1
        state = self._resumed(fit, model, stop, projections)
        self._observer.training_started(self._step_id, epochs, steps)
        if not state.done:
            if state.epoch:
                self._observer.training_resumed(self._step_id, state.epoch)
            reporting = _reporting(self._step_id, self._observer)
            ending = _ending_epochs(state, lambda: self._keep(fit, state, model, projections), epochs)
            train = self._data.train.training_batches(params.batch_size, self._seed, state.epoch, epochs)
            validation = self._data.validation.evaluation_batches(_VALIDATION_BATCH)
            train, validation = _by_keras_names(train, model), _by_keras_names(validation, model)
            _build_metrics(model, train)
            with lessons.given() if lessons else nullcontext():
                model.fit(
                    train,
                    steps_per_epoch=steps,
                    initial_epoch=state.epoch,
                    epochs=epochs,
                    validation_data=validation,
                    callbacks=[*callbacks, reporting, ending],
                    verbose=0,
                )
        if stop is not None and stop.best_weights:
            model.set_weights(stop.best_weights)

    def _lessons(self, model: Any, params: TrainingParams) -> Lessons | None:
        if params.teacher is None:
            return None
        if self._teacher is None:
            raise StepError("the training has a teacher, and the step none", "give the step's own parameters to 'fit'")
        return Lessons(model, self._teacher, params, params.teacher, self._seed)

    def _resumed(self, fit: int, model: Any, stop: EarlyStop | None, projections: Sequence[Any]) -> TrainingState:
        content = self._checkpoints.load(fit) if self._checkpoints else None
        if content is None:
            return TrainingState(0, False, [], [], [], stop)
        state = TrainingState.from_bytes(content, stop)
        model.set_weights(state.weights)
        for variable, value in zip(projections, state.projections, strict=True):
            variable.assign(value)
        for variable, value in zip(_optimizer_variables(model), state.optimizer, strict=True):
            variable.assign(value)
        for generator, value in zip(_generators(model), state.generators, strict=True):
            generator.state.assign(value)
        return state

    def _keep(self, fit: int, state: TrainingState, model: Any, projections: Sequence[Any]) -> None:
        if self._checkpoints is None:
            return
        state.weights = model.get_weights()
        state.optimizer = [variable.numpy() for variable in _optimizer_variables(model)]
        state.generators = [generator.state.numpy() for generator in _generators(model)]
        state.projections = [variable.numpy() for variable in projections]
        self._checkpoints.save(fit, state.to_bytes())


def _loss_weights(model: Any, weights: Mapping[str, float]) -> dict[str, float] | None:
    keys = dict(zip(output_names(model), keras_keys(model), strict=True))
    if unknown := [name for name in weights if name not in keys]:
        what = f"'loss_weights' names the output '{unknown[0]}', and the model has {', '.join(keys)}"
        raise StepError(what, "name one of these")
    return {key: weights.get(name, 1.0) for name, key in keys.items()} if weights and len(keys) > 1 else None


def _keras_metrics(model: Any, metrics: Sequence[ConfiguredMetric]) -> Any:
    """Keras' own metrics to show while training, as `compile` takes them; those of a quantity it does not have are left
    out."""
    import tf_keras

    names, endings = output_names(model), model_endings(model)
    keys = dict(zip(names, keras_keys(model), strict=True))
    found: dict[str, list[Any]] = {key: [] for key in keys.values()}
    for configured in metrics:
        output = configured.output or (names[0] if len(names) == 1 else None)
        metric = configured.metric.keras_name
        if metric is None or output not in keys:
            continue
        lone = dict(zip(names, model.outputs, strict=True))[output].shape[-1] == 1
        if endings[output] == "linear" and (metric == "binary_accuracy" or (metric == "accuracy" and lone)):
            found[keys[output]].append(tf_keras.metrics.BinaryAccuracy(name=metric, threshold=0.0))
        else:
            found[keys[output]].append(metric)
    return found if len(names) > 1 else next(iter(found.values()), [])


def _build_metrics(model: Any, batches: Any) -> None:
    """Make the variables of a model's metrics before its training step is traced.

    A step that makes variables is traced twice, which is half of the time until a deep model trains.
    """
    metrics, outputs = model.compiled_metrics, model._nested_outputs
    metrics.build(outputs, metrics._conform_to_outputs(outputs, batches.element_spec[1]))


def _by_keras_names(batches: Any, model: Any) -> Any:
    """Batches of a model with several inputs or outputs, as Keras takes them: inputs in order, labels by its names."""
    inputs = input_names(model)
    keys = dict(zip(output_names(model), keras_keys(model), strict=True))

    def placed(features: Any, labels: Any) -> tuple[Any, Any]:
        if is_named(features):
            ordered = tuple(in_order(features, inputs or list(features)))
            features = ordered if len(ordered) > 1 else ordered[0]
        if is_named(labels):
            named = {keys[name]: values for name, values in labels.items() if name in keys}
            labels = named if len(keys) > 1 else next(iter(named.values()))
        return features, labels

    features, labels = batches.element_spec
    return batches.map(placed) if is_named(features) or is_named(labels) else batches


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
