"""Parameters that select layers by name, by glob, or by class."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import ClassVar, TypeVar

from pydantic import Field

from compressor.base.params import Params

_Value = TypeVar("_Value")


class LayerPatterns(Params):
    """Parameters with layer patterns. `by_layer` lists the fields that map a pattern to a value, such as a sparsity."""

    by_layer: ClassVar[tuple[str, ...]] = ()

    def patterns(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Every pattern, with its path within these parameters."""
        return [((field, pattern), pattern) for field in self.by_layer for pattern in getattr(self, field)]

    def unmatched(self, layers: list[tuple[str, str]]) -> list[tuple[tuple[str | int, ...], str]]:
        """The patterns that match none of the layers, given as (name, class) pairs, with the path of each."""
        return [
            (place, pattern)
            for place, pattern in self.patterns()
            if not any(_matches(pattern, name, kind) for name, kind in layers)
        ]

    def idle(self, worked_on: list[tuple[str, str]]) -> list[str]:
        """The patterns that select layers but none that the strategy can work on, given as (name, class) pairs."""
        return [pattern for place, pattern in self.unmatched(worked_on) if place[0] != "except"]


class LayerTargets(LayerPatterns):
    """Which layers a strategy works on."""

    layers: list[str] = Field(
        ["*"], min_length=1, description="names, globs (`block_*/conv*`) or types (`type:Dense`) to work on"
    )
    except_: list[str] = Field([], alias="except", description="names, globs or types to leave alone")

    def selects(self, name: str, kind: str) -> bool:
        """Whether the layer of this name and class is a target."""
        chosen = any(_matches(pattern, name, kind) for pattern in self.layers)
        return chosen and not any(_matches(pattern, name, kind) for pattern in self.except_)

    def patterns(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Every pattern of `layers`, `except` and the mappings, with its path."""
        lists = (("layers", self.layers), ("except", self.except_))
        listed = [((field, index), pattern) for field, patterns in lists for index, pattern in enumerate(patterns)]
        return [*listed, *super().patterns()]


def value_for(values: Mapping[str, _Value], name: str, kind: str) -> _Value | None:
    """The value that a mapping of patterns assigns to a layer; if several patterns match, the last one wins."""
    matching = [value for pattern, value in values.items() if _matches(pattern, name, kind)]
    return matching[-1] if matching else None


def _matches(pattern: str, name: str, kind: str) -> bool:
    if pattern.startswith("type:"):
        return fnmatchcase(kind, pattern.removeprefix("type:"))
    return fnmatchcase(name, pattern)
