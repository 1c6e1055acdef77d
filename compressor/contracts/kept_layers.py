"""Strategies that can keep single layers in more bits than the others, which `compressor debug` tries out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from compressor.base.types import Model
from compressor.contracts.strategy import Strategy


class KeepsLayers(Strategy):
    """A strategy that quantizes, and whose parameters can keep single layers in more bits.

    `kept_in` says in what, such as "16 bits".
    """

    kept_in: ClassVar[str]

    @abstractmethod
    def keeping(self, layers: Sequence[str]) -> Mapping[str, Any]:
        """The parameters to add under `with` in a recipe for these layers to be kept, beside those kept already."""


class QuantizesFiles(KeepsLayers):
    """A strategy that quantizes float files, and knows their layers by the names that its parameters take."""

    @classmethod
    @abstractmethod
    def operator_layers(cls, content: bytes, model: Model) -> Mapping[int, str]:
        """The names of layers by the place of the operator in a file's main graph, at least of those with weights.

        Args:
            content: a float file.
            model: the tf_keras model that it was converted from, or the bytes of the file.
        """

    @classmethod
    @abstractmethod
    def parameters_of(cls, content: bytes) -> Mapping[str, Any] | None:
        """The parameters that make a file like this quantized one; None if the strategy makes no such files."""
