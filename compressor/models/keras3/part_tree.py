"""The tree of layers and nested models in a file, with what became of each; weights are assigned by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """A layer or a nested model of the file.

    `kind` is its class in the file, `layer` the tf_keras layer that it became. `parts` are what a model holds, in the
    file's order, and `inner` is what a wrapper such as TimeDistributed holds.
    """

    kind: str
    name: str
    layer: Any
    parts: tuple[Part, ...] = ()
    inner: Part | None = None

    def leaves(self) -> Iterator[Part]:
        """All layers in this part that hold no others, which may be the part itself."""
        if self.inner is not None:
            yield from self.inner.leaves()
        elif self.parts:
            for part in self.parts:
                yield from part.leaves()
        else:
            yield self
