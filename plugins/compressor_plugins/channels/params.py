"""The parameters of `prune_channels`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

import compressor
from compressor.contracts.param_fields import Search

_TARGETS = ("channels", "parameters", "flops", "bytes", "latency")


class PruneChannelsParams(compressor.TrainingParams, compressor.LayerTargets):
    """What to go down to, exactly one of them, and by what channels are judged."""

    channels: Annotated[float | None, Search.between(0.4, 0.9)] = Field(
        None, gt=0, lt=1, description="share of the removable channels to keep"
    )
    parameters: float | None = Field(None, gt=0, lt=1, description="share of the parameters to go down to")
    flops: float | None = Field(
        None, gt=0, lt=1, description="share to go down to of the arithmetic of convolutions and dense layers"
    )
    bytes: float | None = Field(None, gt=0, lt=1, description="share to go down to of the float .tflite file")
    latency: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share to go down to of the time LiteRT takes for one sample in float on this machine; another "
        "machine, or a busy one, may get another model",
    )
    criterion: Literal["magnitude", "bn_scale", "activation"] = Field(
        "magnitude",
        description="judge by the weights that make a channel, by its factor in BatchNormalization, or by its mean "
        "activation on training samples",
    )
    calibration_samples: int = Field(200, ge=1, le=100_000, description="training samples for `criterion: activation`")
    floor: float = Field(0.1, gt=0, le=1, description="share of each layer's channels that stays in any case")
    epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split, after the removal")

    @model_validator(mode="after")
    def _one_target(self) -> PruneChannelsParams:
        given = [name for name in _TARGETS if getattr(self, name) is not None]
        if len(given) != 1:
            held = f"{given[0]} and {given[1]} are" if given else "none is"
            raise ValueError(f"{held} given; give exactly one of {', '.join(_TARGETS)}")
        return self

    @property
    def target(self) -> tuple[str, float]:
        """What to go down to, and the share of it."""
        return next((name, share) for name in _TARGETS if (share := getattr(self, name)) is not None)
