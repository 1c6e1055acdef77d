"""`Search`: what the value of a parameter may be while a search looks for the best one."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from compressor.base.text import quoted

_DIGITS = 6  # that a drawn number keeps, so that recipes stay readable
_CERTAIN = 12  # digits of a number on a grid, beyond which there is only rounding


@dataclass(frozen=True)
class Search:
    """A list of values, or a range of numbers; a strategy declares it beside a parameter, in `Annotated[...]`.

    Made by `Search.of(8, 16, 32)` or `Search.between(0.5, 0.95)`. A recipe that says `search: auto` takes it.

    Attributes:
        values: the values to pick from; empty for a range.
        low: the least number of a range.
        high: the greatest.
        step: the distance between two numbers that are tried, from `low` on; None for every number.
        log: whether small numbers are tried as often as large ones, on a logarithmic scale.
    """

    values: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0
    step: float | None = None
    log: bool = False

    @classmethod
    def of(cls, *values: Any) -> Search:
        """One of these values.

        Raises:
            ValueError: there are none, or two are the same.
        """
        if not values:
            raise ValueError("a search needs values to pick from")
        texts = [json.dumps(value, sort_keys=True) for value in values]
        if twice := next((text for text in texts if texts.count(text) > 1), None):
            raise ValueError(f"{twice} is listed twice; remove one of the two")
        return cls(values=values)

    @classmethod
    def between(cls, low: float, high: float, *, step: float | None = None, log: bool = False) -> Search:
        """A number from `low` to `high`, both included; a whole number if both (and the step) are written as such.

        Raises:
            ValueError: there is no such range.
        """
        if endless := [name for name, end in (("low", low), ("high", high)) if not math.isfinite(end)]:
            raise ValueError(f"{quoted(endless[0])} must be a number with an end")
        if low >= high:
            raise ValueError(f"'low' must be below 'high', and {low:g} is not below {high:g}")
        if log and step is not None:
            raise ValueError("'log' and 'step' exclude each other; remove one of the two")
        if log and low <= 0:
            raise ValueError(f"'log' needs numbers above 0, and 'low' is {low:g}")
        if step is not None and not 0 < step <= high - low:
            raise ValueError(f"'step' must be above 0 and at most {high - low:g}, the width of the range")
        if all(isinstance(number, int) for number in (low, high, step or 1)):
            return cls(low=low, high=high, step=step, log=log)
        return cls(low=float(low), high=float(high), step=step, log=log)

    @property
    def is_whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return not self.values and all(isinstance(number, int) for number in (self.low, self.high))

    @property
    def count(self) -> int | None:
        """How many values there are; None for a range without end."""
        if self.values:
            return len(self.values)
        step = self.step or (1 if self.is_whole else None)
        return None if step is None else math.floor((self.high - self.low) / step + 1e-9) + 1

    @property
    def ends(self) -> tuple[Any, ...]:
        """Every listed value, or both ends of the range."""
        return self.values or (self.low, self.at(self.count - 1) if self.count else self.high)

    @property
    def every_value(self) -> tuple[Any, ...]:
        """Every value, in order; those of a range without end are its ends."""
        return self.values or (tuple(map(self.at, range(self.count))) if self.count else self.ends)

    def at(self, index: int) -> float:
        """A number of a range that has steps, by its index."""
        number = self.low + index * (self.step or 1)
        return int(number) if self.is_whole else float(f"{number:.{_CERTAIN}g}")

    def at_share(self, share: float) -> Any:
        """The value at a share of the list or range, from 0 to below 1: equal shares have equally many values."""
        if self.values:
            return self.values[int(share * len(self.values))]
        if self.log:
            end = self.high + self.is_whole  # of whole numbers, each reaches up to the next one
            return self.rounded(min(self.low * (end / self.low) ** share, self.high))
        if self.count is not None:
            return self.at(int(share * self.count))
        return self.rounded(self.low + share * (self.high - self.low))

    def rounded(self, number: float) -> float:
        """A number of the range with as many digits as matter."""
        if self.is_whole:
            return int(number)
        if self.step is not None:
            return self.at(round((number - self.low) / self.step))
        return min(max(float(f"{number:.{_DIGITS}g}"), self.low), self.high)

    def __str__(self) -> str:
        if self.values:
            return ", ".join(value if isinstance(value, str) else json.dumps(value) for value in self.values)
        how = f", by {self.step:g}" if self.step is not None else ", log" if self.log else ""
        return f"{self.low:g} to {self.high:g}{how}"
