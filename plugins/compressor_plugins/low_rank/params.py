"""The parameters of `low_rank`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

import compressor
from compressor.contracts.param_fields import Search


class LowRankParams(compressor.TrainingParams, compressor.LayerTargets):
    """How close the approximation is to be, or how small the result."""

    energy: Annotated[float | None, Search.between(0.8, 0.99)] = Field(
        None, gt=0, le=1, description="share of the sum of squared singular values to keep in each layer"
    )
    parameters: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of the chosen layers' weights to keep in total; all of them get the same energy",
    )
    epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split, after the factoring")

    @model_validator(mode="after")
    def _one_target(self) -> LowRankParams:
        if (self.energy is None) == (self.parameters is None):
            raise ValueError("give exactly one of energy and parameters")
        return self
