"""`Run`: executes a plan, stage by stage, and measures after each one the file that would ship.

A step starts from the file that the one before it left, and a stage is measured from its own file, never from a model
in memory, so that a run that was cut and goes on cannot differ from one that was not.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from compressor.base.atomic_files import write_whole
from compressor.base.cache_folder import SPOOL
from compressor.base.errors import CompressorError, ModelError, StepError
from compressor.base.hashing import file_digest
from compressor.base.import_path import function_at, names_function
from compressor.base.plugin_errors import fenced
from compressor.base.reference import Reference
from compressor.base.types import Model
from compressor.contracts.context import StepContext
from compressor.contracts.execution_plan import BASELINE, Plan, PlannedStep
from compressor.contracts.observer import Observer, TeacherRelay
from compressor.contracts.sources import Dataset
from compressor.contracts.state import ModelState
from compressor.data.expectation import expected_inputs
from compressor.measure.data_checks import check_fit
from compressor.measure.evaluation import Measurement, measure, rehearse
from compressor.measure.kept_traits import refuse_broken
from compressor.measure.results import RunResult, Stage
from compressor.models.files.ends import ends_from, ends_of
from compressor.models.litert.converter import Conversion, to_litert
from compressor.models.litert.package import shipping_suffix, unpacked
from compressor.recipe.loss_names import loss_functions
from compressor.recipe.training_params import TrainingDefaults
from compressor.report.summary import stage_row
from compressor.run.cache.keys import (
    Parts,
    data_parts,
    loading_code,
    measurement_parts,
    note_name,
    source_parts,
    step_parts,
)
from compressor.run.cache.locks import InUse, making
from compressor.run.cache.store import Cache, key_of
from compressor.run.checkpoints import KeptCheckpoints
from compressor.run.inputs import build_source, load_data
from compressor.run.pattern_check import refuse_unmatched
from compressor.run.saved_model import Left, fresh_tensorflow, whose
from compressor.run.stage_files import (
    Artifact,
    cached_artifact,
    cached_measurement,
    keep_measurement,
    kept_artifact,
    saved,
)
from compressor.run.step_result import layers_of, named, refuse_left_alone, refuse_other_kind
from compressor.training.trainer import Trainer


def run(plan: Plan, folder: Path, cache: Cache, observer: Observer | None = None) -> RunResult:
    """Run a plan, from its first stage to its last.

    Raises:
        CompressorError: the data, the model or a step is at fault.
    """
    with Run(plan, folder, cache, observer) as work:
        work.start()
        for step in plan.stages:
            work.stage(step)
        return work.result()


class Run:
    """A run under way. `start` it, `stage` adds a stage, `result` is what there is so far; close it in the end."""

    def __init__(self, plan: Plan, folder: Path, cache: Cache, observer: Observer | None = None) -> None:
        """Prepare a run.

        Args:
            plan: what to run.
            folder: an existing folder for the stages' files.
            cache: what was made before is taken from here, and what is made is kept here.
            observer: told of everything that happens.
        """
        self._started = time.perf_counter()
        self._plan = plan
        self._folder = folder / "stages"
        self._folder.mkdir(exist_ok=True)
        self._cache = cache
        self._observer = observer or Observer()
        self._in_use = InUse(cache.folder)
        self._stages: list[Stage] = []
        self._steps: list[PlannedStep] = []
        self._open = ExitStack()
        self._teachers: dict[str, Run] = {}
        self._files: dict[str, str] = {}

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others prune what this run used."""
        self._open.close()
        self._in_use.close()

    def start(self) -> None:
        """Load the data and the model that the run starts from, and measure that where nothing trains it.

        Raises:
            CompressorError: the data or the model is at fault, or a pattern matches no layer.
        """
        self._artifact = self._source()  # before the data, which may take long, in case the model cannot be used
        self._in_use.add(SPOOL)
        if _may_draw(self._plan.data):
            fresh_tensorflow(self._plan.seed)  # and whatever draws random numbers to make the data draws the same
        self._data = load_data(self._plan, self._cache.folder)
        if parts := data_parts(self._plan):
            self._cache.remember(f"data {key_of(parts)}", {"fingerprint": self._data.training_fingerprint})
        self._observer.run_started(self._plan, self._sizes())
        self._expects = expected_inputs(self._data.test)
        self._source_digest = self._artifact.digest
        self._layers = self._artifact.facts["layers"]
        refuse_unmatched(self._plan.recipe, self._plan.stages, self._layers)
        self._remarks = (*self._artifact.facts["notes"], *self._odd())
        if self._plan.baseline is None:  # the model as it came is the baseline
            self._observer.step_started(BASELINE)
            self._finish(self._measured(BASELINE, None, self._artifact))

    def stage(self, step: PlannedStep) -> Stage:
        """Run a step, or take what it left before, and measure that.

        Raises:
            StepError: it failed, or lost what an earlier step had made.
        """
        refuse_unmatched(self._plan.recipe, [step], self._artifact.facts["layers"], gone=self._layers)
        teacher = self._teacher(step)
        self._observer.step_started(step.id)
        loaded = loading_code(self._plan, self._steps)
        data = self._data.training_fingerprint
        taught_by = teacher.as_teacher if teacher else None
        parts = step_parts(step, self._artifact.digest, loaded, data, self._plan, taught_by)
        key = key_of(parts)
        self._in_use.add(key)
        stem = f"{len(self._stages)}-{step.id}"
        made = cached_artifact(self._cache, parts, self._folder, stem)
        if made is None:
            with making(self._cache.folder, key, lambda: self._observer.waiting(step.id)):
                made = cached_artifact(self._cache, parts, self._folder, stem)
                made = made or self._make(step, parts, stem, teacher)
        self._cache.remember(note_name(self._plan, step.id), parts)
        refuse_left_alone(step, made.facts["left_alone"])
        stage = self._measured(step.id, step, made)
        self._artifact = made
        self._steps.append(step)
        self._finish(stage)
        return stage

    def result(self) -> RunResult:
        """What the run has brought so far."""
        seconds = time.perf_counter() - self._started
        name = self._plan.model.name
        return RunResult(self._plan, name, self._data.name, self._sizes(), tuple(self._stages), seconds, self._expects)

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """SHA-256 of the model that the run starts from, and of each split of the data."""
        data = self._data
        splits = {"train": data.train, "validation": data.validation, "test": data.test}
        return {"model": self._source_digest, **{name: split.fingerprint for name, split in splits.items()}}

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 of every stage file that the run wrote, by its name in the run's folder."""
        return dict(self._files)

    def _finish(self, stage: Stage) -> None:
        if not self._stages:
            self._baseline = Left(self._plan, self._artifact, tuple(self._steps))
        self._stages.append(stage)
        self._observer.step_finished(stage_row(self.result(), len(self._stages) - 1))

    def _make(self, step: PlannedStep, parts: Parts, stem: str, teacher: Left | None) -> Artifact:
        started = time.perf_counter()
        checkpoints = KeptCheckpoints(self._cache, parts, self._in_use.add)
        taught_by = teacher.load() if teacher else None  # before the model, whose random numbers it leaves alone
        context = self._context(step, checkpoints, taught_by)
        model = Left(self._plan, self._artifact, self._steps).load()
        with fenced(named(step), StepError):
            model = step.strategy.apply(model, context)
        refuse_other_kind(step, model)
        facts = {
            "layers": layers_of(model),
            "seconds": time.perf_counter() - started,
            "notes": context.notes,
            "left_alone": context.left_alone,
        }
        with fenced(f"{named(step)}, whose model cannot be saved,", StepError, (OSError,)):
            path = saved(model, self._folder, stem)
        made = kept_artifact(self._cache, parts, path, facts)
        checkpoints.clear()
        return made

    def _measured(self, id_: str, step: PlannedStep | None, made: Artifact) -> Stage:
        self._observer.measuring(id_)
        started = time.perf_counter()
        state = step.after if step else self._plan.start
        steps = [*self._steps, step] if step else self._steps
        loaded = loading_code(self._plan, steps)
        parts = measurement_parts(made.digest, loaded, str(state), self._data.test.fingerprint, self._plan.metrics)
        self._in_use.add(key_of(parts))
        content, measurement = cached_measurement(self._cache, parts) or self._measure(made, steps, state, parts)
        refuse_broken(id_, state, self._stages, measurement.anatomy)
        shipped = self._folder / f"{len(self._stages)}-{id_}{shipping_suffix(content)}"
        write_whole(shipped, content)
        self._files |= {f"stages/{path.name}": file_digest(path) for path in (made.path, shipped)}
        return Stage(
            id=id_,
            uses=step.uses if step else "",
            provider=str(step.provider) if step else "",
            state=state,
            content=content,
            measurement=measurement,
            seconds=made.facts.get("seconds", 0.0),
            measure_seconds=time.perf_counter() - started,
            notes=tuple(made.facts["notes"]) if self._stages else self._first_notes(step, made),
            left_alone=made.facts.get("left_alone", {}),
            teacher=step.teacher.name if step and step.teacher else "",
            cached=made.cached,
        )

    def _measure(
        self, made: Artifact, steps: Sequence[PlannedStep], state: ModelState, parts: Parts
    ) -> tuple[bytes, Measurement]:
        model = Left(self._plan, made, steps).load()
        if isinstance(model, bytes):
            content, measurement = model, measure(unpacked(model), self._data.test, self._plan.metrics)
        else:
            maker = whose(self._plan, steps)
            with fenced(maker, StepError, (CompressorError,)):
                content = to_litert(model, _shipping(state))
            measurement = measure(content, self._data.test, self._plan.metrics, model, maker)
        keep_measurement(self._cache, parts, content, measurement)
        return content, measurement

    def _first_notes(self, step: PlannedStep | None, made: Artifact) -> tuple[str, ...]:
        """What must be said of the data and of the model as it came, too."""
        return (*self._remarks, *(made.facts["notes"] if step else ()))

    def _odd(self) -> list[str]:
        """What is odd about the data for this model; what cannot work is refused."""
        trained = [step.strategy.params for step in self._plan.stages]
        params = next((one for one in trained if isinstance(one, TrainingDefaults)), None)
        loss = params.loss if params and isinstance(params.loss, str) else None
        loss = None if loss and names_function(loss) else loss  # a function of the user's own may take any labels
        ends = ends_from(self._artifact.facts["ends"])
        found = check_fit(ends, self._data, loss, params.batch_size if params else 1)
        rehearse(self._plan.metrics, ends, self._data.test)
        for step in self._plan.stages:
            for name in loss_functions(step.strategy.params):
                function_at(name)  # one that is not there is known before anything is trained
        for text in found:
            self._observer.warned(text)
        return found

    def _context(self, step: PlannedStep, checkpoints: KeptCheckpoints, teacher: Model | None) -> StepContext:
        plan, train = self._plan, self._data.train
        who, how = (step.id, self._data, plan.seed, self._observer), (plan.metrics, plan.smoke)
        trainer = Trainer(*who, *how, checkpoints, teacher)
        return StepContext(state=step.before, train=train, trainer=trainer, seed=plan.seed)

    def _teacher(self, step: PlannedStep) -> Left | None:
        """The teacher of a step, made by a run of its own if it has a plan and was not made before."""
        if step.teacher is None or step.teacher.is_baseline:
            return self._baseline if step.teacher else None
        name = step.teacher.name
        if name not in self._teachers:
            folder = self._folder / "teachers" / re.sub(r"[^A-Za-z0-9._-]", "-", name)
            folder.mkdir(parents=True, exist_ok=True)
            plan, relay = step.teacher.plan_for(self._plan), TeacherRelay(self._observer, name)
            run = self._open.enter_context(Run(plan, folder, self._cache, relay))
            run._make_teacher()
            self._teachers[name] = run
            self._files |= {f"stages/teachers/{folder.name}/{path}": digest for path, digest in run.files.items()}
        teacher = self._teachers[name]
        return Left(teacher._plan, teacher._artifact, tuple(teacher._steps))

    def _make_teacher(self) -> None:
        """Run the whole plan; a model that teaches as it is gets loaded, and not measured."""
        if not self._plan.stages:
            self._artifact = self._source()
            self._files[f"stages/{self._artifact.path.name}"] = self._artifact.digest
            return
        self.start()
        for step in self._plan.stages:
            self.stage(step)

    def _source(self) -> Artifact:
        """The model that the run starts from, built and saved, or as it was before."""
        parts = source_parts(self._plan)
        if parts is not None:
            self._in_use.add(key_of(parts))
            if found := cached_artifact(self._cache, parts, self._folder, "source"):
                return found
        fresh_tensorflow(self._plan.seed)
        built = build_source(self._plan)
        model = built.model
        facts = {"layers": layers_of(model), "notes": built.notes, "ends": asdict(ends_of(model))}
        with fenced(f"{whose(self._plan, ())}, which cannot be saved,", ModelError, (OSError,)):
            path = saved(model, self._folder, "source")
        return kept_artifact(self._cache, parts, path, facts)

    def _sizes(self) -> Mapping[str, int]:
        data = self._data
        return {"train": data.train.size, "validation": data.validation.size, "test": data.test.size}


def _shipping(state: ModelState) -> Conversion:
    """How a Keras model in this state would ship."""
    if "quantization_aware" not in state.traits:
        return Conversion()
    return Conversion("int16x8" if state.trained_for == "int16x8" else "int8")


def _may_draw(data: Reference | Dataset) -> bool:
    """Whether making the data may take random numbers; a run from the cache does without TensorFlow if it does not."""
    return data.kind != "path" if isinstance(data, Reference) else not data.repeatable
