"""How much each layer of a model loses at lower precision, and the strategies that can measure it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from compressor.base.types import Arrays, Model
from compressor.contracts.strategy import Strategy

WeightType: TypeAlias = Literal["float32", "float16", "int8", "int4", "int2"]
Rounding: TypeAlias = Literal["min_max", "octav", "mse"]
"""How the scale of rounded weights is chosen: by the largest, by optimal clipping, or by least squares."""


@dataclass(frozen=True)
class LayerSensitivity:
    """A layer, the bytes that its weights take in each type, and the error that each type brings.

    `errors` are root mean square differences between the outputs of the model with this layer alone rounded and those
    of the float model, as shares of the latter.
    """

    layer: str
    kind: str
    weights: int
    bytes: Mapping[WeightType, int]
    errors: Mapping[WeightType, float]


class SensitivityStrategy(Strategy):
    """A strategy that can measure sensitivities by themselves, for `compressor sensitivity` to show."""

    @classmethod
    @abstractmethod
    def sensitivity(
        cls, model: Model, samples: Sequence[Arrays], types: Sequence[WeightType], rounding: Rounding
    ) -> Sequence[LayerSensitivity]:
        """Round one layer after the other to each type, and compare the outputs on some samples.

        Args:
            model: a tf_keras model, or the bytes of a float `.tflite` file.
            samples: inputs of shape (1, ...), by name where the model has several.
            types: of weights, to try.
            rounding: how weights are rounded.

        Raises:
            StepError: no layer's weights can be rounded.
        """
