"""The parameters of the steps that remove or add channels."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

import compressor
from compressor.contracts.param_fields import Search


class ChannelParams(compressor.TrainingParams, compressor.LayerTargets):
    """Exactly one target, and how channels are judged."""

    targets: ClassVar[tuple[str, ...]] = ("channels", "parameters", "flops", "bytes")

    criterion: Literal["magnitude", "bn_scale", "activation"] = Field(
        "magnitude",
        description="judge by the weights that make a channel, by its factor in BatchNormalization, or by its mean "
        "activation on training samples",
    )
    calibration_samples: int = Field(200, ge=1, le=100_000, description="training samples for `criterion: activation`")

    @model_validator(mode="after")
    def _one_target(self) -> ChannelParams:
        given = [name for name in self.targets if getattr(self, name) is not None]
        if len(given) != 1:
            held = f"{given[0]} and {given[1]} are" if given else "none is"
            raise ValueError(f"{held} given; give exactly one of {', '.join(self.targets)}")
        return self

    @property
    def target(self) -> tuple[str, float]:
        """The cost that is to change, by name, and the share or multiple of its present value to reach."""
        return next((name, share) for name in self.targets if (share := getattr(self, name)) is not None)


class PruneChannelsParams(ChannelParams):
    """The size to go down to, given in exactly one way, and how channels are judged."""

    targets = (*ChannelParams.targets, "latency")

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
    floor: float = Field(0.1, gt=0, le=1, description="share of each layer's channels that stays in any case")
    epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split, after the removal")


class GrowChannelsParams(ChannelParams):
    """The size to grow to, given in exactly one way, and how channels are judged."""

    channels: Annotated[float | None, Search.between(1.1, 2.0)] = Field(
        None, gt=1, le=16, description="channels to grow to, as a multiple of those that may grow"
    )
    parameters: float | None = Field(None, gt=1, le=256, description="parameters to grow to, as a multiple")
    flops: float | None = Field(
        None, gt=1, le=256, description="arithmetic of convolutions and dense layers to grow to, as a multiple"
    )
    bytes: float | None = Field(
        None, gt=1, le=256, description="bytes of the float .tflite file to grow to, as a multiple"
    )
    ceiling: float = Field(2.0, gt=1, le=16, description="channels that a layer has at the most, as a multiple")
    epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split, after the growth")
