"""The contracts of a plugin: what a strategy, a data set, a model and a metric must be.

A strategy is given a model and returns a model. It never picks a path, prints, caches, measures or evaluates.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.base import params
from compressor.base.types import Model
from compressor.contracts.context import StepContext
from compressor.contracts.state import ModelState

if TYPE_CHECKING:
    pass


class Strategy(ABC):
    """A way to compress. The class docstring's first line describes it; the rest names the paper.

    `scores` tells that it asks for scores on the validation split, so that its result depends on the first metric,
    `makes_layers` that later steps may find layers of names that the model did not have before.
    """

    name: ClassVar[str]
    scores: ClassVar[bool] = False
    makes_layers: ClassVar[bool] = False
    Params: type[params.Params] = params.Params

    def __init__(self, given: params.Params) -> None:
        self.params: Any = given

    @abstractmethod
    def plan(self, state: ModelState) -> ModelState:
        """What the model is after this step.

        Raises:
            Refusal: the step cannot work on a model in this state.
        """

    @abstractmethod
    def apply(self, model: Model, context: StepContext) -> Model:
        """The compressed model. The one given is not used again, and may be changed.

        Raises:
            StepError: it cannot be done, or was not reached.
        """

    def custom_objects(self) -> Mapping[str, Any]:
        """What Keras must know by name to load the model that this step leaves."""
        return {}
