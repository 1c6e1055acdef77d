"""What is known of a trial once it is over, and which trials are the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from compressor.recipe.objectives import Goal

State: TypeAlias = Literal["done", "stopped", "failed"]


@dataclass(frozen=True)
class TrialRecord:
    """A trial that is over.

    Attributes:
        number: counts from 1.
        assignment: what was tried, by the name of the choice.
        state: whether it was measured to its end, stopped at a limit that it would miss for certain, or failed.
        values: of the objectives, as they are, measured on the validation split; empty unless it is done.
        misses: by how much it misses each constraint, as a share of the limit; 0 where it meets it.
        reason: why it was stopped or failed.
        seconds: that it took.
        repeats: the trial that tried the same recipe before, whose results these are; 0 if none did.
    """

    number: int
    assignment: Mapping[str, Any]
    state: State
    values: tuple[float, ...] = ()
    misses: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0
    repeats: int = 0

    @property
    def meets_all(self) -> bool:
        """Whether it was measured, and meets every constraint."""
        return self.state == "done" and not any(miss > 0 for miss in self.misses.values())

    @property
    def missed(self) -> str:
        """The constraints that it misses, as text."""
        return ", ".join(name for name, miss in self.misses.items() if miss > 0)


class Front:
    """The trials that no other one beats, kept as trials come in.

    Only trials that meet all constraints count; of several with the same values, the first stands for all.
    """

    def __init__(self, goals: Sequence[Goal]) -> None:
        self._goals = goals
        self._best: list[TrialRecord] = []

    def add(self, record: TrialRecord) -> bool:
        """Take a trial into account; returns whether it is among the best now."""
        if not record.meets_all or any(_stands_before(other, record, self._goals) for other in self._best):
            return False
        self._best = [other for other in self._best if not _stands_before(record, other, self._goals)]
        self._best.append(record)
        return True

    @property
    def records(self) -> list[TrialRecord]:
        """The best trials in the order of the first objective, best last for one to maximize."""
        return sorted(self._best, key=lambda record: (record.values, record.number))


def front_of(records: Iterable[TrialRecord], goals: Sequence[Goal]) -> list[TrialRecord]:
    """The trials that no other one beats, as `Front` orders them."""
    front = Front(goals)
    for record in records:
        front.add(record)
    return front.records


def closest(records: Sequence[TrialRecord]) -> TrialRecord | None:
    """The trial that misses the constraints by least, where none meets them all."""
    measured = [record for record in records if record.state == "done"]
    return min(measured, key=lambda record: sum(record.misses.values()), default=None)


def _stands_before(one: TrialRecord, other: TrialRecord, goals: Sequence[Goal]) -> bool:
    return _beats(one, other, goals) or (one.values == other.values and one.number < other.number)


def _beats(one: TrialRecord, other: TrialRecord, goals: Sequence[Goal]) -> bool:
    signed = [
        (-mine, -its) if goal.maximize else (mine, its)
        for goal, mine, its in zip(goals, one.values, other.values, strict=True)
    ]
    return all(mine <= its for mine, its in signed) and any(mine < its for mine, its in signed)
