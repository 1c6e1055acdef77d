"""What became of a model of the kit that a strategy was applied to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from compressor.base.errors import CompressorError
from compressor.contracts.model_state import ModelState
from compressor.measure.results import Stage
from compressor.models.litert.reading.contents import Anatomy
from compressor.testing.watched_step import Watched

Concern: TypeAlias = Literal[
    "refused", "crashed", "kind", "endpoints", "finite", "saving", "loading", "file", "traits", "frozen"
]
"""What may be wrong with what a strategy did; `refused` is none of its faults."""


@dataclass
class Trial:
    """One application of a strategy to a model: what was wrong with it, by concern, and what it left.

    `digest` is the SHA-256 of the model's file, empty where none was made. `state` is what `plan` said of the model,
    and `earlier` are the stages before it.
    """

    model: str
    state: ModelState
    earlier: Sequence[Stage]
    faults: dict[Concern, str] = field(default_factory=dict)
    watched: Watched = field(default_factory=Watched)
    warnings: Sequence[str] = ()
    digest: str = ""
    anatomy: Anatomy | None = None

    @property
    def is_done(self) -> bool:
        """Whether the strategy returned a model of the kind that it planned."""
        return not self.faults.keys() & {"refused", "crashed", "kind"}

    @contextmanager
    def concerned(self, concern: Concern) -> Iterator[None]:
        """Note an error of the block as a fault."""
        try:
            yield
        except CompressorError as error:
            self.faults[concern] = str(error)
