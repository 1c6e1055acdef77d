"""Applies a step: loads the model from its file, and calls the strategy."""

from __future__ import annotations

import time
from collections.abc import Callable

from compressor.contracts.context import StepContext
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.observer import Observer
from compressor.data.prepared_splits import RunData
from compressor.models.files.devices import device_count
from compressor.run.stages.apply_strategy import apply_strategy
from compressor.run.stages.measure_stage import opened
from compressor.run.stages.model_file import ModelFacts
from compressor.run.stages.saved_model import SavedModel
from compressor.run.stages.stage_store import Made
from compressor.run.stages.step_result import layers_of, trains
from compressor.training.distribution import strategy_for
from compressor.training.trainer import Checkpoints, Trainer


def make_step(
    step: PlannedStep, before: SavedModel, data: RunData, teacher: SavedModel | None, observer: Observer
) -> Callable[[Checkpoints], Made]:
    """A function that applies a step, given where to keep the checkpoints of its trainings.

    Args:
        step: the step.
        before: the model that the step gets.
        data: the data that the step may train and calibrate on.
        teacher: the model that the step learns from, if it has one.
        observer: is told about the trainings.
    """

    def make(checkpoints: Checkpoints) -> Made:
        started = time.perf_counter()
        plan = before.plan
        strategy = strategy_for(plan.runtime) if trains(step) else None
        # before the model, whose load resets the random numbers
        teacher_model = teacher.load(strategy) if teacher else None
        trainer = Trainer(
            step_id=step.id,
            data=data,
            seed=plan.seed,
            observer=observer,
            metrics=plan.metrics,
            smoke=plan.smoke,
            checkpoints=checkpoints,
            teacher=teacher_model,
            strategy=strategy,
            bfloat16=plan.runtime.mixed_precision == "bfloat16",
        )
        context = StepContext(
            state=step.before, train=data.train, trainer=trainer, seed=plan.seed, converted=before.converted
        )
        model = before.load(strategy)
        model = apply_strategy(step, model, context, before.load, strategy)
        context.notes.extend(trainer.remarks)
        if trainer.curves and strategy is None and device_count(plan.runtime) > 1:
            context.note("trained on one device, since its parameters are not those of a step that trains")
        if isinstance(model, bytes) and before.file.is_keras:
            model, notes = opened(model, before.load() if before.was_open else None, before, data.train)
            context.notes.extend(notes)
        seconds = time.perf_counter() - started
        curves = tuple(map(tuple, trainer.curves))
        return model, ModelFacts(layers_of(model), tuple(context.notes), seconds, context.left_alone, curves)

    return make
