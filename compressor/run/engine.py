"""Runs a plan, stage by stage, and measures after each one the file that would ship."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from compressor.base.errors import ModelError
from compressor.contracts.execution_plan import BASELINE, Plan, PlannedStep
from compressor.contracts.observer import Observer, TeacherObserver
from compressor.devices.early_refusal import refuse_unfit
from compressor.measure.paired_latency import FileLatency, paired_latencies
from compressor.measure.results import RunResult, Stage
from compressor.models.packing.package import unpacked
from compressor.planning.layer_pattern_check import refuse_unmatched
from compressor.report.summary import stage_row
from compressor.run.cache.store import Cache
from compressor.run.forecast import forecast
from compressor.run.stages.make_step import make_step
from compressor.run.stages.measure_stage import measure_stage
from compressor.run.stages.prepare import Prepared, load_source, prepare
from compressor.run.stages.rehearsal import rehearse
from compressor.run.stages.saved_model import SavedModel
from compressor.run.stages.shared_stages import refuse_unlike
from compressor.run.stages.stage_store import StageStore
from compressor.run.stages.step_result import refuse_left_alone, trains
from compressor.run.worker_agreement import explained, must_be_alike, named_differences
from compressor.training.joining import group_for
from compressor.training.worker_group import WorkerGroup


@contextmanager
def started(plan: Plan, folder: Path, cache: Cache, observer: Observer | None = None) -> Iterator[Run]:
    """Start a run: load and check its data and model, and measure the model if no training comes first.

    Args:
        plan: the plan to run.
        folder: an existing folder for the stages' files.
        cache: the cache that earlier results are taken from and new ones are written to; what the run uses is not
            pruned while it is open.
        observer: is told about everything that happens.

    Raises:
        CompressorError: the data or the model is at fault, or a pattern matches no layer.
    """
    began = time.perf_counter()
    observer = observer or Observer()
    group = group_for(plan.runtime)
    if group is not None:
        refuse_unlike(group, must_be_alike(plan), named_differences)
    with StageStore(plan, folder, cache, observer.waiting, observer.warned, group) as store, explained(group):
        run = Run(prepare(plan, store, observer), store, observer, began)
        if group is not None:
            refuse_unlike(group, {"fingerprints": dict(run.fingerprints)}, named_differences)
        if plan.baseline is None and store.leads:  # the model that the run starts from is the baseline
            run.measure_source()
        yield run


class Run:
    """A run in progress: `stage` applies a step and measures its model, `result` has the results so far.

    A step starts from the file of the stage before it, and a stage is measured from its own file, never from a model in
    memory, so that a run that was interrupted and resumed cannot differ from one that was not.
    """

    def __init__(self, prepared: Prepared, store: StageStore, observer: Observer, began: float) -> None:
        """Start from a model and data that fit each other.

        Args:
            prepared: the plan, its data and its model.
            store: stores the stages.
            observer: is told about everything that happens.
            began: when the run began, by the performance counter.
        """
        self._prepared = prepared
        self._store = store
        self._observer = observer
        self._began = began
        self._model = prepared.source
        self._baseline = prepared.source
        self._stages: list[Stage] = []
        self._teachers: dict[str, SavedModel] = {}
        self._latencies: tuple[FileLatency, ...] = ()
        self._latency_fault = ""

    @property
    def model(self) -> SavedModel:
        """The model as it is now."""
        return self._model

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """SHA-256 of the model that the run starts from, and of each split of the data."""
        return self._prepared.fingerprints

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 of every stage file that the run wrote, by its name in the run's folder."""
        return self._store.files

    def rehearse(self) -> None:
        """Take all steps on the untrained model and a few samples, unless no training that would be lost is ahead.

        Raises:
            CompressorError: a step refuses the model, or what an earlier step makes of it.
            TargetError: no training can make the model run on the recipe's target.
        """
        plan = self._prepared.plan
        ahead = {found.step_id for found in forecast(plan, self._store.cache) if not found.cached}
        if plan.smoke or not any(step.id in ahead and trains(step) for step in plan.stages):
            return
        began = time.perf_counter()
        self._observer.rehearsing()
        judge = partial(refuse_unfit, device=plan.device, warn=self._observer.warned) if plan.device else None
        rehearse(self._prepared.source, self._prepared.data, self._untrained_teacher, judge)
        self._observer.rehearsed(time.perf_counter() - began)

    def measure_source(self) -> None:
        """Measure the model that the run starts from, as the baseline."""
        self._observer.step_started(BASELINE)
        self._measure(BASELINE, self._model)

    def stage(self, step: PlannedStep) -> Stage:
        """Apply a step, or take its model from the cache, and measure the model.

        Raises:
            StepError: the step failed, or lost what an earlier step made.
        """
        return self._measure(step.id, self._applied(step))

    def follow(self, step: PlannedStep) -> None:
        """Take part in a step whose results another worker has, or get its model from there.

        Raises:
            StepError: the step failed.
        """
        model = self._applied(step)
        if step.id == BASELINE:
            self._baseline = model
        self._model = model

    def _applied(self, step: PlannedStep) -> SavedModel:
        """The model after a step, applied or taken from the cache."""
        layers = self._prepared.source.file.facts.layers
        refuse_unmatched(self._prepared.plan.recipe, [step], self._model.file.facts.layers, gone=layers)
        teacher = self._teacher(step)
        self._observer.step_started(step.id)
        data = self._prepared.data
        make = make_step(step, self._model, data, teacher, self._observer)
        made = self._store.step(self._model, step, data.training_fingerprint, teacher, make)
        refuse_left_alone(step, made.file.facts.left_alone)
        return made

    def result(self) -> RunResult:
        """The results so far."""
        prepared = self._prepared
        return RunResult(
            plan=prepared.plan,
            model=prepared.plan.model.name,
            data=prepared.data.name,
            samples=prepared.samples,
            stages=tuple(self._stages),
            seconds=time.perf_counter() - self._began,
            expects=prepared.expects,
            classes=prepared.data.classes,
            test=prepared.data.test,
            latencies=self._latencies,
            latency_fault=self._latency_fault,
        )

    def time_calls(self) -> None:
        """Time the files of all stages in turn, if the recipe asks for it; a fault is told, and ends nothing."""
        if not self._prepared.plan.recipe.times_calls:
            return
        sample = next(iter(self._prepared.data.test.batches(1)))[0]
        contents = [unpacked(stage.content) for stage in self._stages]
        try:
            self._latencies = paired_latencies(contents, sample, self._prepared.plan.seed)
        except ModelError as error:
            self._latency_fault = error.what
            self._observer.warned(error.what)

    def _measure(self, stage_id: str, model: SavedModel) -> Stage:
        self._observer.measuring(stage_id)
        remarks = () if self._stages else self._prepared.remarks
        stage = measure_stage(stage_id, model, self._stages, remarks, self._prepared.data, self._store)
        if not self._stages:
            self._baseline = model
        self._model = model.measured_as(stage.content, stage.measurement.remarks)
        self._stages.append(stage)
        self._observer.step_finished(stage_row(self.result(), len(self._stages) - 1))
        return stage

    def _teacher(self, step: PlannedStep) -> SavedModel | None:
        """The model that a step learns from; a teacher with a plan is made on first use, by a run of its own."""
        if step.teacher is None or step.teacher.is_baseline:
            return self._baseline if step.teacher else None
        name = step.teacher.name
        if name not in self._teachers:
            self._teachers[name] = self._make_teacher(step.teacher.plan_for(self._prepared.plan), name)
        return self._teachers[name]

    def _untrained_teacher(self, step: PlannedStep) -> SavedModel | None:
        if step.teacher is None or step.teacher.is_baseline:
            return self._prepared.source if step.teacher else None
        return self._load_teacher(step.teacher.plan_for(self._prepared.plan), step.teacher.name)

    def _make_teacher(self, plan: Plan, name: str) -> SavedModel:
        """Run a teacher's plan; if the plan has no steps, only load its model, without measuring it."""
        if not plan.stages:
            model = self._load_teacher(plan, name, self._store.group)
            path = model.file.path
            self._store.count_files(_subfolder(name), {f"{path.parent.name}/{path.name}": model.file.digest})
            return model
        subfolder = _subfolder(name)
        folder, relay = self._store.folder_for(subfolder), TeacherObserver(self._observer, name)
        with started(plan, folder, self._store.cache, relay) as run:
            for step in plan.stages:
                run.stage(step) if self._store.leads else run.follow(step)
            self._store.count_files(subfolder, run.files)
            return run.model

    def _load_teacher(self, plan: Plan, name: str, group: WorkerGroup | None = None) -> SavedModel:
        """The model that a teacher's plan starts from, which the workers of a group get as well."""
        folder, relay = self._store.folder_for(_subfolder(name)), TeacherObserver(self._observer, name)
        with StageStore(plan, folder, self._store.cache, relay.waiting, relay.warned, group) as store:
            return load_source(plan, store)


def _subfolder(teacher: str) -> str:
    return f"teachers/{re.sub(r'[^A-Za-z0-9._-]', '-', teacher)}"
