"""How to prepare an input for the shipped model, in words and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from compressor.base.named_arrays import by_name
from compressor.data.preprocess import Step
from compressor.data.split import Split


class ExpectedInput(BaseModel):
    """One input of the model: a sample as it is stored, what to do to it, and what the model gets then."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    name: str = Field(description="the input's name; empty where the data has only one")
    dtype: str = Field(description="type of the stored values")
    shape: tuple[int, ...] = Field(description="shape of a stored sample")
    steps: tuple[str, ...] = Field(description="what is done to it, in order")
    fed_shape: tuple[int, ...] = Field(description="shape of a sample as the model gets it")
    low: float = Field(description="lowest value that the model gets, among the first samples")
    high: float = Field(description="highest value that the model gets, among the first samples")

    @property
    def text(self) -> str:
        """One line that says it all, such as `uint8 0..255 of shape 28x28, times 1/255; the model gets 0..1`."""
        stored = f"{self.dtype}{_range(self.dtype)} of shape {_sizes(self.shape)}"
        fed = f"the model gets {self.low:.4g}..{self.high:.4g}"
        if self.fed_shape != self.shape:
            fed += f" of shape {_sizes(self.fed_shape)}"
        return f"{self.name + ': ' if self.name else ''}{', '.join([stored, *self.steps])}; {fed}"


def expected_inputs(split: Split, samples: int = 256) -> tuple[ExpectedInput, ...]:
    """What each input of the model expects, as the first samples of a split show it."""
    chosen = range(min(samples, split.size))
    stored, fed = by_name(split.samples.read(chosen)[0], ""), by_name(split.read(chosen)[0], "")
    return tuple(_expected(name, stored[name], fed[name], split.preprocessing) for name in sorted(stored))


def _expected(name: str, stored: Any, fed: Any, steps: Sequence[Step]) -> ExpectedInput:
    in_words = tuple(step.in_words() for step in steps if not step.labels and step.only in (None, name))
    low, high = float(fed.min()), float(fed.max())
    return ExpectedInput(
        name=name,
        dtype=str(stored.dtype),
        shape=stored.shape[1:],
        steps=in_words,
        fed_shape=fed.shape[1:],
        low=low,
        high=high,
    )


def _range(dtype: str) -> str:
    if dtype not in ("uint8", "int8", "uint16"):
        return ""
    limits = np.iinfo(dtype)
    return f" {limits.min}..{limits.max}"


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "one number"
