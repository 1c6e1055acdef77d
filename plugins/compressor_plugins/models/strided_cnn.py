"""A teacher for small networks: more accurate than these, and cheap enough to run in all of their training steps."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

import compressor
from compressor import Model
from compressor.contracts.sources import ModelSource


class StridedCNN(ModelSource):
    """Three convolutions of stride 2 and a dense layer, without pooling: 26,906 parameters. Outputs are logits.

    Strides take the place of pooling, as in "Striving for Simplicity: The All Convolutional Net" (Springenberg et al.
    2015, arXiv 1412.6806). It is fast on a CPU, since few of its feature maps are large.
    """

    name = "strided_cnn"

    class Params(compressor.Params):
        """The shape of the network."""

        input_shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
            (28, 28), description="height and width of the grey images, in pixels"
        )
        num_classes: int = Field(10, ge=2, description="number of classes")
        filters: int = Field(
            16, ge=1, description="filters of the first convolution; the others have 2 and 3 times as many"
        )
        dropout: float = Field(0.2, ge=0, lt=1, description="dropout rate before the dense layer")

    def build(self) -> Model:
        """The model, with fresh weights."""
        import tf_keras
        from tf_keras import layers

        p: Any = self.params
        stack = [layers.InputLayer(p.input_shape, name="image"), layers.Reshape((*p.input_shape, 1), name="reshape")]
        for number, size in enumerate((5, 3, 3), 1):
            stack += [
                layers.Conv2D(
                    number * p.filters, size, strides=2, padding="same", use_bias=False, name=f"conv{number}"
                ),
                layers.BatchNormalization(name=f"norm{number}"),
                layers.ReLU(name=f"relu{number}"),
            ]
        stack += [
            layers.Flatten(name="flatten"),
            layers.Dropout(p.dropout, name="dropout"),
            layers.Dense(p.num_classes, name="dense"),
        ]
        return tf_keras.Sequential(stack, name=self.name)
