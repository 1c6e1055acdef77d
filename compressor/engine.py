"""`run`: executes a plan, stage by stage, and measures after each one the file that would ship.

A step starts from the file that the one before it left, never from a model in memory, so that a run that was cut and
goes on cannot differ from one that was not.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compressor.data import RunData, load_splits, run_data
from compressor.errors import ModelError, StepError
from compressor.evaluation import Measurement, measure
from compressor.export import Conversion, to_litert
from compressor.keras_files import load_keras, save_keras
from compressor.observer import Observer
from compressor.params import LayerTargets
from compressor.planner import BASELINE, Plan, PlannedStep
from compressor.recipe.problems import Problem, RecipeError, did_you_mean
from compressor.report import stage_row
from compressor.results import RunResult, Stage
from compressor.sources import Reference, build_model
from compressor.state import ModelState
from compressor.strategy import Model, StepContext
from compressor.tensorflow_setup import prepare_tensorflow
from compressor.training import Trainer

_KEPT = 0.005  # share of zeros that a later step may lose, for values that round to something else


def run(plan: Plan, folder: Path, observer: Observer | None = None) -> RunResult:
    """Run a plan.

    Args:
        plan: what to run.
        folder: an existing folder for the stages' files.
        observer: told of everything that happens.

    Raises:
        CompressorError: the data, the model or a step is at fault.
    """
    work = Run(plan, folder, observer)
    for step in plan.stages:
        work.stage(step)
    return work.result()


class Run:
    """A run under way. `stage` adds a stage, `result` is what there is so far."""

    def __init__(self, plan: Plan, folder: Path, observer: Observer | None = None) -> None:
        self._started = time.perf_counter()
        self._plan = plan
        self._folder = folder / "stages"
        self._folder.mkdir(exist_ok=True)
        self._observer = observer or Observer()
        self._stages: list[Stage] = []
        prepare_tensorflow(plan.seed)
        self._data = _load_data(plan)
        self._observer.run_started(plan, self._sizes())
        model = self._source_model()
        _check_targets(plan, model)
        self._custom_objects: dict[str, Any] = {}
        self._state = ModelState("litert" if isinstance(model, bytes) else "keras")
        self._model_file = self._save(model, "source")
        del model
        if plan.baseline is None:
            self.measure_source()

    def measure_source(self) -> Stage:
        """Measure the model as it came: the baseline where nothing trains it."""
        self._observer.step_started(BASELINE)
        return self._finish(BASELINE, None, self._load(), 0.0, None)

    def stage(self, step: PlannedStep) -> Stage:
        """Run a step and measure what it leaves.

        Raises:
            StepError: it failed, or lost what an earlier step had made.
        """
        self._observer.step_started(step.id)
        started = time.perf_counter()
        model = self._load()
        context = self._context(step)
        try:
            model = step.strategy.apply(model, context)
        except StepError as error:
            what = f"the step '{step.id}' ({step.uses}, {step.provider}) failed: {error.what}"
            raise StepError(what, error.remedy) from error
        _check_kind(step, model)
        self._state = step.after
        self._custom_objects |= step.strategy.custom_objects()
        self._model_file = self._save(model, f"{len(self._stages)}-{step.id}")
        return self._finish(step.id, step, model, time.perf_counter() - started, context)

    def result(self) -> RunResult:
        """What the run has brought so far."""
        plan = self._plan
        model = plan.model.name
        seconds = time.perf_counter() - self._started
        return RunResult(plan, model, self._data.name, self._sizes(), tuple(self._stages), seconds)

    def _finish(
        self, id_: str, step: PlannedStep | None, model: Model, seconds: float, context: StepContext | None
    ) -> Stage:
        self._observer.measuring(id_)
        started = time.perf_counter()
        content = model if isinstance(model, bytes) else to_litert(model, _shipping(self._state))
        keras_model = None if isinstance(model, bytes) else model
        measurement = measure(content, self._data.test, self._plan.metrics, keras_model)
        if self._stages:
            _check_kept(id_, self._stages[-1], measurement, self._state)
        (self._folder / f"{len(self._stages)}-{id_}.tflite").write_bytes(content)
        stage = Stage(
            id=id_,
            uses=step.uses if step else "",
            provider=str(step.provider) if step else "",
            state=self._state,
            content=content,
            measurement=measurement,
            seconds=seconds,
            measure_seconds=time.perf_counter() - started,
            notes=tuple(context.notes) if context else (),
            left_alone=dict(context.left_alone) if context else {},
        )
        self._stages.append(stage)
        self._observer.step_finished(stage_row(self.result(), len(self._stages) - 1))
        return stage

    def _context(self, step: PlannedStep) -> StepContext:
        names = [metric.keras_name for metric in self._plan.metrics if metric.keras_name]
        trainer = Trainer(step.id, self._data, self._plan.seed, self._observer, names, self._plan.smoke)
        return StepContext(state=step.before, train=self._data.train, trainer=trainer, seed=self._plan.seed)

    def _source_model(self) -> Model:
        source = self._plan.model
        model = build_model(source) if isinstance(source, Reference) else source.build()
        if not isinstance(model, bytes):
            import tf_keras

            if not isinstance(model, tf_keras.Model):
                what = f"the model '{source.name}' is a {type(model).__module__}.{type(model).__name__}"
                raise ModelError(what, "build it with tf_keras, which is Keras 2")
        return model

    def _save(self, model: Model, stem: str) -> Path:
        if isinstance(model, bytes):
            path = self._folder / f"{stem}.tflite"
            path.write_bytes(model)
        else:
            path = self._folder / f"{stem}.h5"
            save_keras(model, path)
        return path

    def _load(self) -> Model:
        import tf_keras

        if self._model_file.suffix == ".tflite":
            return self._model_file.read_bytes()
        tf_keras.backend.clear_session()
        gc.collect()
        tf_keras.utils.set_random_seed(self._plan.seed)
        return load_keras(self._model_file, self._custom_objects)

    def _sizes(self) -> Mapping[str, int]:
        data = self._data
        return {"train": data.train.size, "validation": data.validation.size, "test": data.test.size}


def _load_data(plan: Plan) -> RunData:
    splits = load_splits(plan.data) if isinstance(plan.data, Reference) else plan.data.load()
    return run_data(plan.data.name, splits, plan.recipe.data.validation_split, plan.seed, plan.smoke)


def _shipping(state: ModelState) -> Conversion:
    """How a Keras model in this state would ship."""
    return Conversion("int8" if "quantization_aware" in state.traits else "float32")


def _check_targets(plan: Plan, model: Model) -> None:
    """A pattern that matches no layer is a slip of the pen, told before anything is trained."""
    if isinstance(model, bytes):
        return
    layers = [(layer.name, type(layer).__name__) for layer in model._flatten_layers(include_self=False)]
    problems = []
    for step in plan.stages:
        params = step.strategy.params
        if not isinstance(params, LayerTargets):
            continue
        for name, index, pattern in params.unmatched(layers):
            node = plan.recipe.tree.nearest((*step.route, name, index))
            known = did_you_mean(pattern, [layer for layer, _ in layers])
            problems.append(Problem(f"'{pattern}' matches no layer of the model{known}", node.origin))
    if problems:
        raise RecipeError(problems)


def _check_kind(step: PlannedStep, model: Model) -> None:
    import tf_keras

    wanted: type[Any] = bytes if step.after.format == "litert" else tf_keras.Model
    if not isinstance(model, wanted):
        what = f"the step '{step.id}' ({step.uses}, {step.provider}) returned {type(model).__name__}"
        raise StepError(what, f"its strategy must return {'bytes' if wanted is bytes else 'a tf_keras model'}")


def _check_kept(id_: str, before: Stage, measured: Measurement, state: ModelState) -> None:
    """What an earlier step made must still be there, counted in the file."""
    kept = before.state.traits & state.traits
    old, new = before.measurement.anatomy, measured.anatomy
    if "sparse" in kept and new.sparsity < old.sparsity - _KEPT:
        what = f"the step '{id_}' lost zeros: {old.sparsity:.1%} of the weights before, {new.sparsity:.1%} after"
        raise StepError(what, "put it before the pruning, or use a strategy that keeps zeros")
    if "clustered" in kept and new.unique > old.unique:
        what = f"the step '{id_}' lost clusters: {old.unique} values in a tensor before, {new.unique} after"
        raise StepError(what, "put it before the clustering, or use a strategy that keeps clusters")
    if "quantized" in state.traits and new.kernels and new.weight_bits >= 32:
        raise StepError(f"the step '{id_}' quantized no weight", "see run.log for the converter's words")
