"""The contracts of data sets and models that go by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.base import params
from compressor.base.types import Model

if TYPE_CHECKING:
    from compressor.data.split import Splits


class Dataset(ABC):
    """A data set with a training and a test split.

    `repeatable` tells whether name, parameters and code alone decide what it brings, so that the cache may know it by
    them.
    """

    name: ClassVar[str]
    repeatable: ClassVar[bool] = True
    Params: type[params.Params] = params.Params

    def __init__(self, given: params.Params) -> None:
        self.params: Any = given

    @abstractmethod
    def load(self) -> Splits:
        """The data.

        Raises:
            DataError: it cannot be had.
        """


class ModelSource(ABC):
    """A model by name; it comes untrained unless `trained` says otherwise. `repeatable` is as for a data set."""

    name: ClassVar[str]
    repeatable: ClassVar[bool] = True
    trained: ClassVar[bool] = False
    Params: type[params.Params] = params.Params

    def __init__(self, given: params.Params) -> None:
        self.params: Any = given

    @abstractmethod
    def build(self) -> Model:
        """A new tf_keras model."""
