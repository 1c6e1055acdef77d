"""The base class of every compression strategy.

A strategy is given a model and returns a model. It never chooses a path, prints, caches, measures or evaluates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from compressor.base.params import Params as AnyParams
from compressor.base.types import Model
from compressor.contracts.context import StepContext
from compressor.contracts.dependencies import DependsOn
from compressor.contracts.model_state import ModelState


class Strategy(ABC):
    """A way to compress a model. The first paragraph of a subclass's docstring describes it; the rest names the paper.

    Set `scores` to True if `apply` asks for validation scores: the result then depends on the first metric. Set
    `makes_layers` to True if `apply` adds layers whose names later steps may refer to. Set `depends_on_weights` to True
    if what `apply` refuses depends on what the weights were trained to be: such a step is left out when a run rehearses
    its steps on the untrained model. Set `in_place` to False if `apply` leaves the model that it is given as it was, so
    that the two can be compared. Name in `changes_endpoints` what `apply` changes of the model's inputs and
    outputs (`names`, `shapes`, `types`); all else must stay as it is.
    """

    name: ClassVar[str]
    scores: ClassVar[bool] = False
    makes_layers: ClassVar[bool] = False
    depends_on_weights: ClassVar[bool] = False
    in_place: ClassVar[bool] = True
    changes_endpoints: ClassVar[Collection[str]] = ()
    Params: type[AnyParams] = AnyParams

    def __init__(self, params: AnyParams) -> None:
        self.params: Any = params

    @property
    def weight_bits(self) -> int | None:
        """Bits that weights resolve after the step where, by design, these are fewer than their type has; else None.

        The outputs may differ from those of the model before by as much noise as so many bits explain.
        """
        return None

    @abstractmethod
    def plan(self, state: ModelState) -> ModelState:
        """Return the state of the model after this step. Runs before TensorFlow is imported.

        Raises:
            Refusal: the step cannot take a model in this state.
        """

    @abstractmethod
    def apply(self, model: Model, context: StepContext) -> Model:
        """Return the compressed model. `model` is not used again, so it may be changed in place.

        Raises:
            StepError: the step cannot be taken, or missed its target.
        """

    def depends_on(self) -> DependsOn:
        """Return what else the result of `apply` depends on than model, parameters, data, seed and code.

        A step that reads anything else without saying so is served from the cache though it has changed.
        """
        return DependsOn()

    def custom_objects(self) -> Mapping[str, Any]:
        """Return the custom objects needed to load the model this step returns, by name."""
        return {}
