"""The recipe's `runtime:` section: which devices share a training, and how precisely they compute."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from compressor.base.params import Params

MOST_DEVICES = 64


def _known(value: object) -> object:
    if value == "multi_worker":
        raise ValueError(
            "'multi_worker' is not there yet: workers of one training would have to agree on what the cache holds, and "
            "to notice when one of them dies; write 'mirrored', for the GPUs of one machine"
        )
    return value


class RuntimeSection(Params):
    """What trainings compute on. It is part of the key of each step and of the lock, since sums are rounded by it."""

    distribute: Annotated[Literal["mirrored"] | None, BeforeValidator(_known)] = Field(
        None,
        description="`mirrored` shares each batch among the machine's GPUs, or among `devices` logical CPU devices",
    )
    devices: int | None = Field(
        None,
        ge=1,
        le=MOST_DEVICES,
        description="how many devices share a batch, all GPUs if left out; without a GPU, the processor is divided "
        "into as many logical devices, which is no faster",
    )
    mixed_precision: Literal["bfloat16"] | None = Field(
        None,
        description="type that layers compute in while they train; weights, files and figures stay in float32",
    )

    @model_validator(mode="after")
    def _fits(self) -> RuntimeSection:
        if self.devices is not None and self.distribute is None:
            raise ValueError("'devices' goes with 'distribute: mirrored'; add that, or remove 'devices'")
        return self
