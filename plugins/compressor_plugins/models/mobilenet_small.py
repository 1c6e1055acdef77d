"""A small network in the style of MobileNet, to try recipes on that are meant for the large ones."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

import compressor
from compressor import Model
from compressor.contracts.sources import ModelSource

_BLOCKS = ((48, 1), (96, 2), (96, 1), (192, 2), (192, 1))  # channels and stride of each block, at width 1


class MobileNetSmall(ModelSource):
    """Five blocks of depthwise and 1x1 convolutions, with BatchNormalization and ReLU6. Outputs are logits.

    Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications" (arXiv
    1704.04861), with fewer and narrower blocks: 80,938 parameters on 28x28 grey images and 10 classes.
    """

    name = "mobilenet_small"

    class Params(compressor.Params):
        """The shape of the network."""

        input_shape: list[Annotated[int, Field(ge=1)]] = Field(
            [28, 28], min_length=2, max_length=3, description="height and width, and the channels of colour images"
        )
        num_classes: int = Field(10, ge=2, description="number of classes")
        width: float = Field(1.0, gt=0, le=8, description="factor on the number of channels of every layer")

    def build(self) -> Model:
        """The model, with fresh weights."""
        import tf_keras
        from tf_keras import layers

        p: Any = self.params
        image = layers.Input(p.input_shape, name="image")
        x = layers.Reshape((*p.input_shape, 1), name="reshape")(image) if len(p.input_shape) == 2 else image
        x = layers.Conv2D(self._channels(24), 3, 2, "same", use_bias=False, name="stem")(x)
        x = _activated(x, "stem")
        for number, (channels, stride) in enumerate(_BLOCKS, 1):
            x = layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"depthwise_{number}")(x)
            x = _activated(x, f"depthwise_{number}")
            x = layers.Conv2D(self._channels(channels), 1, use_bias=False, name=f"pointwise_{number}")(x)
            x = _activated(x, f"pointwise_{number}")
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        return tf_keras.Model(image, layers.Dense(p.num_classes, name="logits")(x), name=self.name)

    def _channels(self, unscaled: int) -> int:
        """The number of channels at this width, rounded to a multiple of eight, since kernels work on eight at once."""
        eights: int = round(unscaled * self.params.width / 8)
        return max(1, eights) * 8


def _activated(x: Any, name: str) -> Any:
    from tf_keras import layers

    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)
