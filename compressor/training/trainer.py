"""The one training loop, which every strategy that trains goes through."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar, Protocol

from compressor.base.errors import StepError
from compressor.base.named_arrays import in_order, is_named
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.observer import Observer
from compressor.data.prepared_splits import RunData
from compressor.measure.evaluation import score_of
from compressor.models.litert.conversion.endpoint_names import input_names, keras_keys, output_names, output_shapes
from compressor.recipe.training_params import TrainingParams
from compressor.training.callback_state import (
    random_state,
    refuse_foreign,
    restore,
    restore_random_state,
    states_of,
    without_state,
)
from compressor.training.callbacks import ending_epochs, reporting
from compressor.training.class_weights import class_weights
from compressor.training.compilation import build_metrics, compile_model
from compressor.training.distillation import Distillation
from compressor.training.losses import refuse_misfit
from compressor.training.training_state import EarlyStop, TrainingState

SMOKE_STEPS = 2
_VALIDATION_BATCH = 512
_LABELS_CHECKED = 64  # before a training, for whether the loss can take them


class Checkpoints(Protocol):
    """Keeps the state of a training between epochs. A step may train several times; `fit` counts them from 0."""

    def load(self, fit: int) -> bytes | None:
        """The last state that was saved, if there is one."""

    def save(self, fit: int, state: bytes) -> None:
        """Keep a state instead of the last one."""


class Trainer:
    """Trains Keras models on a run's data, in an order that depends on the seed alone."""

    eagerly: ClassVar[bool] = False  # whether operations run one by one, without a graph, which takes time to build

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
        self.curves: list[list[dict[str, float]]] = []  # figures of each epoch of each training, by name

    def validation_score(self, content: bytes) -> float:
        """The first metric of a `.tflite` file on the validation split."""
        return score_of(content, self._data.validation, self._metrics[0])

    @property
    def higher_is_better(self) -> bool:
        """Whether more of the first metric is better."""
        return self._metrics[0].metric.higher_is_better

    def epochs(self, params: TrainingParams) -> int:
        """How many epochs a training makes at the most."""
        return 1 if self._smoke else params.epochs

    def steps_per_epoch(self, params: TrainingParams) -> int:
        """How many optimizer steps an epoch has; the last batch may be smaller."""
        steps = math.ceil(self._data.train.size / params.batch_size)
        return min(steps, SMOKE_STEPS) if self._smoke else steps

    def fit(self, model: Any, params: TrainingParams, callbacks: Sequence[Any], settled_after: int) -> None:
        """Compile and train a model in place, from where an earlier run was cut if one was.

        Raises:
            StepError: the loss is unknown, or became NaN or infinite, the teacher does not fit the model, or a callback
                is none of tf_keras.
            DataError: the loss cannot compare the model's outputs with the labels.
        """
        refuse_foreign(callbacks)
        steps, epochs = self.steps_per_epoch(params), self.epochs(params)
        refuse_misfit(model, params.loss, next(iter(self._data.train.batches(_LABELS_CHECKED)))[1])
        weights = class_weights(params, output_shapes(model), self._data)
        optimizer = compile_model(model, params, self._metrics, steps * epochs)
        distillation = self._distillation(model, params)
        projections = distillation.variables if distillation else []
        optimizer.build([*model.trainable_variables, *projections])
        stop = None
        if params.early_stopping is not None and not self._smoke:
            stop = EarlyStop(params.early_stopping.patience, params.early_stopping.min_delta, settled_after)
        fit, self._fits = self._fits, self._fits + 1
        state = self._resumed(fit, model, stop, projections, callbacks)
        self._observer.training_started(self._step_id, epochs, steps)
        if state.done:
            _end_again(model, callbacks, state, {"verbose": 0, "epochs": epochs, "steps": steps})
        else:
            if state.epoch:
                self._observer.training_resumed(self._step_id, state.epoch)
            names = dict(zip(keras_keys(model), output_names(model), strict=True))
            progress = reporting(self._step_id, self._observer, names)
            ending = ending_epochs(
                state,
                lambda: _restore(callbacks, state),
                lambda: self._keep(fit, state, model, projections, callbacks),
                epochs,
                names,
            )
            train = self._data.train.training_batches(params.batch_size, self._seed, state.epoch, epochs)
            validation = self._data.validation.evaluation_batches(_VALIDATION_BATCH)
            if weights is not None:
                train = weights.weighted(train)
            train, validation = (_by_keras_names(batches, model, params.loss) for batches in (train, validation))
            build_metrics(model, train)
            model.run_eagerly = self.eagerly
            with distillation.active() if distillation else nullcontext():
                model.fit(
                    train,
                    steps_per_epoch=steps,
                    initial_epoch=state.epoch,
                    epochs=epochs,
                    validation_data=validation,
                    callbacks=[*callbacks, progress, ending],
                    verbose=0,
                )
        self.curves.append(state.figures)
        if stop is not None and stop.best_weights:
            model.set_weights(stop.best_weights)

    def _distillation(self, model: Any, params: TrainingParams) -> Distillation | None:
        if params.teacher is None:
            return None
        if self._teacher is None:
            raise StepError("the training has a teacher, and the step none", "give the step's own parameters to 'fit'")
        return Distillation(model, self._teacher, params, params.teacher, self._seed)

    def _resumed(
        self, fit: int, model: Any, stop: EarlyStop | None, projections: Sequence[Any], callbacks: Sequence[Any]
    ) -> TrainingState:
        stateless = without_state(callbacks)
        fresh = TrainingState(0, False, [], [], [], stop, resumable=not stateless)
        content = self._checkpoints.load(fit) if self._checkpoints else None
        if content is None:
            return fresh
        state = TrainingState.from_bytes(content, stop)
        if not state.resumable:
            self._observer.warned(_begins_anew(self._step_id, state.epoch, stateless))
            return fresh
        model.set_weights(state.weights)
        for variable, value in zip(projections, state.projections, strict=True):
            variable.assign(value)
        for variable, value in zip(_optimizer_variables(model), state.optimizer, strict=True):
            variable.assign(value)
        for generator, value in zip(_generators(model), state.generators, strict=True):
            generator.state.assign(value)
        return state

    def _keep(
        self, fit: int, state: TrainingState, model: Any, projections: Sequence[Any], callbacks: Sequence[Any]
    ) -> None:
        if self._checkpoints is None:
            return
        if not state.resumable:
            kept = TrainingState(state.epoch, False, [], [], [], None, resumable=False)
            self._checkpoints.save(fit, kept.to_bytes())
            return
        state.weights = model.get_weights()
        state.optimizer = [variable.numpy() for variable in _optimizer_variables(model)]
        state.generators = [generator.state.numpy() for generator in _generators(model)]
        state.projections = [variable.numpy() for variable in projections]
        state.callbacks, state.random = states_of(callbacks), random_state()
        self._checkpoints.save(fit, state.to_bytes())


def _restore(callbacks: Sequence[Any], state: TrainingState) -> None:
    """Give callbacks that have begun a training the state that they had after the last epoch, if there was one."""
    if state.epoch:
        restore(callbacks, state.callbacks)
        if state.random is not None:
            restore_random_state(state.random)


def _begins_anew(step_id: str, epoch: int, stateless: Sequence[str]) -> str:
    done = f"{epoch} of its epochs were" if epoch > 1 else "an epoch was"
    return (
        f"'{step_id}' trains from the start again, though {done} done: the callback {' and '.join(stateless)} of its "
        "strategy has no 'get_state' and 'set_state', so that nobody knows what it counted"
    )


def _end_again(model: Any, callbacks: Sequence[Any], state: TrainingState, params: Mapping[str, int]) -> None:
    """Have callbacks end a training whose last epoch an earlier run made: some act on the model only then."""
    for callback in callbacks:
        callback.set_params(params)
        callback.set_model(model)
        callback.on_train_begin()
    _restore(callbacks, state)
    for callback in callbacks:
        callback.on_train_end()


def _by_keras_names(batches: Any, model: Any, loss: str | Mapping[str, str]) -> Any:
    """Batches of named arrays as Keras takes them: inputs in the model's order, labels and weights by Keras' names.

    Labels without a name are those of the only output that has a loss.
    """
    inputs = input_names(model)
    keys = dict(zip(output_names(model), keras_keys(model), strict=True))

    def by_key(values: Any) -> Any:
        named = {keys[name]: array for name, array in values.items() if name in keys}
        return named if len(keys) > 1 else next(iter(named.values()))

    only = next(iter(loss)) if not isinstance(loss, str) and len(loss) == 1 and len(keys) > 1 else None

    def placed(features: Any, labels: Any, *weights: Any) -> tuple[Any, ...]:
        if is_named(features):
            ordered = tuple(in_order(features, inputs or list(features)))
            features = ordered if len(ordered) > 1 else ordered[0]
        if only is not None and not is_named(labels):
            labels = {only: labels}
        return features, *(by_key(values) if is_named(values) else values for values in (labels, *weights))

    return batches.map(placed) if only or any(map(is_named, batches.element_spec)) else batches


def _optimizer_variables(model: Any) -> list[Any]:
    """The variables of an optimizer, with those that Keras does not list: learning rate, and Nadam's product."""
    import tensorflow as tf

    optimizer = model.optimizer
    listed = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
    others = (getattr(optimizer, name, None) for name in ("_learning_rate", "_u_product"))
    return [*listed, *(variable for variable in others if isinstance(variable, tf.Variable))]


def _generators(model: Any) -> list[Any]:
    """The generators of random numbers that layers such as Dropout draw from."""
    wrappers = [getattr(layer, "_random_generator", None) for layer in model._flatten_layers()]
    generators = [getattr(wrapper, "_generator", None) for wrapper in wrappers]
    return [generator for generator in generators if generator is not None]
