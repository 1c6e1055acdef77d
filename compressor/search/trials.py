"""The loop of a search: ask what to try, have it run, and tell what came of it, several trials at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from compressor.base.errors import CompressorError, DataError, OutputError, StepError
from compressor.contracts.execution_plan import Plan
from compressor.planning.open_recipe import OpenRecipe
from compressor.planning.planner import resolve
from compressor.planning.recipe_paths import absolute
from compressor.planning.registry import Registry
from compressor.recipe.document import dump
from compressor.recipe.objectives import Goal, goals_of
from compressor.recipe.search_space import Assignment
from compressor.run.cache.run_cache import CachePlace
from compressor.search.executor import Executor
from compressor.search.held_steps import HOLDING, HeldSteps
from compressor.search.optuna_study import OptunaStudy
from compressor.search.search_folder import drop_trial_folder, trial_folder
from compressor.search.settings import all_start_alike, first_of
from compressor.search.trial_job import TrialJob, TrialResult
from compressor.search.trial_record import Front, TrialRecord

_LOOKS = 0.5  # seconds between two looks at the clock
_HOPELESS = 10  # trials, after which a search ends if all have failed for the same reason


@dataclass(frozen=True)
class Budget:
    """When a search ends: after so many trials, those of an interrupted search included, or so many minutes.

    Trials that repeat an earlier one do not count, since they are not run.

    Where it `cuts`, trials that run when the minutes are over are ended, once one has been measured to its end.
    """

    trials: int | None = None
    minutes: float | None = None
    cuts: bool = False

    def is_spent(self, trials: int, seconds: float) -> bool:
        """Whether no trial is to begin any more."""
        return (self.trials is not None and trials >= self.trials) or self.is_over(seconds)

    def is_over(self, seconds: float) -> bool:
        """Whether the minutes are over."""
        return self.minutes is not None and seconds >= self.minutes * 60


class Watcher(Protocol):
    """Told of the trials of a search as they begin and end."""

    def began(self, number: int, steps: Sequence[str]) -> None:
        """A trial begins; `steps` are what it takes."""

    def finished(self, record: TrialRecord, folder: Path | None) -> None:
        """A trial is over. Its files are still in `folder`, unless it was not run."""


class Search:
    """Tries the recipes of a space.

    What is tried depends on the recipe, the sampler, the seed, and how many places the executor has, but not on how
    long trials take: trial n is chosen by what came of the trials up to n - `_ahead`, and told in their order.
    """

    def __init__(
        self,
        opened: OpenRecipe,
        registry: Registry,
        folder: Path,
        cache: CachePlace,
        executor: Executor,
        *,
        sampler: str = "tpe",
        seed: int = 0,
        smoke: bool = False,
        trust_model: bool = False,
        first: Sequence[Assignment] = (),
        keep_models: bool = False,
        draw_anew: bool = False,
    ) -> None:
        """Open a search in a claimed folder, or go on with the one that is there.

        Args:
            opened: the recipe, every branch of which has been checked.
            registry: the plugins, with those of the recipe's files.
            folder: the folder of the search.
            cache: by which trials share steps.
            executor: runs the trials.
            sampler: chooses what is tried: one of `SAMPLERS`.
            seed: of the sampler, and of each run.
            smoke: whether runs take a few samples and training steps only.
            trust_model: whether code in the model's file may run.
            first: what to try before the sampler chooses.
            keep_models: whether the model of a trial is to be in its folder when it is over.
            draw_anew: whether no trial is to hold early steps of another one.

        Raises:
            SearchError: Optuna is not installed, or a grid has no end.
        """
        self._opened, self._registry, self._folder, self._cache = opened, registry, folder, cache
        self._executor, self._keep_models = executor, keep_models
        self._seed, self._smoke, self._trust = seed, smoke, trust_model
        example = self.plan_of(first_of(opened))
        self.goals: tuple[Goal, ...] = goals_of(example.recipe.objectives, example.metrics)
        holds = sampler in HOLDING and not draw_anew
        held = HeldSteps(opened.space, self.plan_of) if holds else None
        self._study = OptunaStudy(folder, opened.space, self.goals, sampler, seed, held)
        self._study.enqueue_first(first)
        self._ahead = 1 if executor.places == 1 else 2 * executor.places
        self._rehearsed: set[tuple[str, ...]] = set()
        self.front = Front(self.goals)
        self._first: dict[str, int] = {}  # the trial that first tried an assignment, by its text
        self._over: dict[int, TrialRecord] = {}
        for record in (*self._study.records, *self._study.kept):
            self._over[record.number] = record
            self._first.setdefault(_text(record.assignment), record.number)
            self.front.add(record)
        self._running: dict[int, tuple[Assignment, TrialJob]] = {}
        self._repeats: dict[int, list[tuple[int, Assignment]]] = {}  # of trials that are not over
        self._untold: list[int] = []  # trials that were asked for, in order
        self._asked = len(self._study.records)
        self._repeated = sum(record.repeats > 0 for record in self._study.records)  # of those that were asked for

    @property
    def records(self) -> list[TrialRecord]:
        """Every trial that is over, in order."""
        return [self._over[number] for number in sorted(self._over)]

    @property
    def held(self) -> Mapping[int, int]:
        """The trials that hold the early steps of another one, and of which."""
        return self._study.held

    @property
    def importances(self) -> tuple[Mapping[str, float], ...]:
        """How much each choice decides of each objective, as `OptunaStudy.importances` tells it."""
        return self._study.importances()

    def plan_of(self, assignment: Assignment) -> Plan:
        """The plan of the recipe that a choice makes.

        Raises:
            CompressorError: the recipe is not valid.
        """
        recipe = self._opened.drawn(assignment)
        plan = resolve(recipe, self._registry, seed=self._seed, smoke=self._smoke)
        return replace(plan, trust_model=self._trust)

    def run(self, budget: Budget, watcher: Watcher) -> list[TrialRecord]:
        """Run trials until the budget is spent or every recipe has been tried; returns all trials.

        A trial that fails is over, and the next one begins.

        Args:
            budget: when to end.
            watcher: is told of each trial.

        Raises:
            StepError: every trial has failed.
            DataError: the model or the data that all trials start from is at fault.
            OutputError: a disk is full or fails, which no other trial would survive.
        """
        began = time.monotonic()
        while True:
            seconds = time.monotonic() - began
            more = not (budget.is_spent(self._asked - self._repeated, seconds) or self._study.is_exhausted)
            if more and self._executor.is_free and self._tell_up_to(self._asked + 1 - self._ahead):
                self._begin(watcher)
                continue
            if not self._running:
                break
            if budget.cuts and budget.is_over(seconds) and any(record.values for record in self._over.values()):
                for number in self._executor.stop():  # they are begun anew where the search goes on
                    drop_trial_folder(self._folder, number)
                    del self._running[number]
                continue
            result = self._executor.wait(_LOOKS)
            if result is not None:
                self._take(result, watcher)
                self._refuse_hopeless()
        records = self.records
        if records and all(record.state == "failed" for record in records):
            which = f"all {len(records)} trials failed; the first one" if len(records) > 1 else "the only trial failed"
            what = f"{which}: {records[0].reason}"
            raise StepError(what, "mend that, or change what the recipe leaves open")
        return records

    def _refuse_hopeless(self) -> None:
        """End a search of which every trial so far has failed for the same reason."""
        tried = [record for record in self._over.values() if not record.repeats]
        reasons = [record.reason if record.state == "failed" else "" for record in tried]
        if len(reasons) >= _HOPELESS and reasons[0] and len(set(reasons)) == 1:
            what = f"the first {len(reasons)} trials all failed for the same reason: {reasons[0]}"
            raise StepError(what, "mend that, or change what the recipe leaves open")

    def _begin(self, watcher: Watcher) -> None:
        number, assignment = self._study.ask()
        self._asked += 1
        self._untold.append(number)
        first = self._first.setdefault(_text(assignment), number)
        self._repeated += first != number
        if number in self._over:  # before the search was interrupted
            return
        if first in self._over:
            self._finish(_as_before(self._over[first], number, assignment), watcher, None)
        elif first != number:
            self._repeats.setdefault(first, []).append((number, assignment))
        else:
            try:
                job = self._job(number, assignment)
            except CompressorError as error:
                if isinstance(error, OutputError):
                    raise
                reason = str(error).split("\n", 1)[0]
                self._finish(TrialRecord(number, assignment, "failed", reason=reason), watcher, None)
                return
            self._running[number] = assignment, job
            self._rehearsed.add(job.steps)  # one of several trials at once is enough
            watcher.began(number, job.steps)
            self._executor.submit(job)

    def _job(self, number: int, assignment: Assignment) -> TrialJob:
        recipe = self.plan_of(assignment).recipe
        steps = tuple(step.uses for step in recipe.steps)
        return TrialJob(
            number=number,
            name=recipe.name,
            recipe=dump(absolute(recipe)),
            steps=steps,
            folder=str(trial_folder(self._folder, number).absolute()),
            cache=self._cache,
            seed=self._seed,
            smoke=self._smoke,
            trust_model=self._trust,
            rehearse=steps not in self._rehearsed,
            keep_model=self._keep_models,
        )

    def _take(self, result: TrialResult, watcher: Watcher) -> None:
        assignment, job = self._running.pop(result.number)
        if result.fatal is not None:
            raise OutputError(*result.fatal)
        if result.unfit is not None and all_start_alike(self._opened) and not any(one.values for one in self.records):
            raise DataError(*result.unfit)
        if result.failed:
            self._rehearsed.discard(job.steps)
        record = self._record(result, assignment)
        self._finish(record, watcher, Path(job.folder))
        drop_trial_folder(self._folder, result.number)
        for number, same in self._repeats.pop(result.number, ()):
            self._finish(_as_before(record, number, same), watcher, None)

    def _finish(self, record: TrialRecord, watcher: Watcher, folder: Path | None) -> None:
        self._over[record.number] = record
        self.front.add(record)
        watcher.finished(record, folder)  # may publish its model, which is to be there before it counts as over
        self._study.keep(record)

    def _tell_up_to(self, number: int) -> bool:
        """Tell the trials up to one, in order; whether all of them are over."""
        while self._untold and self._untold[0] <= number:
            if self._untold[0] not in self._over:
                return False
            self._study.tell(self._over[self._untold.pop(0)])
        return True

    def _record(self, result: TrialResult, assignment: Assignment) -> TrialRecord:
        number, seconds = result.number, result.seconds
        if result.failed:
            return TrialRecord(number, assignment, "failed", reason=result.failed, seconds=seconds)
        if result.stopped:
            return TrialRecord(number, assignment, "stopped", (), result.misses, result.stopped, seconds)
        unknown = [goal.name for goal, value in zip(self.goals, result.values, strict=True) if value is None]
        if unknown:
            reason = f"{', '.join(unknown)} is not known of its file, and is an objective"
            return TrialRecord(number, assignment, "failed", reason=reason, seconds=seconds)
        values = tuple(float(value) for value in result.values if value is not None)
        return TrialRecord(number, assignment, "done", values, result.misses, "", seconds)


def _as_before(record: TrialRecord, number: int, assignment: Assignment) -> TrialRecord:
    """The record of a trial that tries what another one has tried."""
    first = record.repeats or record.number
    return replace(record, number=number, assignment=assignment, repeats=first, seconds=0.0)


def _text(assignment: Assignment) -> str:
    return json.dumps(assignment, sort_keys=True)
