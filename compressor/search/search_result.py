"""What a search comes to: every trial, the front, and what decided it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from compressor.recipe.objectives import Goal
from compressor.recipe.search_space import Choice
from compressor.search.front import FrontPoint
from compressor.search.trial_record import TrialRecord


@dataclass(frozen=True)
class SearchResult:
    """A search that has ended.

    Attributes:
        name: of the recipe.
        size: of its space, as text.
        choices: everything that the recipe leaves open.
        goals: the objectives.
        records: every trial, in order.
        points: the front, each run once more and measured on the test split.
        importances: for each objective, how much each choice decides of it, as shares of 1.
        held: the trials that held the early steps of another one, and of which.
    """

    name: str
    size: str
    choices: Sequence[Choice]
    goals: Sequence[Goal]
    records: Sequence[TrialRecord]
    points: Sequence[FrontPoint]
    importances: Sequence[Mapping[str, float]]
    held: Mapping[int, int] = field(default_factory=dict)

    @property
    def measured(self) -> list[TrialRecord]:
        """The trials that were measured to their end."""
        return [record for record in self.records if record.state == "done"]

    @property
    def best(self) -> set[int]:
        """The numbers of the trials on the front."""
        return {point.record.number for point in self.points}

    def counted(self, state: str) -> int:
        """How many trials ended in a state."""
        return sum(record.state == state for record in self.records)
