"""Makes a model's file again with some layers kept in more bits, for what that gains to be measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compressor.base.errors import StepError
from compressor.base.plugin_errors import fenced
from compressor.base.types import Model
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.context import StepContext
from compressor.contracts.execution_plan import Provider
from compressor.contracts.kept_layers import KeepsLayers
from compressor.contracts.model_state import ModelState
from compressor.contracts.observer import Observer
from compressor.data.prepared_splits import RunData
from compressor.debugging.float_twin import without_fake_quantization
from compressor.debugging.operator_graph import Node, OperatorGraph, nodes_in_order
from compressor.debugging.ranking import weights_of
from compressor.models.packing.package import unpacked
from compressor.training.trainer import Trainer


class Maker(ABC):
    """Makes the file with some layers kept. `how` says how, to be read after "tried by"."""

    how: str
    needs_weights = True
    """Whether only layers with weights can be kept."""

    def __init__(self, strategy: KeepsLayers, step: Mapping[str, Any], provider: Provider | None) -> None:
        """Start from the strategy as it quantized the model, its step as the recipe has it, and who provides it."""
        self.strategy = strategy
        self._who = f"the strategy '{strategy.name}'{f' ({provider})' if provider else ''}"
        self._step = step

    @abstractmethod
    def file(self, layers: Sequence[str]) -> tuple[bytes, int]:
        """The file with these layers kept, and the bytes that it ships in.

        Raises:
            StepError: it cannot be made.
        """

    def step(self, layers: Sequence[str]) -> dict[str, Any]:
        """The step of a recipe that keeps these layers."""
        with fenced(self._who, StepError):
            kept = self.strategy.keeping(layers)
        return {**self._step, "with": {**self._step.get("with", {}), **kept}}


@dataclass(frozen=True)
class Surroundings:
    """The state, data, metrics and seed that a step gets with its model."""

    state: ModelState
    data: RunData
    metrics: Sequence[ConfiguredMetric]
    seed: int = 0
    smoke: bool = False


class Requantizing(Maker):
    """Quantizes the model again, with the parameters that a recipe would have."""

    how = "quantizing again"

    def __init__(
        self,
        strategy: KeepsLayers,
        step: Mapping[str, Any],
        load: Callable[[], Model],
        around: Surroundings,
        provider: Provider | None = None,
    ) -> None:
        """Start from the strategy, its step in the recipe, what loads the model that it quantizes, and its provider."""
        super().__init__(strategy, step, provider)
        self._load = load
        self._around = around

    def file(self, layers: Sequence[str]) -> tuple[bytes, int]:
        around = self._around
        trainer = Trainer("debug", around.data, around.seed, Observer(), list(around.metrics), around.smoke)
        context = StepContext(state=around.state, train=around.data.train, trainer=trainer, seed=around.seed)
        with fenced(self._who, StepError):
            given = self.strategy.params.model_dump(by_alias=True, exclude_unset=True)
            params = type(self.strategy.params)(**{**given, **self.strategy.keeping(layers)})
            again = type(self.strategy)(params)
            content = again.apply(self._load(), context)
        return unpacked(content), len(content)


class Unrounding(Maker):
    """Takes the fake quantization of the layers out of a trained model, without training it again."""

    how = "taking their fake quantization out of the trained model, which was not trained again"
    needs_weights = False

    def __init__(
        self,
        strategy: KeepsLayers,
        step: Mapping[str, Any],
        simulated: bytes,
        names: Mapping[int, str],
        shipped: int,
        provider: Provider | None = None,
    ) -> None:
        """Start from the trained model.

        Args:
            strategy: that trained the model.
            step: its step in the recipe.
            simulated: the model as a float file with fake quantization.
            names: of the layers, by the operators' places in that file without fake quantization.
            shipped: bytes of the quantized file.
            provider: of the strategy.
        """
        super().__init__(strategy, step, provider)
        self._simulated = simulated
        self._shipped = shipped
        exact = OperatorGraph(without_fake_quantization(simulated))
        pairs = zip(nodes_in_order(OperatorGraph(simulated)), nodes_in_order(exact), strict=True)
        self._names = {node.index: names.get(other.index, "") for node, other in pairs}
        sizes: dict[str, int] = {}
        for node in nodes_in_order(exact):
            weights = sum(exact.bytes_of(tensor) for tensor in weights_of(exact, node))
            sizes[names.get(node.index, "")] = sizes.get(names.get(node.index, ""), 0) + weights
        self._float_bytes = sizes

    def file(self, layers: Sequence[str]) -> tuple[bytes, int]:
        def leave_in(node: Node) -> bool:
            return self._names.get(node.index) not in layers

        more = sum(self._float_bytes.get(layer, 0) * 3 // 4 for layer in layers)
        return without_fake_quantization(self._simulated, leave_in), self._shipped + more
