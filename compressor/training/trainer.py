"""The one training loop, which every strategy that trains goes through."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar, Protocol

from compressor.base.errors import StepError
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.observer import Observer
from compressor.data.prepared_splits import RunData
from compressor.measure.evaluation import score_of
from compressor.models.litert.conversion.endpoint_names import keras_keys, output_names, output_shapes
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
from compressor.training.distribution import (
    assign_values,
    averaging,
    loss_by_share,
    refuse_unshareable,
    score_of_first,
    shared,
    validation_batch_size,
    values_everywhere,
    values_here,
)
from compressor.training.executions import many_at_once, one_by_one
from compressor.training.half_precision import computing_in_bfloat16, refuse_uncomputable
from compressor.training.keras_batches import by_keras_names
from compressor.training.losses import refuse_misfit
from compressor.training.model_variables import generators, optimizer_variables
from compressor.training.training_state import EarlyStop, TrainingState

SMOKE_STEPS = 2
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
        strategy: Any = None,
        bfloat16: bool = False,
    ) -> None:
        """Prepare to train for a step.

        Args:
            step_id: of the step.
            data: to train and validate with.
            seed: of the order of samples.
            observer: is told of the progress.
            metrics: shown while it trains; the first one scores files.
            smoke: whether to train for a few steps only.
            checkpoints: keeps the state of each training between its epochs.
            teacher: the model that is learned from, if the parameters say so.
            strategy: the `tf.distribute` strategy in whose scope models are made; None on one device.
            bfloat16: whether layers compute in bfloat16 while they train.
        """
        self._step_id = step_id
        self._data = data
        self._seed = seed
        self._observer = observer
        self._metrics = metrics
        self._smoke = smoke
        self._checkpoints = checkpoints
        self._teacher = teacher
        self._strategy = strategy
        self._bfloat16 = bfloat16
        self.remarks: list[str] = []  # on how trainings were done
        self._fits = 0
        self.curves: list[list[dict[str, float]]] = []  # figures of each epoch of each training, by name

    def validation_score(self, content: bytes) -> float:
        """The first metric of a `.tflite` file on the validation split."""
        score = score_of(content, self._data.validation, self._metrics[0])
        return score if self._strategy is None else score_of_first(score)

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
        if self._strategy is not None:
            refuse_unshareable(model, self._strategy)
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
            if weights is not None:
                train = weights.weighted(train)
            train = by_keras_names(train, model, params.loss)
            build_metrics(model, train)
            # without a graph, devices may meet in another order than the sums that they share
            model.run_eagerly = self.eagerly and self._strategy is None
            with ExitStack() as during:
                if self._bfloat16:
                    self._compute_in_bfloat16(model, during)
                if distillation:
                    during.enter_context(distillation.active())
                if self._strategy is None:
                    called = during.enter_context(many_at_once(model, callbacks, steps * epochs))
                else:
                    train = shared(train, self._strategy)
                    during.enter_context(loss_by_share(model, self._strategy))
                    called = [averaging(model), *one_by_one(callbacks)]
                model.fit(
                    train,
                    steps_per_epoch=steps,
                    initial_epoch=state.epoch,
                    epochs=epochs,
                    **self._validation(model, params),
                    callbacks=[*called, progress, ending],
                    verbose=0,
                )
        self.curves.append(state.figures)
        if stop is not None and stop.best_weights:
            model.set_weights(stop.best_weights)

    def _validation(self, model: Any, params: TrainingParams) -> dict[str, Any]:
        """What Keras validates each epoch on."""
        split, strategy = self._data.validation, self._strategy
        batch_size = validation_batch_size(split.size, strategy.num_replicas_in_sync if strategy is not None else 1)
        batches = by_keras_names(split.evaluation_batches(batch_size), model, params.loss)
        if strategy is None:
            return {"validation_data": batches}
        steps = math.ceil(split.size / batch_size)
        return {"validation_data": shared(batches, strategy), "validation_steps": steps}

    def _compute_in_bfloat16(self, model: Any, during: ExitStack) -> None:
        left = during.enter_context(computing_in_bfloat16(model))
        inputs = by_keras_names(self._data.train.evaluation_batches(1), model, "")
        refuse_uncomputable(model, next(iter(inputs))[0])
        remark = f"trained in bfloat16; in float32: {', '.join(left)}" if left else "trained in bfloat16"
        if remark not in self.remarks:
            self.remarks.append(remark)

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
        for variable, value in zip(optimizer_variables(model), state.optimizer, strict=True):
            variable.assign(value)
        for generator, value in zip(generators(model), state.generators, strict=True):
            assign_values(generator.state, values_here(value, self._strategy))
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
        state.optimizer = [variable.numpy() for variable in optimizer_variables(model)]
        state.generators = [values_everywhere(generator.state, self._strategy) for generator in generators(model)]
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
