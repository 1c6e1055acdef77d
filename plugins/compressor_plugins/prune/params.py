"""The parameters of `prune`, and which of them go together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

import compressor


class PruneParams(compressor.TrainingParams, compressor.LayerTargets):
    """How much to prune, where, and how fast."""

    by_layer: ClassVar[tuple[str, ...]] = ("sparsity",)

    schedule: Literal["polynomial_decay", "cubic", "constant"] = Field(
        "polynomial_decay",
        description="raise sparsity along a curve of any power, or of power 3, or have it from the first step",
    )
    scope: Literal["layer", "global"] = Field(
        "layer",
        description="the smallest weights of each layer, or, with one threshold, of all layers together, each "
        "measured in standard deviations of its kernel before pruning; no layer goes below one weight an output, "
        "or 1 % where that is less",
    )
    initial_sparsity: float = Field(0.5, ge=0, lt=1, description="share of zeros at the start of the curve")
    final_sparsity: float = Field(
        0.8, gt=0, lt=1, description="share of zeros at the end, in each layer or in all together"
    )
    sparsity: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        {},
        description="share of zeros at the end for layers of their own, by name, glob or type; the last that "
        "matches counts, and with `scope: global` such a layer is not under the one threshold",
    )
    power: float = Field(3, gt=0, le=10, description="exponent of the curve")
    ramp: float = Field(
        0.6, gt=0, le=1, description="share of the training during which sparsity rises; the rest recovers accuracy"
    )
    pattern: Annotated[str, Field(pattern=r"^[1-9][0-9]?:[1-9][0-9]?$")] | None = Field(
        None,
        description="n:m, such as 2:4: of m weights in a row along a layer's inputs at most n stay; it decides the "
        "sparsity, which rises over m - 1, m - 2 and so on",
    )
    block: Annotated[list[Annotated[int, Field(ge=1, le=1024)]], Field(min_length=2, max_length=2)] | None = Field(
        None,
        description="height and width of blocks (inputs, outputs) that go as one, in kernels of two dimensions",
    )
    policy: Literal["all", "xnnpack"] = Field(
        "all",
        description="prune every layer, or only 1x1 convolutions, and only in a model that XNNPACK could run "
        "sparse; no promise that it is faster",
    )
    min_weights: int = Field(0, ge=0, description="leave alone layers with fewer weights than this")
    rounds: int = Field(
        1, ge=1, le=100, description="prune at once and train, this often, each time the same share of what is left"
    )
    rewind: Literal["none", "weights", "learning_rate"] = Field(
        "none",
        description="where a round goes on from: where it is, the start of the learning rate, or the "
        "weights that the step was given (it then trains once before the first round too)",
    )
    epochs: int = Field(4, ge=1, le=10_000, description="passes over the training split, in each round")

    @model_validator(mode="after")
    def _fit_together(self) -> PruneParams:
        if reason := _misfit(self, self.model_fields_set):
            raise ValueError(reason)
        return self

    @property
    def n_of_m(self) -> tuple[int, int] | None:
        """The two numbers of the pattern."""
        return tuple(map(int, self.pattern.split(":"))) if self.pattern else None  # type: ignore[return-value]

    @property
    def in_rounds(self) -> bool:
        """Whether sparsity rises from round to round, and not along a curve."""
        return self.rounds > 1 or self.rewind != "none"


def _misfit(params: PruneParams, given: Collection[str]) -> str:
    """Why parameters contradict one another; nothing where they do not."""
    if params.in_rounds and (one := _first(("schedule", "initial_sparsity", "power", "ramp"), given)):
        return f"{one} has no say where rounds prune at once; drop it, or rounds and rewind"
    if params.pattern:
        n, m = params.n_of_m or (0, 0)
        if n >= m:
            return f"pattern: {params.pattern} leaves every weight; n must be below m"
        if one := _first(("initial_sparsity", "final_sparsity", "sparsity", "block"), given):
            return f"{one} has no say beside a pattern, which is a sparsity; drop one of the two"
    elif params.schedule != "constant" and not params.in_rounds and params.initial_sparsity > params.final_sparsity:
        return "initial_sparsity is above final_sparsity; swap them, or lower the first"
    if params.scope == "global" and (params.pattern or params.block):
        return "patterns and blocks are chosen within a layer; drop scope: global"
    if params.schedule == "cubic" and "power" in given and params.power != 3:
        return "power belongs to schedule: polynomial_decay; a cubic curve has the power 3"
    return ""


def _first(names: Sequence[str], given: Collection[str]) -> str:
    return next((name for name in names if name in given), "")
