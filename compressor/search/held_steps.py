"""Which steps a trial holds: late steps are tried while early ones, which cost more, come from the cache.

Trials share the steps that they begin with, but where an early step has a number that is drawn anew, no two of them
do. So some trials hold the early steps of a good trial, and draw the rest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from compressor.base.errors import CompressorError
from compressor.base.text import listing
from compressor.contracts.execution_plan import Plan, PlannedStep
from compressor.recipe.search_space import BEFORE, Assignment, Choice, Position, Space
from compressor.search.trial_record import TrialRecord

HOLDING = ("tpe", "nsga2")  # samplers; `random` draws everything by its name, and `grid` keeps early steps anyway
_STAGE = 1.0  # what it costs to convert and measure a stage, in passes over the training data
_TRIAL = 1.0  # what a trial costs of which every step is in the cache
_FIRST = 5  # trials that choose everything: in a search of a few, another early step is worth more
_MOST = 8  # trials that try the same early steps
_MOST_BRANCHES = 32  # ways to go on that are looked at
_NONE: Any = object()


@dataclass(frozen=True)
class Cut:
    """Parts the steps of a recipe into early ones, which trials may hold, and late ones, which each draws.

    Attributes:
        at: the position of the first step that is drawn.
        steps: the ids of the early steps that differ between trials.
        trials: how many trials are to try the same early steps.
        early: what the early steps cost, in passes over the training data.
        late: what a trial costs beside them.
    """

    at: Position
    steps: tuple[str, ...]
    trials: int
    early: float
    late: float

    @property
    def share(self) -> float:
        """The early steps' share of what a trial costs that shares nothing."""
        return self.early / (self.early + self.late)

    def __str__(self) -> str:
        costs, those, are = ("costs", "that", "is") if len(self.steps) == 1 else ("cost", "those", "are")
        what = f"{listing(self.steps)} {costs} {self.share:.0%} of a trial"
        return f"{what}; {those} of a good trial {are} tried {self.trials} times"

    @property
    def gain(self) -> float:
        """How many trials there are in the time of one that shares nothing."""
        return (self.early + self.late) / (self.early / self.trials + self.late)


@dataclass(frozen=True)
class Held:
    """Early steps that a trial takes over from another one: which trial that is, and what was chosen for them.

    `recipes` is how many have these early steps; None if there is no end of them.
    """

    trial: int
    choices: Assignment
    recipes: int | None


class HeldSteps:
    """Tells of a trial which early steps are worth holding, and chooses what the next trial holds.

    Costs are known before anything runs: the epochs of a step, and not the seconds that it took, so that the same
    search is the same on every machine. With an early part that costs C and a late one that costs c, n draws of the
    late part for each of the early one, where n is the least with n (n + 1) >= C / c, tell most in the same time, if
    both matter as much: the size of clusters in two-stage sampling (Cochran 1977, "Sampling Techniques", chapter 10).
    """

    def __init__(self, space: Space, plan_of: Callable[[Assignment], Plan]) -> None:
        """Tell of the trials in a space, whose recipes `plan_of` plans."""
        self._space, self._plan_of = space, plan_of
        self._cuts: dict[str, Cut | None] = {}
        self._counts: dict[tuple[str, Position], int | None] = {}
        self._stages: dict[str, list[tuple[Position, str, float]]] = {}

    def cut(self, assignment: Assignment) -> Cut | None:
        """Where the steps of a trial are parted; None where holding some saves nothing."""
        structure = self._structure(assignment)
        key = _text(structure)
        if key not in self._cuts:
            self._cuts[key] = self._best_cut(structure)
        return self._cuts[key]

    @property
    def cuts(self) -> list[Cut]:
        """The ways in which steps are held, none twice; of a space with many ways to take steps, those of some."""
        some = islice(self._space.every_structure(), _MOST_BRANCHES)
        return list(dict.fromkeys(cut for structure in some if (cut := self.cut(structure)) is not None))

    def chosen(self, front: Sequence[TrialRecord], asked: Sequence[Assignment]) -> Held | None:
        """What the next trial holds; None if it draws everything, as the first ones do.

        It holds the early steps of one of the best trials, until these have been tried as often as they should be:
        those that were tried least, and of these the latest.

        Args:
            front: the best of the trials whose results are known.
            asked: what all trials before this one try.
        """
        if len(asked) < _FIRST:
            return None
        found: list[tuple[int, int, Held]] = []
        for record in front:
            cut = self.cut(record.assignment)
            if cut is None:
                continue
            early = self._early(record.assignment, cut)
            times = sum(all(one.get(name, _NONE) == value for name, value in early.items()) for one in asked)
            count = self._count(record.assignment, cut)
            if times < (cut.trials if count is None else min(cut.trials, count)):
                found.append((times, -record.number, Held(record.number, early, count)))
        return min(found, key=lambda one: one[:2])[2] if found else None

    def _best_cut(self, structure: Assignment) -> Cut | None:
        choices = self._choices(structure)
        first, *later = sorted({choice.position for choice in choices})
        try:
            cuts = [self._cut_at(at, first, structure) for at in later]
        except CompressorError:  # values between the ends of ranges that are no recipe
            return None
        best = max(cuts, key=lambda cut: cut.gain, default=None)
        return best if best is not None and best.trials > 1 else None

    def _cut_at(self, at: Position, first: Position, structure: Assignment) -> Cut:
        own = [(step, cost) for position, step, cost in self._costs(structure) if first <= position < at]
        early = sum(cost for _, cost in own)
        late = [
            sum(cost for position, _, cost in self._costs(branch) if position >= at)
            for branch in self._branches(structure, at)
        ]
        mean = sum(late) / len(late) + _TRIAL
        trials = next(n for n in range(1, _MOST + 1) if n == _MOST or n * (n + 1) >= early / mean)
        return Cut(at, tuple(step for step, _ in own), trials, early, mean)

    def _costs(self, structure: Assignment) -> list[tuple[Position, str, float]]:
        """The stages of a recipe: where each is taken, its id, and what it costs."""
        key = _text(structure)
        if key not in self._stages:
            middle = {choice.name: _middle(choice) for choice in self._space.open_in(structure)}
            plan = self._plan_of({**structure, **middle})
            places = self._space.positions(structure)
            stages = [(BEFORE, plan.baseline), *zip(places, plan.steps, strict=True)]
            self._stages[key] = [(place, step.id, _passes(step)) for place, step in stages if step is not None]
        return self._stages[key]

    def _branches(self, structure: Assignment, at: Position) -> list[Assignment]:
        """The ways to take steps that begin as this one does."""
        early = [choice.name for choice in self._space.steps if choice.position < at]
        alike = (
            other for other in self._space.every_structure() if all(other[name] == structure[name] for name in early)
        )
        return list(islice(alike, _MOST_BRANCHES))

    def _structure(self, assignment: Assignment) -> dict[str, Any]:
        return {choice.name: assignment[choice.name] for choice in self._space.steps}

    def _choices(self, structure: Assignment) -> list[Choice]:
        return [*self._space.steps, *self._space.open_in(structure)]

    def _early(self, assignment: Assignment, cut: Cut) -> dict[str, Any]:
        """The choices of a trial about its early steps."""
        return {
            choice.name: assignment[choice.name]
            for choice in self._space.choices
            if choice.position < cut.at and choice.name in assignment
        }

    def _count(self, assignment: Assignment, cut: Cut) -> int | None:
        """How many recipes have the early steps of a trial; None if there is no end of them."""
        structure = self._structure(assignment)
        key = _text(structure), cut.at
        if key not in self._counts:
            late = [
                [one.search.count for one in self._space.open_in(branch) if one.position >= cut.at]
                for branch in self._branches(structure, cut.at)
            ]
            endless = any(None in counts for counts in late)
            self._counts[key] = None if endless else sum(math.prod(one or 1 for one in counts) for counts in late)
        return self._counts[key]


def _passes(step: PlannedStep) -> float:
    """What a step costs, in passes over the training data."""
    params = step.strategy.params
    return _STAGE + float(getattr(params, "epochs", 0)) * float(getattr(params, "rounds", 1))


def _middle(choice: Choice) -> Any:
    search = choice.search
    if search.values:
        return search.values[len(search.values) // 2]
    if search.count is not None:
        return search.at(search.count // 2)
    return search.rounded(math.sqrt(search.low * search.high) if search.log else (search.low + search.high) / 2)


def _text(assignment: Assignment) -> str:
    return json.dumps(assignment, sort_keys=True)
