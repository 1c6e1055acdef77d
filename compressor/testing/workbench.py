"""Applies a strategy to a model of the kit as a run would, and keeps what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import CompressorError, StepError
from compressor.base.hashing import bytes_digest
from compressor.base.plugin_errors import fenced
from compressor.base.text import shortened
from compressor.base.types import Model
from compressor.contracts.execution_plan import Plan, PlannedStep
from compressor.contracts.model_state import ModelState
from compressor.data.from_source import dataset_splits
from compressor.data.prepared_splits import RunData, run_data
from compressor.measure.agreement import precision_of
from compressor.measure.evaluation import Measurement
from compressor.measure.float_file import refuse_other_outputs
from compressor.measure.kept_traits import refuse_broken
from compressor.measure.keras_outputs import keras_outputs
from compressor.measure.results import Stage
from compressor.measure.typical_samples import typical_samples
from compressor.models.files.endpoints import endpoints_of
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.reading.contents import Anatomy, dissect
from compressor.models.litert.running.interpreter import Latency, LiteRTModel
from compressor.models.packing.package import unpacked
from compressor.planning.planner import resolve
from compressor.planning.registry import Registry
from compressor.recipe.load import load
from compressor.run.stages.apply_strategy import refuse_not_finite, refuse_other_endpoints
from compressor.run.stages.measure_stage import conversion
from compressor.run.stages.model_file import ModelFacts, ModelFile, saved
from compressor.run.stages.saved_model import SavedModel, describe_origin, fresh_tensorflow
from compressor.run.stages.step_result import layers_of, named, refuse_other_kind
from compressor.run.stages.unusable_files import blamed_on_step
from compressor.testing.kit_models import SAMPLES, built
from compressor.testing.trial import Trial
from compressor.testing.watched_step import (
    EagerTrainer,
    WarningsKept,
    Watched,
    WatchedContext,
    frozen_values,
    watched_call,
)
from compressor.training.trainer import Checkpoints

_CALIBRATION = 8  # samples for files of quantization-aware models


class Workbench:
    """Applies steps of one recipe after another, in a folder of its own."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        """Open it.

        Args:
            registry: the plugins that recipes name, the kit's own among them.
            folder: for the models' files.
        """
        self._registry = registry
        self._folder = folder
        self._data: dict[str, RunData] = {}
        self._made: dict[tuple[str, ...], tuple[SavedModel, Sequence[Stage]]] = {}
        self._count = 0

    def planned(self, model: str, steps: Sequence[Mapping[str, Any]]) -> Plan:
        """The plan of steps on a model of the kit.

        Raises:
            RecipeError: the steps cannot be planned.
        """
        recipe = {
            "version": 1,
            "name": "kit",
            "model": {"source": "kit_model", "with": {"model": model}},
            "data": {"source": "kit_data", "with": {"samples": SAMPLES.get(model, "pictures")}},
            "evaluation": {"metrics": ["kit_score"]},
            "steps": list(steps),
        }
        return resolve(load(recipe), self._registry)

    def attempt(
        self,
        plan: Plan,
        model: str,
        *,
        checkpoints: Checkpoints | None = None,
        disturb: int | None = None,
        in_full: bool = True,
    ) -> Trial:
        """Apply the last step of a plan, whose others are the kit's own.

        Args:
            plan: the plan.
            model: the name of its model.
            checkpoints: keep the state of trainings.
            disturb: a seed for the random numbers of Python and NumPy, other than the run's.
            in_full: whether the model is converted and held against its file as well.
        """
        *others, step = plan.stages
        before, earlier = self._before(plan, model, others)
        observer = WarningsKept()
        trial = Trial(model, step.after, earlier)
        returned, context = self._applied(trial, step, before, checkpoints, disturb, observer)
        trial.watched, trial.warnings = context.watched, observer.warnings
        if trial.is_done:
            self._judge(trial, step, before, returned, in_full)
        return trial

    def _applied(
        self,
        trial: Trial,
        step: PlannedStep,
        before: SavedModel,
        checkpoints: Checkpoints | None,
        disturb: int | None,
        observer: WarningsKept,
    ) -> tuple[Model, WatchedContext]:
        data = self._data_of(before.plan)
        teacher = before.load() if step.teacher else None
        trainer = EagerTrainer(step.id, data, 0, observer, before.plan.metrics, False, checkpoints, teacher)
        context = WatchedContext(state=step.before, train=data.train, trainer=trainer, seed=0)
        context.watched = Watched()
        model = before.load()
        frozen, ends = frozen_values(model), endpoints_of(model)
        try:
            returned = watched_call(step, model, context, disturb)
        except StepError as error:
            own = isinstance(error.__cause__, CompressorError)
            trial.faults["refused" if own else "crashed"] = str(error)
            return None, context
        with trial.concerned("kind"):
            refuse_other_kind(step, returned)
        if trial.is_done:
            if step.after.format != "package":
                with trial.concerned("endpoints"):
                    refuse_other_endpoints(step, ends, returned)
                with trial.concerned("finite"):
                    refuse_not_finite(step, returned, before.load)
            moved = context.watched.moved or ([] if context.watched.fits else _moved(frozen, frozen_values(returned)))
            if moved:
                trial.faults["frozen"] = f"the weights of {', '.join(sorted(moved))} changed"
        return returned, context

    def _judge(self, trial: Trial, step: PlannedStep, before: SavedModel, returned: Model, in_full: bool) -> None:
        """Save what a strategy returned, load it, convert it, and count what is in the file."""
        data = self._data_of(before.plan)
        samples = typical_samples(data.test)
        is_file = isinstance(returned, bytes)
        computed = None if is_file or not in_full else keras_outputs(returned, samples)
        self._count += 1
        with trial.concerned("saving"), fenced(f"{named(step)}, whose model cannot be saved,", StepError):
            path = saved(returned, self._folder, f"{self._count}-{step.id}")
            trial.digest = bytes_digest(path.read_bytes())
        if "saving" in trial.faults or not in_full:
            return
        after = before.after(step, ModelFile(path, trial.digest, ModelFacts(layers_of(returned)), cached=False))
        with trial.concerned("loading"):
            loaded = after.load()
            if computed is not None:
                _refuse_other(computed, keras_outputs(loaded, samples))
        if "loading" in trial.faults:
            return
        with trial.concerned("file"):
            trial.anatomy = self._shipped(after, loaded, data, samples)
        if trial.anatomy is not None and "finite" not in trial.faults:
            with trial.concerned("traits"):
                refuse_broken(step.id, step.after, trial.earlier, trial.anatomy)

    def _shipped(self, model: SavedModel, loaded: Model, data: RunData, samples: Any) -> Anatomy:
        """What is in the file that would ship, which is tried on samples."""
        with (
            blamed_on_step(model, loaded),
            fenced(describe_origin(model.plan, model.steps), StepError, (CompressorError,)),
        ):
            content = unpacked(loaded) if isinstance(loaded, bytes) else None
            if content is None:
                content = to_litert(loaded, conversion(model, data.train, _CALIBRATION))
            anatomy = dissect(content)
            if not isinstance(loaded, bytes) and precision_of(anatomy).is_float32:
                refuse_other_outputs(content, loaded, samples, describe_origin(model.plan, model.steps))
            else:
                LiteRTModel(content).run(next(iter(data.test.batches(1)))[0])
        return anatomy

    def _before(self, plan: Plan, model: str, others: Sequence[PlannedStep]) -> tuple[SavedModel, Sequence[Stage]]:
        """The model that the last step of a plan gets, and the stages up to it."""
        key = (model, *(step.uses for step in others))
        if key not in self._made:
            made, stages = self._source(plan, model)
            for step in others:
                made, stages = self._prepared(step, made, stages)
            self._made[key] = made, stages
        made, stages = self._made[key]
        return SavedModel(plan, plan.stages[:-1], made.file), stages

    def _source(self, plan: Plan, name: str) -> tuple[SavedModel, Sequence[Stage]]:
        fresh_tensorflow(plan)
        model = built(name)
        path = saved(model, self._folder, f"source-{name}")
        made = SavedModel(plan, (), ModelFile(path, "", ModelFacts(layers_of(model)), cached=False))
        return made, (_stage("baseline", ModelState(), dissect(to_litert(model))),)

    def _prepared(
        self, step: PlannedStep, before: SavedModel, stages: Sequence[Stage]
    ) -> tuple[SavedModel, Sequence[Stage]]:
        """The model after one of the kit's own steps, or of another plugin's."""
        data = self._data_of(before.plan)
        trainer = EagerTrainer(step.id, data, 0, WarningsKept(), before.plan.metrics, True)
        context = WatchedContext(state=step.before, train=data.train, trainer=trainer, seed=0)
        returned = watched_call(step, before.load(), context, None)
        self._count += 1
        path = saved(returned, self._folder, f"{self._count}-{step.id}")
        made = before.after(step, ModelFile(path, "", ModelFacts(layers_of(returned)), cached=False))
        content = returned if isinstance(returned, bytes) else to_litert(returned, conversion(made, data.train, 8))
        return made, (*stages, _stage(step.id, step.after, dissect(content)))

    def _data_of(self, plan: Plan) -> RunData:
        source: Any = plan.data  # the kit's own
        name = source.params.samples
        if name not in self._data:
            splits = dataset_splits(source, "the kit's data", self._cache)
            self._data[name] = run_data("kit", splits, plan.recipe.data, 0, False)
        return self._data[name]

    @cached_property
    def _cache(self) -> Path:
        return self._folder / "cache"


def _stage(id_: str, state: ModelState, anatomy: Anatomy) -> Stage:
    measured = Measurement(anatomy, {}, Latency(0.0, 0.0, 0), (), (), 0.0)
    return Stage(id_, "", "", state, b"", measured, 0.0, 0.0)


def _moved(before: Mapping[tuple[str, str], NDArray[Any]], after: Mapping[tuple[str, str], NDArray[Any]]) -> list[str]:
    return [
        key[0]
        for key, value in before.items()
        if key in after and after[key].shape == value.shape and after[key].tobytes() != value.tobytes()
    ]


def _refuse_other(before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]) -> None:
    for expected, found in zip(before.values(), after.values(), strict=True):
        if not np.allclose(expected, found, rtol=1e-4, atol=1e-5, equal_nan=True):
            gap = float(np.abs(expected - found).max())
            what = shortened(
                f"the model computes something else after it was saved and loaded, by up to {gap:.3g}", 200
            )
            raise StepError(what, "have the layers' 'get_config' return all that they were made with")
