"""The recipe's `runtime:` section: which devices share a training, and how precisely they compute."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from compressor.base.params import Params

MOST_DEVICES = 64


class RuntimeSection(Params):
    """What trainings compute on. It is part of the key of each step and of the lock, since sums are rounded by it."""

    distribute: Literal["mirrored", "multi_worker"] | None = Field(
        None,
        description="`mirrored` shares each batch among the machine's GPUs, or among `devices` logical CPU devices; "
        "`multi_worker` shares it among the machines that the variable `TF_CONFIG` names, and their GPUs",
    )
    devices: int | None = Field(
        None,
        ge=1,
        le=MOST_DEVICES,
        description="with `mirrored`, how many devices share a batch, all GPUs if left out; without a GPU, the "
        "processor is divided into as many logical devices, which is no faster",
    )
    mixed_precision: Literal["bfloat16"] | None = Field(
        None,
        description="type that layers compute in while they train; weights, files and figures stay in float32",
    )

    @model_validator(mode="after")
    def _fits(self) -> RuntimeSection:
        if self.devices is not None and self.distribute is None:
            raise ValueError("'devices' goes with 'distribute: mirrored'; add that, or remove 'devices'")
        if self.devices is not None and self.distribute == "multi_worker":
            raise ValueError(
                "'devices' goes with 'distribute: mirrored'; with 'multi_worker' each machine takes part with all its "
                "GPUs, or with its processor; remove 'devices'"
            )
        return self
