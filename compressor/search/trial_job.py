"""One trial as plain data: what a process needs to run it, wherever it is, and what comes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from compressor.base.disk_faults import disk_fault, disk_faults_named
from compressor.base.errors import CompressorError, OutputError
from compressor.contracts.execution_plan import Plan
from compressor.contracts.observer import Observer
from compressor.planning.planner import resolve
from compressor.planning.registry import Registry
from compressor.recipe.document import RecipeText
from compressor.recipe.load import load
from compressor.recipe.objectives import goals_of
from compressor.run.cache.run_cache import CachePlace
from compressor.run.cache.store import Cache
from compressor.search.tried_recipe import StartError, run_trial


@dataclass(frozen=True)
class TrialJob:
    """A trial to run.

    Attributes:
        number: of the trial, from 1 on.
        name: of the recipe.
        recipe: a recipe in which nothing is open, as YAML, with absolute paths.
        steps: what its steps use, in order.
        folder: an empty folder for the stages' files.
        cache: where the cache is, which several processes may use at once.
        seed: of the run.
        smoke: whether a few samples and training steps are enough.
        trust_model: whether code in the model's file may run.
        rehearse: whether to take all steps on the untrained model first.
        keep_model: whether to leave the model that ships in the folder, beside the stages.
    """

    number: int
    name: str
    recipe: str
    steps: tuple[str, ...]
    folder: str
    cache: CachePlace
    seed: int = 0
    smoke: bool = False
    trust_model: bool = False
    rehearse: bool = False
    keep_model: bool = False

    def as_json(self) -> str:
        """One line, which `job_from` reads."""
        return json.dumps({**asdict(self), "cache": self.cache.as_data()})


@dataclass(frozen=True)
class TrialResult:
    """What came of a trial.

    Attributes:
        number: of the trial.
        values: of the objectives; None where one is not known. Empty unless the trial was measured to its end.
        misses: by how much it misses each constraint, as a share of the limit.
        stopped: why it was stopped at a limit that it would miss for certain.
        failed: why it failed.
        seconds: that it took.
        memory: the most bytes that the process has had in memory so far; 0 where nothing tells.
        fatal: what is wrong and what to do, of a fault that no other trial would survive, such as a full disk.
        unfit: the same of a fault of the model or the data that it started from; it has failed then.
    """

    number: int
    values: tuple[float | None, ...] = ()
    misses: Mapping[str, float] = field(default_factory=dict)
    stopped: str = ""
    failed: str = ""
    seconds: float = 0.0
    memory: int = 0
    fatal: tuple[str, str] | None = None
    unfit: tuple[str, str] | None = None

    def as_data(self) -> dict[str, Any]:
        """Plain data, which `result_from` reads."""
        return asdict(self)


def job_from(text: str) -> TrialJob:
    """The job that a line describes."""
    known = json.loads(text)
    return TrialJob(**{**known, "steps": tuple(known["steps"]), "cache": CachePlace.from_data(known["cache"])})


def result_from(known: Mapping[str, Any]) -> TrialResult:
    """The result that plain data describes."""
    faults = {name: known[name] and tuple(known[name]) for name in ("fatal", "unfit")}
    return TrialResult(**{**known, "values": tuple(known["values"]), **faults})


def plan_of_job(job: TrialJob, registry: Registry) -> Plan:
    """The plan of the job's recipe, whose plugin files are imported.

    Raises:
        CompressorError: the recipe is not valid.
    """
    recipe = load(RecipeText(job.name, job.recipe))
    return replace(resolve(recipe, registry, seed=job.seed, smoke=job.smoke), trust_model=job.trust_model)


def run_job(job: TrialJob, registry: Registry, cache: Cache, observer: Observer) -> TrialResult:
    """Run a trial in this process; a trial that fails has a result as well.

    Args:
        job: the trial.
        registry: the plugins.
        cache: shares steps with other trials.
        observer: is told what happens within the run.
    """
    began = time.monotonic()
    try:
        with disk_faults_named(Path(job.folder), cache.folder):
            plan = plan_of_job(job, registry)
            goals = goals_of(plan.recipe.objectives, plan.metrics)
            outcome = run_trial(plan, goals, Path(job.folder), cache, observer, job.rehearse, job.keep_model)
    except CompressorError as error:
        if isinstance(error, OutputError) or disk_fault(error):
            return TrialResult(job.number, fatal=(error.what, error.remedy), seconds=time.monotonic() - began)
        reason = str(error).split("\n", 1)[0]
        unfit = (error.what, error.remedy) if isinstance(error, StartError) else None
        return TrialResult(job.number, failed=reason, seconds=time.monotonic() - began, unfit=unfit)
    return TrialResult(job.number, outcome.values, outcome.misses, outcome.stopped, seconds=time.monotonic() - began)
