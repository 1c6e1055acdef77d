"""Rehearses a chain of steps on the untrained model, so that what the model's layers rule out is refused at once.

Trainings take two steps of two samples, outside of graphs, which cost more to build than such steps to run. Files are
saved and loaded as in a run, in a folder of their own. The training of the baseline is left out: it comes next, and
shows in seconds itself what it cannot do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from compressor.base.errors import StepError
from compressor.base.plugin_errors import fenced
from compressor.base.types import Arrays, Model
from compressor.contracts.context import StepContext
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.observer import Observer
from compressor.data.prepared_splits import RunData
from compressor.models.litert.conversion.converter import to_litert
from compressor.planning.layer_pattern_check import refuse_unmatched
from compressor.recipe.training_params import TrainingParams
from compressor.run.stages.apply_strategy import apply_strategy
from compressor.run.stages.measure_stage import conversion
from compressor.run.stages.model_file import ModelFacts, ModelFile, saved
from compressor.run.stages.saved_model import SavedModel, describe_origin
from compressor.run.stages.step_result import layers_of, named, refuse_left_alone
from compressor.training.callbacks import DivergedError
from compressor.training.trainer import SMOKE_STEPS, Trainer

_SAMPLES = 2  # in a batch, and for validation
_CALIBRATION = 8


def rehearse(
    source: SavedModel,
    data: RunData,
    teacher_of: Callable[[PlannedStep], SavedModel | None],
    judge: Callable[[bytes, bool], None] | None = None,
) -> None:
    """Take all steps of a plan on the model that it starts from.

    Steps whose result depends on trained weights or on scores are left out, with all that follows if they make another
    kind of model.

    Args:
        source: the model, untrained.
        data: of the run.
        teacher_of: gives the untrained model of the one that a step learns from.
        judge: is given the file or package of the last step, and whether all steps were taken on the way there.

    Raises:
        StepError: a step, or the export after it, refuses the model.
    """
    few = replace(data, validation=data.validation.take(_SAMPLES), test=data.test.take(_SAMPLES))
    with tempfile.TemporaryDirectory() as folder:
        model, whole = source, True
        loaded: Model | None = None  # that model, if it was loaded already
        for step in source.plan.stages:
            if step.strategy.scores or step.strategy.depends_on_weights:
                if step.after.format != step.before.format:
                    return
                whole = False
                continue
            layers = model.file.facts.layers
            refuse_unmatched(source.plan.recipe, [step], layers, gone=source.file.facts.layers)
            if step is source.plan.baseline and step.teacher is None:  # a teacher may have to be trained before it
                loaded = source.load()
                model = _converted(loaded, source.after(step, source.file), few)
            else:
                model = _taken(step, model, few, teacher_of(step), Path(folder), loaded)
                loaded = None
        if judge is not None:
            judge(_file_of(model, few), whole)


def _file_of(after: SavedModel, data: RunData) -> bytes:
    """The file or package that would ship."""
    content = after.load()
    if isinstance(content, bytes):
        return content
    with fenced(describe_origin(after.plan, after.steps), StepError):
        return to_litert(content, conversion(after, data.train, _CALIBRATION))


def _taken(
    step: PlannedStep,
    before: SavedModel,
    data: RunData,
    teacher: SavedModel | None,
    folder: Path,
    loaded: Model | None,
) -> SavedModel:
    """The model after a step; `loaded` is the one before it, if it was loaded already."""
    plan = before.plan
    learned_from, half = teacher.load() if teacher else None, plan.runtime.mixed_precision == "bfloat16"
    # on one device, since a training that is shared needs a graph
    trainer = _Rehearsing(step.id, data, plan.seed, Observer(), plan.metrics, True, None, learned_from, bfloat16=half)
    context = _Brief(state=step.before, train=data.train, trainer=trainer, seed=plan.seed, converted=before.converted)
    model = apply_strategy(step, before.load() if loaded is None else loaded, context)
    refuse_left_alone(step, context.left_alone)
    with fenced(f"{named(step)}, whose model cannot be saved,", StepError, (OSError,)):
        path = saved(model, folder, step.id)
    after = before.after(step, ModelFile(path, "", ModelFacts(layers_of(model)), cached=False))
    is_first_of_kind = not before.steps or "quantization_aware" in step.after.traits - step.before.traits
    return _converted(model, after, data) if step.after.format == "keras" and is_first_of_kind else after


def _converted(model: Any, after: SavedModel, data: RunData) -> SavedModel:
    """Convert a model as it would be to be measured, and return it with what came of that."""
    told: list[str] = []
    with fenced(describe_origin(after.plan, after.steps), StepError):
        content = to_litert(model, conversion(after, data.train, _CALIBRATION), told.append)
    return after.measured_as(content, told)


class _Rehearsing(Trainer):
    """Trains for two steps, and judges nothing."""

    eagerly = True

    def steps_per_epoch(self, params: TrainingParams) -> int:
        return SMOKE_STEPS

    def fit(self, model: Any, params: TrainingParams, callbacks: Sequence[Any], settled_after: int) -> None:
        with suppress(DivergedError):  # from weights that nobody trained
            super().fit(model, params.model_copy(update={"batch_size": _SAMPLES}), callbacks, settled_after)


class _Brief(StepContext):
    """Calibrates on few samples."""

    def calibration(self, samples: int) -> Iterator[Arrays]:
        return islice(super().calibration(samples), _CALIBRATION)
