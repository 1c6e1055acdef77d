"""The study that Optuna keeps of a search: asks it what to try next, and tells it what came of that.

Akiba et al. 2019, "Optuna: A Next-generation Hyperparameter Optimization Framework" (arXiv 1907.10902).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from compressor.base.errors import CompressorError, ExitCode
from compressor.recipe.objectives import Goal
from compressor.recipe.search_space import Assignment, Space
from compressor.search.held_steps import Held, HeldSteps
from compressor.search.importances import importances_of
from compressor.search.optuna_choices import NOTHING, choices_of, encoded, every_point, grid_point
from compressor.search.spread_points import spread_point
from compressor.search.trial_record import Front, State, TrialRecord

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial, TrialState

SAMPLERS = ("tpe", "random", "nsga2", "grid")
_JOURNAL, _LOCK = "journal.log", "journal.log.lock"
_NAME = "search"
_FAILED = "a run that does not fail"
_HELD = "holds"  # the trial whose early steps a trial holds
_SPREAD = 10  # trials that `tpe` would draw at random, since it has nothing to learn from yet
_FEW_RECIPES = 10_000  # of a space, in which one that was not tried is looked for
_FEW_LATE = 20  # recipes with the same early steps, among which the sampler would soon draw one again


class SearchError(CompressorError):
    """A search that cannot be made as it was asked for."""

    exit_code = ExitCode.USAGE


class OptunaStudy:
    """A study in a folder that no other process uses.

    What is asked next depends on the seed, the number of the trial and the trials before it, and not on whether the
    search was interrupted in between.
    """

    def __init__(
        self, folder: Path, space: Space, goals: Sequence[Goal], sampler: str, seed: int, held: HeldSteps | None = None
    ) -> None:
        """Open the study, or begin one; with `held`, some trials hold early steps of others.

        Raises:
            SearchError: Optuna is not installed, or a grid has no end.
        """
        refuse_without_optuna()
        if sampler == "grid" and space.count is None:
            endless = next(choice.name for choice in space.values if choice.search.count is None)
            what = f"a grid needs a range with an end, and {endless!r} has numbers without end"
            raise SearchError(what, "give it a 'step' or a list of values, or choose another sampler")
        self._space, self._goals, self._sampler, self._seed = space, goals, sampler, seed
        with _quiet():
            self._study = _opened(folder, ["maximize" if goal.maximize else "minimize" for goal in goals])
        trials = self._study.get_trials(deepcopy=False)
        self._records = [_record(trial) for trial in trials if trial.state.is_finished()]
        self._tried = {_text(record.assignment) for record in self._records}
        self._holding = held
        self._front = Front(goals)
        for record in self._records:
            self._front.add(record)
        self._asked = [record.assignment for record in self._records]
        self._held = {trial.number + 1: trial.user_attrs[_HELD] for trial in trials if _HELD in trial.user_attrs}
        self._begun: dict[int, Trial] = {}
        self._kept = {trial.number + 1 for trial in trials if "state" in trial.user_attrs}
        self._cut = [trial for trial in trials if trial.state == _states().RUNNING]
        self._waiting = [trial.number for trial in trials if trial.state == _states().WAITING]
        self._count = len(trials)

    @property
    def records(self) -> list[TrialRecord]:
        """Every trial that was told, in order."""
        return list(self._records)

    @property
    def kept(self) -> list[TrialRecord]:
        """The trials of an interrupted search that were over and could not be told yet; `ask` gives them again."""
        return [_record(trial) for trial in self._cut if "state" in trial.user_attrs]

    @property
    def held(self) -> Mapping[int, int]:
        """The trials that hold the early steps of another one, and of which."""
        return dict(self._held)

    @property
    def is_exhausted(self) -> bool:
        """Whether every recipe of the space has been asked for."""
        return self._space.count is not None and len(self._tried) >= self._space.count and not self._cut

    def enqueue_first(self, assignments: Sequence[Assignment]) -> None:
        """Have these tried first, in this order, unless the search goes on with one that has begun to."""
        if len(self._waiting) < self._count:
            return
        for assignment in assignments[self._count :]:
            with _quiet():
                self._study.enqueue_trial(encoded(self._space, assignment))
            self._waiting.append(self._count)
            self._count += 1

    def ask(self) -> tuple[int, Assignment]:
        """The number of a trial, from 1 on, and what to try: first the trials that were interrupted, if any were."""
        from optuna.trial import Trial

        with _quiet():
            if self._cut:
                cut = self._cut.pop(0)
                is_chosen = "assignment" in cut.user_attrs
                holds = not is_chosen and "fixed_params" not in cut.system_attrs
                self._study.sampler = self._sampler_for(cut.number, self._hold(cut.number) if holds else None)
                trial = Trial(self._study, cut._trial_id)
                if not is_chosen:  # to its end: what follows depends on the random numbers that were drawn before
                    trial._cached_frozen_trial.params.clear()
                    trial._cached_frozen_trial.distributions.clear()
            else:
                is_new = not self._waiting  # others were enqueued, or killed before they were asked for
                number = self._count if is_new else self._waiting.pop(0)
                self._count += is_new
                held = self._hold(number) if is_new and not self._has_repeated else None
                self._study.sampler = self._sampler_for(number, held)
                if is_new and self._sampler == "grid":
                    self._study.enqueue_trial(encoded(self._space, grid_point(self._space, number)))
                elif is_new and (untried := self._untried(number, held)) is not None:
                    told = {_HELD: held.trial} if held else None
                    self._study.enqueue_trial(encoded(self._space, untried), user_attrs=told)
                elif is_new and held is None and self._sampler == "tpe" and number < _SPREAD:
                    self._study.enqueue_trial(encoded(self._space, spread_point(self._space, number, self._seed)))
                trial = self._study.ask()
            assignment = choices_of(trial, self._space)
            if trial.number + 1 in self._held:
                trial.set_user_attr(_HELD, self._held[trial.number + 1])
            trial.set_user_attr("assignment", assignment)
        self._begun[trial.number] = trial
        self._tried.add(_text(assignment))
        self._asked.append(assignment)
        return trial.number + 1, assignment

    @property
    def _has_repeated(self) -> bool:
        """Whether the last trial that was asked for is one that had been tried."""
        return bool(self._asked) and self._asked[-1] in self._asked[:-1]

    def _untried(self, number: int, held: Held | None) -> Assignment | None:
        """A recipe that was not asked for, where the sampler is likely to repeat one; with the steps that are held.

        None where it may draw one, since there are many, or no end of them.
        """
        if held is None and not self._has_repeated:
            return None
        count, few = (held.recipes, _FEW_LATE) if held else (self._space.count, _FEW_RECIPES)
        if count is None or count > few:
            return None
        fixed = held.choices if held else NOTHING
        points = [point for point in every_point(self._space, fixed) if _text(point) not in self._tried]
        if not points:
            return None
        return points[int(np.random.default_rng([self._seed, number]).integers(len(points)))]

    def keep(self, record: TrialRecord) -> None:
        """Keep what came of a trial that was asked for, so that it is not lost before it is told."""
        trial = self._begun[record.number - 1]
        with _quiet():
            for key in ("reason", "seconds", "repeats"):
                trial.set_user_attr(key, getattr(record, key))
            trial.set_user_attr("misses", dict(record.misses))
            trial.set_user_attr("values", list(record.values))
            trial.set_user_attr("state", record.state)  # last, since a trial with a state is over
        self._kept.add(record.number)

    def tell(self, record: TrialRecord) -> None:
        """What came of a trial that was asked for; the sampler knows of it from now on."""
        if record.number not in self._kept:
            self.keep(record)
        trial = self._begun.pop(record.number - 1)
        state = _states().COMPLETE if record.state == "done" else _states().PRUNED
        with _quiet():
            if (
                record.state == "failed"
            ):  # Optuna forgets trials that are told to have failed, and would try the same again
                trial.set_constraint(_FAILED, 1.0)
            for name, miss in record.misses.items():
                trial.set_constraint(name, miss)
            values = list(record.values) if record.state == "done" else None
            self._study.tell(trial, values, state)
        self._records.append(record)
        self._front.add(record)

    def importances(self) -> tuple[Mapping[str, float], ...]:
        """How much each choice decides of each objective, as `importances_of` tells it."""
        with _quiet():
            return importances_of(self._study.get_trials(deepcopy=False, states=(_states().COMPLETE,)), self._goals)

    def _hold(self, number: int) -> Held | None:
        """The steps of another trial that this one holds, if any."""
        held = self._holding.chosen(self._front.records, self._asked) if self._holding else None
        if held is not None:
            self._held[number + 1] = held.trial
        return held

    def _sampler_for(self, number: int, held: Held | None) -> BaseSampler:
        """A sampler that knows nothing but the seed and the trial's number, beside the trials before it."""
        from optuna import samplers

        seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1)[0])
        make: Mapping[str, Callable[..., BaseSampler]] = {
            "tpe": samplers.TPESampler,
            "random": samplers.RandomSampler,
            "nsga2": samplers.NSGAIISampler,
            "grid": samplers.RandomSampler,
        }
        sampler = make[self._sampler](seed=seed)
        if held is None:
            return sampler
        return samplers.PartialFixedSampler(encoded(self._space, held.choices), sampler)


def _states() -> type[TrialState]:
    from optuna.trial import TrialState

    return TrialState


def refuse_without_optuna() -> None:
    """Refuse a search where Optuna is not installed.

    Raises:
        SearchError: it is not.
    """
    if find_spec("optuna") is None:
        raise SearchError("a search needs Optuna, which is not installed", "run: pip install 'compressor[search]'")


def _opened(folder: Path, directions: Sequence[Literal["maximize", "minimize"]]) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    (folder / _LOCK).unlink(missing_ok=True)  # of a process that was killed; the folder is ours
    _cut_half_written_line(folder / _JOURNAL)
    storage = JournalStorage(JournalFileBackend(str(folder / _JOURNAL)))
    return optuna.create_study(storage=storage, study_name=_NAME, directions=directions, load_if_exists=True)


def _cut_half_written_line(path: Path) -> None:
    """Cut what a process that was killed has not written to its end, which Optuna would not read."""
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        with path.open("r+b") as stream:
            stream.truncate(len(whole))


def _record(trial: FrozenTrial) -> TrialRecord:
    known = trial.user_attrs
    state: State = known.get("state", "failed")
    return TrialRecord(
        number=trial.number + 1,
        assignment=known.get("assignment", {}),
        state=state,
        values=tuple(known.get("values") or trial.values or ()) if state == "done" else (),
        misses=known.get("misses", {}),
        reason=known.get("reason", ""),
        seconds=known.get("seconds", 0.0),
        repeats=known.get("repeats", 0),
    )


def _text(assignment: Assignment) -> str:
    return json.dumps(assignment, sort_keys=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Drop warnings of Optuna's about what is experimental or deprecated in it, which no user can mend."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="optuna")
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
