"""How sparsity rises while a model trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

_UPDATES = 100  # how often the masks change during the ramp, or the whole training


class Schedule(Protocol):
    """Sparsity over optimizer steps, counted from 1."""

    @property
    def settled(self) -> int:
        """The step after which sparsity no longer rises."""

    def sparsity(self, step: int, final: float) -> float:
        """Share of zeros after a step, 0 to 1, in kernels whose final share is `final`."""

    def is_due(self, step: int) -> bool:
        """Whether the masks are chosen again after a step."""


@dataclass(frozen=True)
class Curve:
    """Sparsity rises along a polynomial during the first `ramp` steps, from `initial` to its final value.

    Zhu & Gupta 2017 (arXiv 1710.01878), equation 1. A final value below `initial` applies from the start.
    """

    initial: float
    power: float
    ramp: int

    @property
    def settled(self) -> int:
        """The end of the ramp."""
        return self.ramp

    def sparsity(self, step: int, final: float) -> float:
        """The curve's value."""
        remaining: float = (1 - min(1.0, step / self.ramp)) ** self.power
        return final + (min(self.initial, final) - final) * remaining

    def is_due(self, step: int) -> bool:
        """About a hundred times during the ramp, or at every step of a short one, and at its end."""
        return step == self.ramp or (step < self.ramp and step % max(1, self.ramp // _UPDATES) == 0)


@dataclass(frozen=True)
class Constant:
    """The final sparsity from the first step on. Which weights are zero may still change, about a hundred times."""

    steps: int

    @property
    def settled(self) -> int:
        """0, since it never rises."""
        return 0

    def sparsity(self, step: int, final: float) -> float:
        """The final sparsity at every step."""
        return final

    def is_due(self, step: int) -> bool:
        """At the first step, and then at regular intervals."""
        return step == 1 or step % max(1, self.steps // _UPDATES) == 0


@dataclass(frozen=True)
class Rounds:
    """The steps divided into rounds; each begins by removing the same share of the remaining weights."""

    rounds: int
    steps: int

    @property
    def settled(self) -> int:
        """The first step of the last round."""
        return self.steps * (self.rounds - 1) // self.rounds + 1

    def sparsity(self, step: int, final: float) -> float:
        """The sparsity of the step's round."""
        return after_round(self._round(step), self.rounds, final)

    def is_due(self, step: int) -> bool:
        """At the first step of each round."""
        return step == 1 or self._round(step) != self._round(step - 1)

    def _round(self, step: int) -> int:
        return -(-step * self.rounds // self.steps)


def after_round(number: int, rounds: int, final: float) -> float:
    """Share of zeros after a round, counted from 1, when each round removes the same share of the remaining weights."""
    return 1 - (1 - final) ** (number / rounds) if number < rounds else final
