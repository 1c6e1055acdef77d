"""The parameters of `mixed_precision`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

import compressor
from compressor.contracts.layer_sensitivity import Rounding, WeightType
from compressor.contracts.param_fields import Search, parse_size
from compressor_plugins.ptq.params import PTQParams
from compressor_plugins.ptq.request import IO
from compressor_plugins.shared.precision import ActivationType

Choice = dict[str, WeightType]


class MixedPrecisionParams(compressor.Params):
    """The budget, the types to choose from, and how layers compute."""

    max_size: Annotated[int, Field(ge=1), BeforeValidator(parse_size, json_schema_input_type=int | str)] | None = Field(
        None, description="largest file, in bytes or as `25 kB`; the one with the least error is made"
    )
    max_drop: Annotated[float | None, Search.between(0.001, 0.02, log=True)] = Field(
        None,
        ge=0,
        description="largest drop of the first metric on the validation split; the smallest file within it is made",
    )
    types: list[WeightType] = Field(["int8", "int4", "int2"], min_length=2, description="types of weights to pick from")
    algorithm: Rounding = Field("octav", description="how weights are rounded, as in ptq")
    activations: ActivationType = Field("float32", description="what layers compute with, as in ptq")
    io: IO = Field("float32", description="dtype of the file's inputs and outputs")
    samples: int = Field(128, ge=1, le=10_000, description="training samples on which errors are measured")
    calibration_samples: int = Field(
        300, ge=1, le=100_000, description="training samples on which the ranges of activations are measured"
    )

    @model_validator(mode="after")
    def _fits(self) -> MixedPrecisionParams:
        if (self.max_size is None) == (self.max_drop is None):
            raise ValueError("give exactly one of max_size and max_drop")
        self.ptq({})
        return self

    def ptq(self, choice: Choice) -> PTQParams:
        """The parameters of the `ptq` that makes the file for a choice of types."""
        return PTQParams(
            precision="int8",
            activations=self.activations,
            algorithm=self.algorithm,
            io=self.io,
            per_layer=choice,
            calibration_samples=self.calibration_samples,
        )
