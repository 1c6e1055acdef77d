"""The parameters of `entropy`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

import compressor
from compressor.contracts.param_fields import Search, parse_size


class EntropyParams(compressor.TrainingParams, compressor.LayerTargets):
    """How small to get, how finely to quantize at first, and how to train."""

    max_size: Annotated[int, Field(ge=1), BeforeValidator(parse_size, json_schema_input_type=int | str)] | None = Field(
        None,
        description="size of the package to steer to, in bytes or as `3 kB`: of the whole model quantized by `ptq` to "
        "int8, then `slim` and `pack`; without it, `rate_weight` stays as it is",
    )
    rate_weight: Annotated[float, Search.between(2e-6, 5e-5, log=True)] = Field(
        1e-5,
        gt=0,
        le=1,
        description="what a bit of the weights counts in the loss; with `max_size`, what it counts at first",
    )
    ramp: float = Field(0.6, gt=0, le=1, description="share of the training during which the size falls to `max_size`")
    step: Annotated[float, Search.between(0.5, 2.0, log=True)] = Field(
        1.0,
        ge=0.1,
        le=10,
        description="distance of the values of a kernel at first, in standard deviations of its weights; it is learned",
    )
    most_steps: int = Field(
        31, ge=1, le=127, description="largest weight in steps, so that a kernel has at most 2 * most_steps + 1 values"
    )
    min_weights: int = Field(32, ge=2, description="skip layers with fewer weights than this")
    epochs: int = Field(10, ge=1, le=10_000, description="passes over the training split")
