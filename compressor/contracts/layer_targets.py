"""Parameters that choose layers: by name, by glob, or by class."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import ClassVar, TypeVar

from pydantic import Field

from compressor.base.params import Params

_Value = TypeVar("_Value")


class LayerPatterns(Params):
    """Parameters that name layers. `by_layer` tells the fields that map patterns to values, such as a sparsity each."""

    by_layer: ClassVar[tuple[str, ...]] = ()

    def patterns(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Every pattern, with the way to it from these parameters."""
        return [((field, pattern), pattern) for field in self.by_layer for pattern in getattr(self, field)]

    def unmatched(self, layers: list[tuple[str, str]]) -> list[tuple[tuple[str | int, ...], str]]:
        """The patterns that match none of the (name, class) pairs, with the way to each."""
        return [
            (place, pattern)
            for place, pattern in self.patterns()
            if not any(_matches(pattern, name, kind) for name, kind in layers)
        ]

    def idle(self, worked_on: list[tuple[str, str]]) -> list[str]:
        """The patterns that choose layers, and none of the (name, class) pairs that a strategy can work on."""
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
        """Those of the lists, and of the mappings."""
        lists = (("layers", self.layers), ("except", self.except_))
        listed = [((field, index), pattern) for field, found in lists for index, pattern in enumerate(found)]
        return [*listed, *super().patterns()]


def value_for(values: Mapping[str, _Value], name: str, kind: str) -> _Value | None:
    """What a mapping of patterns gives a layer of this name and class; of several that match, the last counts."""
    found = [value for pattern, value in values.items() if _matches(pattern, name, kind)]
    return found[-1] if found else None


def _matches(pattern: str, name: str, kind: str) -> bool:
    if pattern.startswith("type:"):
        return fnmatchcase(kind, pattern.removeprefix("type:"))
    return fnmatchcase(name, pattern)
