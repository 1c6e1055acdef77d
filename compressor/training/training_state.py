"""The whole state of a training between two epochs: one that goes on from it ends as if it had never stopped."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.training.callback_state import as_json, from_json

_GROUPS = ("weights", "optimizer", "generators", "projections")


@dataclass
class EarlyStop:
    """Early stopping by the validation loss, with a state that can be saved."""

    patience: int
    min_delta: float
    first_epoch: int
    best: float = float("inf")
    waited: int = 0
    best_weights: list[NDArray[Any]] = field(default_factory=list)

    def judge(self, epoch: int, loss: float, weights: list[NDArray[Any]]) -> bool:
        """Whether to stop after this epoch. Its weights are kept if its loss is the lowest so far."""
        if epoch < self.first_epoch:
            return False
        if not self.best_weights or loss < self.best - self.min_delta:
            self.best, self.waited, self.best_weights = loss, 0, weights
            return False
        self.waited += 1
        return self.waited >= self.patience


@dataclass
class TrainingState:
    """Everything that the next epoch depends on; `epoch` counts those that are done.

    Of a training that cannot be resumed nothing but `epoch` is kept, and `resumable` is false.
    """

    epoch: int
    done: bool
    weights: list[NDArray[Any]]
    optimizer: list[NDArray[Any]]
    generators: list[NDArray[Any]]
    stop: EarlyStop | None
    projections: list[NDArray[Any]] = field(default_factory=list)  # of hints, which are no part of the model
    callbacks: list[Any] = field(default_factory=list)  # the state of each
    random: list[Any] | None = None  # of the global random numbers
    resumable: bool = True
    figures: list[dict[str, float]] = field(default_factory=list)  # of each epoch, as an observer gets them

    def to_bytes(self) -> bytes:
        """The state as one file."""
        arrays: dict[str, NDArray[Any]] = {}
        groups = {name: getattr(self, name) for name in _GROUPS}
        if self.stop is not None:
            groups["best"] = self.stop.best_weights
        others = as_json([self.callbacks, self.random], groups.setdefault("others", []))
        for name, group in groups.items():
            arrays |= {f"{name}_{index}": array for index, array in enumerate(group)}
        facts: dict[str, Any] = {"epoch": self.epoch, "done": self.done, "resumable": self.resumable, "others": others}
        facts["figures"] = self.figures
        facts["counts"] = {name: len(group) for name, group in groups.items()}
        if self.stop is not None:
            facts["stop"] = {"best": self.stop.best, "waited": self.stop.waited}
        stream = io.BytesIO()
        np.savez(stream, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)  # type: ignore[arg-type]
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, stop: EarlyStop | None) -> TrainingState:
        """The state in a file. `stop`, if there is early stopping, gets its own part of it."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            facts: Mapping[str, Any] = json.loads(arrays["facts"].tobytes())
            groups = {
                name: [arrays[f"{name}_{index}"] for index in range(count)] for name, count in facts["counts"].items()
            }
        if stop is not None:
            stop.best, stop.waited = facts["stop"]["best"], facts["stop"]["waited"]
            stop.best_weights = groups["best"]
        callbacks, random = from_json(facts["others"], groups["others"])
        return cls(
            facts["epoch"],
            facts["done"],
            stop=stop,
            callbacks=callbacks,
            random=random,
            resumable=facts["resumable"],
            figures=facts["figures"],
            **{name: groups[name] for name in _GROUPS},
        )
