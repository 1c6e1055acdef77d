"""A strong net to learn from, where time for it is no matter."""

from __future__ import annotations

from typing import Any

from pydantic import Field

import compressor
from compressor.strategy import Model, ModelSource


class PairedCNN(ModelSource):
    """Four 3x3 convolutions, two before each pooling, and a dense layer: 137,186 parameters. Outputs are logits.

    Pairs of small convolutions as in Simonyan & Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale
    Image Recognition" (arXiv 1409.1556), with BatchNormalization and Dropout.
    """

    name = "paired_cnn"

    class Params(compressor.Params):
        """Its size."""

        filters: tuple[int, int] = Field((24, 48), description="filters of the convolutions, by block")
        units: int = Field(128, ge=1, description="units of the dense layer before the last one")
        dropout: float = Field(0.3, ge=0, lt=1, description="share of values dropped after each block while training")

    def build(self) -> Model:
        """The model, with fresh weights."""
        import tf_keras
        from tf_keras import layers

        p: Any = self.params
        model = tf_keras.Sequential([layers.InputLayer((28, 28), name="image"), layers.Reshape((28, 28, 1))], self.name)
        for block, filters in enumerate(p.filters, 1):
            for number in (1, 2):
                model.add(layers.Conv2D(filters, 3, use_bias=False, name=f"conv{block}_{number}"))
                model.add(layers.BatchNormalization(name=f"norm{block}_{number}"))
                model.add(layers.ReLU(name=f"relu{block}_{number}"))
            model.add(layers.MaxPooling2D(2, name=f"pool{block}"))
            model.add(layers.Dropout(p.dropout, name=f"dropout{block}"))
        model.add(layers.Flatten(name="flatten"))
        model.add(layers.Dense(p.units, use_bias=False, name="dense"))
        model.add(layers.BatchNormalization(name="norm"))
        model.add(layers.ReLU(name="relu"))
        model.add(layers.Dropout(p.dropout, name="dropout"))
        model.add(layers.Dense(10, name="logits"))
        return model
