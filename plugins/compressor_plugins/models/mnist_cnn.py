"""The small convolutional network that the README's main job compresses."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

import compressor
from compressor import Model
from compressor.contracts.sources import ModelSource


class MNISTCNN(ModelSource):
    """A convolution, a max pooling and a dense layer: 20,410 parameters on MNIST. Outputs are logits."""

    name = "mnist_cnn"

    class Params(compressor.Params):
        """The shape of the network."""

        input_shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] = Field(
            (28, 28), description="height and width of the grey images, in pixels"
        )
        num_classes: int = Field(10, ge=2, description="number of classes")
        filters: int = Field(12, ge=1, description="filters of the convolution")
        kernel_size: int = Field(3, ge=1, description="height and width of the convolution's kernel")
        pool_size: int = Field(2, ge=1, description="height and width of the pooling window")

        @model_validator(mode="after")
        def _images_are_large_enough(self) -> MNISTCNN.Params:
            least = self.kernel_size + self.pool_size - 1
            if min(self.input_shape) < least:
                raise ValueError(f"with this kernel_size and pool_size, images must be at least {least}x{least}")
            return self

    def build(self) -> Model:
        """The model, with fresh weights."""
        import tf_keras
        from tf_keras import layers

        p: Any = self.params
        return tf_keras.Sequential(
            [
                layers.InputLayer(p.input_shape, name="image"),
                layers.Reshape((*p.input_shape, 1), name="reshape"),
                layers.Conv2D(p.filters, p.kernel_size, activation="relu", name="conv"),
                layers.MaxPooling2D(p.pool_size, name="pool"),
                layers.Flatten(name="flatten"),
                layers.Dense(p.num_classes, name="dense"),
            ],
            name=self.name,
        )
