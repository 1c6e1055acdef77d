"""The base classes of data sets and models that a recipe can name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from compressor.base.params import Params as AnyParams
from compressor.base.types import Model

if TYPE_CHECKING:
    from compressor.data.split import Splits


class Dataset(ABC):
    """A data set with a training and a test split.

    Leave `repeatable` at True if name, parameters and code decide the data; the cache then recognises it by these
    without loading it.
    """

    name: ClassVar[str]
    repeatable: ClassVar[bool] = True
    Params: type[AnyParams] = AnyParams

    def __init__(self, params: AnyParams) -> None:
        self.params: Any = params

    @abstractmethod
    def load(self) -> Splits:
        """Load the data.

        Raises:
            DataError: the data is not there, or cannot be read.
        """


class ModelSource(ABC):
    """A model by name. Set `trained` to True if it comes trained; `repeatable` is as for a data set."""

    name: ClassVar[str]
    repeatable: ClassVar[bool] = True
    trained: ClassVar[bool] = False
    Params: type[AnyParams] = AnyParams

    def __init__(self, params: AnyParams) -> None:
        self.params: Any = params

    @abstractmethod
    def build(self) -> Model:
        """Build a new tf_keras model."""
