"""A model being bridged, as a tree of the parts it had in its file; the weights find their way by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """A layer or a nested model of the file.

    `kind` is its class there, `layer` the tf_keras layer it became, `parts` what a model holds, in the file's order,
    and `inner` what a wrapper such as TimeDistributed holds.
    """

    kind: str
    name: str
    layer: Any
    parts: tuple[Part, ...] = ()
    inner: Part | None = None

    def leaves(self) -> Iterator[Part]:
        """This part, or all the layers in it that hold no others."""
        if self.inner is not None:
            yield from self.inner.leaves()
        elif self.parts:
            for part in self.parts:
                yield from part.leaves()
        else:
            yield self
