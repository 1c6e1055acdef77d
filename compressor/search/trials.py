"""The loop of a search: ask what to try, run it, and tell what came of it, one trial after the other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from compressor.base.disk_faults import disk_fault
from compressor.base.errors import CompressorError, OutputError, StepError
from compressor.contracts.execution_plan import Plan
from compressor.contracts.observer import Observer
from compressor.planning.open_recipe import OpenRecipe
from compressor.planning.planner import resolve
from compressor.planning.registry import Registry
from compressor.recipe.objectives import Goal, goals_of
from compressor.recipe.search_space import Assignment
from compressor.run.cache.store import Cache
from compressor.search.optuna_study import OptunaStudy
from compressor.search.search_folder import trial_folder
from compressor.search.trial_record import TrialRecord
from compressor.search.tried_recipe import Outcome, run_trial


@dataclass(frozen=True)
class Budget:
    """When a search ends: after so many trials, those of an interrupted search included, or so many minutes."""

    trials: int | None = None
    minutes: float | None = None

    def is_spent(self, trials: int, seconds: float) -> bool:
        """Whether no trial is to begin any more."""
        return (self.trials is not None and trials >= self.trials) or (
            self.minutes is not None and seconds >= self.minutes * 60
        )


class Search:
    """Tries the recipes of a space."""

    def __init__(
        self,
        opened: OpenRecipe,
        registry: Registry,
        folder: Path,
        cache: Cache,
        *,
        sampler: str = "tpe",
        seed: int = 0,
        smoke: bool = False,
        trust_model: bool = False,
    ) -> None:
        """Open a search in a claimed folder, or go on with the one that is there.

        Args:
            opened: the recipe, every branch of which has been checked.
            registry: the plugins, with those of the recipe's files.
            folder: the folder of the search.
            cache: shares steps among the trials.
            sampler: chooses what is tried: one of `SAMPLERS`.
            seed: of the sampler, and of each run.
            smoke: whether runs take a few samples and training steps only.
            trust_model: whether code in the model's file may run.

        Raises:
            SearchError: Optuna is not installed, or a grid has no end.
        """
        self._opened, self._registry, self._folder, self._cache = opened, registry, folder, cache
        self._seed, self._smoke, self._trust = seed, smoke, trust_model
        first = self.plan_of(_first(opened))
        self.goals: tuple[Goal, ...] = goals_of(first.recipe.objectives, first.metrics)
        self._study = OptunaStudy(folder, opened.space, self.goals, sampler, seed)
        self._rehearsed: set[str] = set()

    @property
    def records(self) -> list[TrialRecord]:
        """Every trial that is over."""
        return self._study.records

    def plan_of(self, assignment: Assignment) -> Plan:
        """The plan of the recipe that a choice makes.

        Raises:
            CompressorError: the recipe is not valid.
        """
        recipe = self._opened.drawn(assignment)
        plan = resolve(recipe, self._registry, seed=self._seed, smoke=self._smoke)
        return replace(plan, trust_model=self._trust)

    def run(self, budget: Budget, observer: Observer, finished: Callable[[TrialRecord], None]) -> list[TrialRecord]:
        """Run trials until the budget is spent or every recipe has been tried; returns all trials.

        A trial that fails is over, and the next one begins.

        Args:
            budget: when to end.
            observer: is told what happens within each run.
            finished: is told of each trial that is over.

        Raises:
            StepError: every trial has failed.
            OutputError: a disk is full or fails, which no other trial would survive.
        """
        began = time.monotonic()
        while not (budget.is_spent(len(self.records), time.monotonic() - began) or self._study.is_exhausted):
            number, assignment = self._study.ask()
            record = self._tried(number, assignment, observer)
            self._study.tell(record)
            finished(record)
        records = self.records
        if records and all(record.state == "failed" for record in records):
            what = f"all {len(records)} trials failed; the first one: {records[0].reason}"
            raise StepError(what, "mend that, or change what the recipe leaves open")
        return records

    def _tried(self, number: int, assignment: Assignment, observer: Observer) -> TrialRecord:
        text = json.dumps(assignment, sort_keys=True)
        same = [it for it in self.records if json.dumps(it.assignment, sort_keys=True) == text and not it.repeats]
        if same:
            return replace(same[0], number=number, repeats=same[0].number, seconds=0.0)
        began = time.monotonic()
        try:
            outcome = self._outcome(assignment, observer)
        except CompressorError as error:
            if isinstance(error, OutputError) or disk_fault(error):
                raise
            return TrialRecord(number, assignment, "failed", reason=_reason(error), seconds=time.monotonic() - began)
        return self._record(number, assignment, outcome, time.monotonic() - began)

    def _outcome(self, assignment: Assignment, observer: Observer) -> Outcome:
        plan = self.plan_of(assignment)
        steps = ",".join(step.uses for step in plan.stages)
        rehearse = steps not in self._rehearsed
        outcome = run_trial(plan, self.goals, trial_folder(self._folder), self._cache, observer, rehearse)
        self._rehearsed.add(steps)
        return outcome

    def _record(self, number: int, assignment: Assignment, outcome: Outcome, seconds: float) -> TrialRecord:
        if outcome.stopped:
            return TrialRecord(number, assignment, "stopped", (), outcome.misses, outcome.stopped, seconds)
        unknown = [goal.name for goal, value in zip(self.goals, outcome.values, strict=True) if value is None]
        if unknown:
            reason = f"{', '.join(unknown)} is not known of its file, and is an objective"
            return TrialRecord(number, assignment, "failed", reason=reason, seconds=seconds)
        values = tuple(float(value) for value in outcome.values if value is not None)
        return TrialRecord(number, assignment, "done", values, outcome.misses, "", seconds)


def _first(opened: OpenRecipe) -> Assignment:
    structure = next(iter(opened.space.every_structure()))
    return {**structure, **{one.name: one.search.ends[0] for one in opened.space.open_in(structure)}}


def _reason(error: CompressorError) -> str:
    return str(error).split("\n", 1)[0]
