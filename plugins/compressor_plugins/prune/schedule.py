"""How sparsity rises while a model trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

_UPDATES = 100  # of the mask while sparsity rises


class Schedule(Protocol):
    """Sparsity over optimizer steps, counted from 1."""

    @property
    def settled(self) -> int:
        """The step from which on sparsity no longer rises."""

    def sparsity(self, step: int, final: float) -> float:
        """Share of zeros after a step, 0 to 1, in weights that end at `final`."""

    def is_due(self, step: int) -> bool:
        """Whether the weights to keep are chosen anew after a step."""


@dataclass(frozen=True)
class Curve:
    """From `initial` to the final sparsity in the first `ramp` steps, along a polynomial.

    Zhu & Gupta 2017 (arXiv 1710.01878), equation 1. Weights that end below `initial` have their zeros from the start.
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
        ahead: float = (1 - min(1.0, step / self.ramp)) ** self.power
        return final + (min(self.initial, final) - final) * ahead

    def is_due(self, step: int) -> bool:
        """A hundred times, or at each step of a short ramp, and at its end."""
        return step == self.ramp or (step < self.ramp and step % max(1, self.ramp // _UPDATES) == 0)


@dataclass(frozen=True)
class Constant:
    """The final sparsity from the first step on; which weights are zero may change a hundred times."""

    steps: int

    @property
    def settled(self) -> int:
        """It never rises."""
        return 0

    def sparsity(self, step: int, final: float) -> float:
        """Always the final one."""
        return final

    def is_due(self, step: int) -> bool:
        """At the first step, and then at equal distances."""
        return step == 1 or step % max(1, self.steps // _UPDATES) == 0


@dataclass(frozen=True)
class Rounds:
    """As many rounds as steps can be parted into, each of which zeroes the same share of what is left at once."""

    rounds: int
    steps: int

    @property
    def settled(self) -> int:
        """The first step of the last round."""
        return self.steps * (self.rounds - 1) // self.rounds + 1

    def sparsity(self, step: int, final: float) -> float:
        """That of the round."""
        return after_round(self._round(step), self.rounds, final)

    def is_due(self, step: int) -> bool:
        """At the first step of a round."""
        return step == 1 or self._round(step) != self._round(step - 1)

    def _round(self, step: int) -> int:
        return -(-step * self.rounds // self.steps)


def after_round(number: int, rounds: int, final: float) -> float:
    """Share of zeros after a round, counted from 1, where each of them takes the same share of what is left."""
    return 1 - (1 - final) ** (number / rounds) if number < rounds else final
