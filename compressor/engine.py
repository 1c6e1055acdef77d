"""`Run`: executes a plan, stage by stage, and measures after each one the file that would ship.

A step starts from the file that the one before it left, never from a model in memory, so that a run that was cut and
goes on cannot differ from one that was not.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compressor.cache import Cache, key_of
from compressor.chain import PlannedStep
from compressor.checkpoints import KeptCheckpoints
from compressor.data import RunData, load_splits, run_data
from compressor.durable import whole_file, write_whole
from compressor.errors import DataError, ModelError, StepError
from compressor.evaluation import Measurement, measure
from compressor.export import Conversion, to_litert
from compressor.guard import fenced
from compressor.keras_files import load_keras, save_keras
from compressor.keys import Parts, data_parts, measurement_parts, note_name, source_parts, step_parts
from compressor.locks import InUse, making
from compressor.observer import Observer
from compressor.params import LayerTargets
from compressor.planner import BASELINE, Plan
from compressor.recipe.problems import Problem, RecipeError, did_you_mean
from compressor.recipe.schema import Recipe
from compressor.report import stage_row
from compressor.results import RunResult, Stage
from compressor.sources import Reference, build_model
from compressor.stage_files import Artifact, cached_artifact, cached_measurement, keep_measurement, kept_artifact
from compressor.state import ModelState
from compressor.strategy import Model, StepContext, Strategy
from compressor.tensorflow_setup import prepare_tensorflow
from compressor.training import Trainer

_KEPT = 0.005  # share of zeros that a later step may lose, for values that round to something else


def run(plan: Plan, folder: Path, cache: Cache, observer: Observer | None = None) -> RunResult:
    """Run a plan, from its first stage to its last.

    Raises:
        CompressorError: the data, the model or a step is at fault.
    """
    with Run(plan, folder, cache, observer) as work:
        for step in plan.stages:
            work.stage(step)
        return work.result()


class Run:
    """A run under way. `stage` adds a stage, `result` is what there is so far; close it in the end."""

    def __init__(self, plan: Plan, folder: Path, cache: Cache, observer: Observer | None = None) -> None:
        """Load the data and the model that the run starts from, and measure that where nothing trains it.

        Args:
            plan: what to run.
            folder: an existing folder for the stages' files.
            cache: what was made before is taken from here, and what is made is kept here.
            observer: told of everything that happens.

        Raises:
            CompressorError: the data or the model is at fault, or a pattern matches no layer.
        """
        self._started = time.perf_counter()
        self._plan = plan
        self._folder = folder / "stages"
        self._folder.mkdir(exist_ok=True)
        self._cache = cache
        self._observer = observer or Observer()
        self._stages: list[Stage] = []
        self._strategies: list[Strategy] = []
        self._data = self._load_data()
        self._observer.run_started(plan, self._sizes())
        self._artifact = self._source()
        self._source_digest = self._artifact.digest
        self._state = ModelState("litert" if self._artifact.is_litert else "keras")
        self._layers = self._artifact.facts["layers"]
        _check_targets(plan.recipe, plan.stages, self._layers)
        self._in_use = InUse(cache.folder)
        if plan.baseline is None:
            self._measure_source()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others prune what this run used."""
        self._in_use.close()

    def stage(self, step: PlannedStep) -> Stage:
        """Run a step, or take what it left before, and measure that.

        Raises:
            StepError: it failed, or lost what an earlier step had made.
        """
        if step not in self._plan.stages:  # a session adds its steps one by one
            _check_targets(self._plan.recipe, [step], self._layers)
        self._observer.step_started(step.id)
        parts = step_parts(step, self._artifact.digest, self._data.training_fingerprint, self._plan)
        key = key_of(parts)
        self._in_use.add(key)
        stem = f"{len(self._stages)}-{step.id}"
        made = cached_artifact(self._cache, parts, self._folder, stem)
        model = None
        if made is None:
            with making(self._cache.folder, key, lambda: self._observer.waiting(step.id)):
                made = cached_artifact(self._cache, parts, self._folder, stem)
                if made is None:
                    model, made = self._make(step, parts, stem)
        self._cache.remember(note_name(self._plan, step.id), parts)
        stage = self._measured(step.id, step, made, model)
        self._stages.append(stage)
        self._artifact, self._state = made, step.after
        self._strategies.append(step.strategy)
        self._observer.step_finished(stage_row(self.result(), len(self._stages) - 1))
        return stage

    def result(self) -> RunResult:
        """What the run has brought so far."""
        seconds = time.perf_counter() - self._started
        name = self._plan.model.name
        return RunResult(self._plan, name, self._data.name, self._sizes(), tuple(self._stages), seconds)

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """SHA-256 of the model that the run starts from, and of each split of the data."""
        data = self._data
        splits = {"train": data.train, "validation": data.validation, "test": data.test}
        return {"model": self._source_digest, **{name: split.fingerprint for name, split in splits.items()}}

    def _measure_source(self) -> None:
        """The model as it came is the baseline where nothing trains it."""
        self._observer.step_started(BASELINE)
        self._stages.append(self._measured(BASELINE, None, self._artifact, None))
        self._observer.step_finished(stage_row(self.result(), 0))

    def _make(self, step: PlannedStep, parts: Parts, stem: str) -> tuple[Model, Artifact]:
        started = time.perf_counter()
        checkpoints = KeptCheckpoints(self._cache, parts, self._in_use.add)
        context = self._context(step, checkpoints)
        model = self._load(self._artifact, self._strategies)
        with fenced(f"the step '{step.id}' ({step.uses}, {step.provider})", StepError):
            model = step.strategy.apply(model, context)
        _check_kind(step, model)
        path = self._save(model, stem)
        facts = {
            "seconds": time.perf_counter() - started,
            "notes": context.notes,
            "left_alone": context.left_alone,
        }
        made = kept_artifact(self._cache, parts, path, facts)
        checkpoints.clear()
        return model, made

    def _measured(self, id_: str, step: PlannedStep | None, made: Artifact, model: Model | None) -> Stage:
        self._observer.measuring(id_)
        started = time.perf_counter()
        state = step.after if step else self._state
        parts = measurement_parts(made.digest, str(state), self._data.test.fingerprint, self._plan.metrics)
        self._in_use.add(key_of(parts))
        found = cached_measurement(self._cache, parts)
        if found is None:
            if model is None:
                model = self._load(made, [*self._strategies, step.strategy] if step else self._strategies)
            prepare_tensorflow(self._plan.seed)
            content = model if isinstance(model, bytes) else to_litert(model, _shipping(state))
            keras_model = None if isinstance(model, bytes) else model
            measurement = measure(content, self._data.test, self._plan.metrics, keras_model)
            keep_measurement(self._cache, parts, content, measurement)
        else:
            content, measurement = found
        if self._stages:
            _check_kept(id_, self._stages[-1], measurement, state)
        write_whole(self._folder / f"{len(self._stages)}-{id_}.tflite", content)
        return Stage(
            id=id_,
            uses=step.uses if step else "",
            provider=str(step.provider) if step else "",
            state=state,
            content=content,
            measurement=measurement,
            seconds=made.facts.get("seconds", 0.0),
            measure_seconds=time.perf_counter() - started,
            notes=tuple(made.facts.get("notes", ())),
            left_alone=made.facts.get("left_alone", {}),
            cached=made.cached,
        )

    def _context(self, step: PlannedStep, checkpoints: KeptCheckpoints) -> StepContext:
        plan, train = self._plan, self._data.train
        trainer = Trainer(step.id, self._data, plan.seed, self._observer, plan.metrics, plan.smoke, checkpoints)
        return StepContext(state=step.before, train=train, trainer=trainer, seed=plan.seed)

    def _source(self) -> Artifact:
        """The model that the run starts from, built and saved, or as it was before."""
        parts = source_parts(self._plan)
        found = parts and cached_artifact(self._cache, parts, self._folder, "source")
        if found:
            return found
        self._fresh_tensorflow()
        model = _built(self._plan)
        layers = [] if isinstance(model, bytes) else model._flatten_layers(include_self=False)
        facts = {"layers": [(layer.name, type(layer).__name__) for layer in layers]}
        return kept_artifact(self._cache, parts, self._save(model, "source"), facts)

    def _load_data(self) -> RunData:
        plan = self._plan
        data = _loaded_data(plan)
        if parts := data_parts(plan):
            self._cache.remember(f"data {key_of(parts)}", {"fingerprint": data.training_fingerprint})
        return data

    def _save(self, model: Model, stem: str) -> Path:
        with whole_file(self._folder / f"{stem}{'.tflite' if isinstance(model, bytes) else '.h5'}") as path:
            if isinstance(model, bytes):
                path.write_bytes(model)
            else:
                save_keras(model, path)
        return self._folder / f"{stem}{'.tflite' if isinstance(model, bytes) else '.h5'}"

    def _load(self, artifact: Artifact, strategies: Sequence[Strategy]) -> Model:
        if artifact.is_litert:
            return artifact.path.read_bytes()
        self._fresh_tensorflow()
        known = {name: value for strategy in strategies for name, value in strategy.custom_objects().items()}
        return load_keras(artifact.path, known, self._plan.trust_model)

    def _fresh_tensorflow(self) -> None:
        """Names and random numbers as in a new process, whatever was built before in this one."""
        prepare_tensorflow(self._plan.seed)
        import tf_keras

        tf_keras.backend.clear_session()
        gc.collect()
        prepare_tensorflow(self._plan.seed)

    def _sizes(self) -> Mapping[str, int]:
        data = self._data
        return {"train": data.train.size, "validation": data.validation.size, "test": data.test.size}


def _built(plan: Plan) -> Model:
    source = plan.model
    if isinstance(source, Reference):
        model = build_model(source, plan.trust_model)
    else:
        with fenced(f"the model '{source.name}'", ModelError):
            model = source.build()
    if not isinstance(model, bytes):
        import tf_keras

        if not isinstance(model, tf_keras.Model):
            what = f"the model '{source.name}' is a {type(model).__module__}.{type(model).__name__}"
            raise ModelError(what, "build it with tf_keras, which is Keras 2")
    return model


def _loaded_data(plan: Plan) -> RunData:
    if isinstance(plan.data, Reference):
        splits = load_splits(plan.data)
    else:
        with fenced(f"the data set '{plan.data.name}'", DataError):
            splits = plan.data.load()
    return run_data(plan.data.name, splits, plan.recipe.data.validation_split, plan.seed, plan.smoke)


def _shipping(state: ModelState) -> Conversion:
    """How a Keras model in this state would ship."""
    return Conversion("int8" if "quantization_aware" in state.traits else "float32")


def _check_targets(recipe: Recipe, steps: Sequence[PlannedStep], layers: Sequence[tuple[str, str]]) -> None:
    """A pattern that matches no layer is a slip of the pen, told before anything is trained."""
    if not layers:
        return
    problems = []
    for step in steps:
        params = step.strategy.params
        if not isinstance(params, LayerTargets):
            continue
        for name, index, pattern in params.unmatched(list(layers)):
            node = recipe.tree.nearest((*step.route, name, index))
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
