"""The parameters of `prune`, and which of them can be combined."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

import compressor
from compressor.contracts.param_fields import Search


class PruneParams(compressor.TrainingParams, compressor.LayerTargets):
    """How much to prune, where, and how fast."""

    by_layer: ClassVar[tuple[str, ...]] = ("sparsity",)

    schedule: Literal["polynomial_decay", "cubic", "constant"] = Field(
        "polynomial_decay",
        description="how sparsity rises during the ramp: along a curve of any `power`, or of power 3 (`cubic`); "
        "`constant` has the final sparsity from the first step",
    )
    scope: Literal["layer", "global"] = Field(
        "layer",
        description="prune the smallest weights of each layer, or, by one `global` threshold, the smallest of all "
        "layers; the threshold applies to magnitudes divided by the standard deviation of their kernel before pruning, "
        "and leaves each layer at least one weight per output, or 1 % of its weights where that is less",
    )
    initial_sparsity: float = Field(0.5, ge=0, lt=1, description="share of zeros at the start of the curve")
    final_sparsity: Annotated[float, Search.between(0.5, 0.95)] = Field(
        0.8, gt=0, lt=1, description="share of zeros at the end, in each layer or over all of them (`scope: global`)"
    )
    sparsity: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        {},
        description="share of zeros at the end for single layers, by name, glob or type; the last match counts, and "
        "with `scope: global` these layers are not pruned by the global threshold",
    )
    power: float = Field(3, gt=0, le=10, description="exponent of the polynomial curve")
    ramp: float = Field(
        0.6, gt=0, le=1, description="share of the training during which sparsity rises; the rest recovers accuracy"
    )
    pattern: Annotated[str, Field(pattern=r"^[1-9][0-9]?:[1-9][0-9]?$")] | None = Field(
        None,
        description="n:m, such as 2:4: keep at most n of every m consecutive weights along a layer's inputs; it also "
        "sets the sparsity, which rises in stages (2:4 goes through 3:4)",
    )
    block: Annotated[list[Annotated[int, Field(ge=1, le=1024)]], Field(min_length=2, max_length=2)] | None = Field(
        None,
        description="height and width (inputs, outputs) of blocks that are pruned as a whole; only kernels of two "
        "dimensions are pruned in blocks",
    )
    policy: Literal["all", "xnnpack"] = Field(
        "all",
        description="prune every layer, or (`xnnpack`) only 1x1 convolutions, and only in a model that XNNPACK could "
        "run sparse; it may not run faster",
    )
    min_weights: int = Field(0, ge=0, description="skip layers with fewer weights than this")
    rounds: int = Field(
        1,
        ge=1,
        le=100,
        description="how often to prune and then train; each round removes the same share of the remaining weights",
    )
    rewind: Literal["none", "weights", "learning_rate"] = Field(
        "none",
        description="what each round resets: nothing (`none`), the learning rate, or also the weights, to their values "
        "before the step (which then trains once before the first round as well)",
    )
    epochs: int = Field(4, ge=1, le=10_000, description="passes over the training split, in each round")

    @model_validator(mode="after")
    def _fit_together(self) -> PruneParams:
        if reason := _contradiction(self, self.model_fields_set):
            raise ValueError(reason)
        return self

    @property
    def n_of_m(self) -> tuple[int, int] | None:
        """The two numbers of the pattern."""
        return tuple(map(int, self.pattern.split(":"))) if self.pattern else None  # type: ignore[return-value]

    @property
    def in_rounds(self) -> bool:
        """Whether sparsity rises from round to round rather than along a curve."""
        return self.rounds > 1 or self.rewind != "none"


def _contradiction(params: PruneParams, set_fields: Collection[str]) -> str:
    """What is wrong with the combination of parameters; empty where nothing is."""
    if params.in_rounds and (field := _first(("schedule", "initial_sparsity", "power", "ramp"), set_fields)):
        return f"{field} has no effect when pruning in rounds; drop it, or rounds and rewind"
    if params.pattern:
        n, m = params.n_of_m or (0, 0)
        if n >= m:
            return f"pattern: {params.pattern} prunes nothing; n must be below m"
        if field := _first(("initial_sparsity", "final_sparsity", "sparsity", "block"), set_fields):
            return f"{field} has no effect when pattern is set; drop one of the two"
    elif params.schedule != "constant" and not params.in_rounds and params.initial_sparsity > params.final_sparsity:
        return "initial_sparsity is above final_sparsity; swap them, or lower the first"
    if params.scope == "global" and (params.pattern or params.block):
        return "pattern and block are applied within each layer; drop scope: global"
    if params.schedule == "cubic" and "power" in set_fields and params.power != 3:
        return "power is for schedule: polynomial_decay; a cubic curve always has power 3"
    return ""


def _first(names: Sequence[str], set_fields: Collection[str]) -> str:
    return next((name for name in names if name in set_fields), "")
