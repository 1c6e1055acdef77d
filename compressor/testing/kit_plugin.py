"""What the kit brings as a plugin of its own: models, data, a metric, and steps that put a model into a state."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.params import Params as AnyParams
from compressor.base.types import Model
from compressor.contracts.context import StepContext
from compressor.contracts.hookspecs import hookimpl
from compressor.contracts.metric import Batch, Metric
from compressor.contracts.model_state import ModelState
from compressor.contracts.sources import Dataset, ModelSource
from compressor.contracts.strategy import Strategy
from compressor.data.split import Splits
from compressor.testing.kit_models import CLASSES, Samples, built

TRAINING_SAMPLES = 64
_OTHERS = 16  # samples in each other split
_ZEROS = 0.6  # share of each kernel
_CLUSTERS = 8  # values of each kernel


class KitModel(ModelSource):
    """One of the kit's models."""

    name = "kit_model"
    trained = True

    class Params(AnyParams):
        """Which one."""

        model: str

    def build(self) -> Model:
        """Build it."""
        return built(self.params.model)


class KitData(Dataset):
    """A few samples of three classes, which can be told apart by their mean."""

    name = "kit_data"

    class Params(AnyParams):
        """What they are."""

        samples: Samples

    def load(self) -> Splits:
        """Draw them, always the same."""
        draw, count = np.random.default_rng(0), TRAINING_SAMPLES + 2 * _OTHERS
        labels = np.arange(count) % CLASSES

        def drawn(*shape: int) -> NDArray[np.float32]:
            means = labels.reshape(-1, *(1 for _ in shape)) / CLASSES
            return (draw.uniform(0, 0.7, (count, *shape)) + 0.3 * means).astype(np.float32)

        inputs: Any = {
            "pictures": lambda: drawn(8, 8, 1),
            "pictures and numbers": lambda: {"picture": drawn(8, 8, 1), "numbers": drawn(4)},
            "series": lambda: drawn(12, 4),
            "numbers": lambda: drawn(1),
        }[self.params.samples]()  # type: ignore[no-untyped-call]

        def part(start: int, stop: int) -> Any:
            if isinstance(inputs, dict):
                return {name: array[start:stop] for name, array in inputs.items()}, labels[start:stop]
            return inputs[start:stop], labels[start:stop]

        first, second = TRAINING_SAMPLES, TRAINING_SAMPLES + _OTHERS
        return Splits(part(0, first), part(second, count), part(first, second))


class KitScore(Metric):
    """Share of samples whose class has the largest output."""

    name = "kit_score"
    share = True

    def per_sample(self, batch: Batch) -> NDArray[Any]:
        """One for a sample that is right, and zero for others."""
        right: NDArray[Any] = batch.outputs.argmax(axis=-1) == batch.labels
        return right


class KitZeros(Strategy):
    """Set the smallest weights of each kernel to zero."""

    name = "kit_zeros"

    def plan(self, state: ModelState) -> ModelState:
        """Adds zeros."""
        return state.add("sparse")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with zeros."""
        model.set_weights([_with_zeros(weights) for weights in model.get_weights()])
        return model


class KitClusters(Strategy):
    """Round the weights of each kernel to a few values."""

    name = "kit_clusters"

    def plan(self, state: ModelState) -> ModelState:
        """Adds clusters."""
        return state.add("clustered")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with clusters."""
        model.set_weights([_with_clusters(weights) for weights in model.get_weights()])
        return model


class KitFile(Strategy):
    """Convert the model into a LiteRT file in float32."""

    name = "kit_file"

    def plan(self, state: ModelState) -> ModelState:
        """Makes a file."""
        return state.to("litert")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The file."""
        from compressor.models.litert.conversion.converter import to_litert

        return to_litert(model)


class KitInt8File(Strategy):
    """Convert the model into a LiteRT file with weights in int8."""

    name = "kit_int8_file"

    def plan(self, state: ModelState) -> ModelState:
        """Makes a quantized file."""
        return state.to("litert").add("quantized")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The file."""
        from compressor.models.litert.conversion.converter import Conversion, to_litert

        return to_litert(model, Conversion("int8", calibration=context.calibration(16)))


class KitPlugin:
    """The hooks."""

    @hookimpl
    def strategies(self) -> list[type[Strategy]]:
        """The steps."""
        return [KitZeros, KitClusters, KitFile, KitInt8File]

    @hookimpl
    def models(self) -> list[type[ModelSource]]:
        """The models."""
        return [KitModel]

    @hookimpl
    def datasets(self) -> list[type[Dataset]]:
        """The data."""
        return [KitData]

    @hookimpl
    def metrics(self) -> list[type[Metric]]:
        """The metric."""
        return [KitScore]


def _with_zeros(weights: NDArray[Any]) -> NDArray[Any]:
    if weights.ndim < 2:
        return weights
    limit = np.quantile(np.abs(weights), _ZEROS)
    return np.where(np.abs(weights) <= limit, 0, weights).astype(weights.dtype)


def _with_clusters(weights: NDArray[Any]) -> NDArray[Any]:
    if weights.ndim < 2:
        return weights
    largest = np.abs(weights).max() or 1
    steps = _CLUSTERS // 2
    rounded = np.round(weights / largest * steps).clip(1 - steps, steps)
    return (rounded * largest / steps).astype(weights.dtype)
