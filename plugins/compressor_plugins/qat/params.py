"""The parameters of `qat`."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

import compressor
from compressor.contracts.keras_layer_support import keras_layer
from compressor.contracts.layer_targets import value_for
from compressor_plugins.shared.precision import BITS


class QATParams(compressor.TrainingParams, compressor.LayerTargets):
    """How to fine-tune, which layers, and how the model is made ready for it."""

    by_layer: ClassVar[tuple[str, ...]] = ("per_layer",)

    epochs: int = Field(2, ge=1, le=10_000, description="passes over the training split")
    weights: Literal["int8", "int4"] = Field("int8", description="type of the weights")
    activations: Literal["int8", "int16"] = Field(
        "int8", description="what layers compute with; int16 goes with int8 weights (16x8)"
    )
    ranges: Literal["observed", "learned"] = Field(
        "observed",
        description="where ranges come from: the largest weights and a moving average of activations, or learned "
        "by gradient with the weights",
    )
    per_layer: dict[str, Literal["float32", "int8", "int4"]] = Field(
        {}, description="another type for the weights of some layers, by names, globs or types; the last one counts"
    )
    flatten: bool = Field(True, description="put the layers of nested models into the model, to quantize them too")
    fuse_relu: bool = Field(True, description="make a ReLU of its own part of the layer before it")
    map_operations: bool = Field(True, description="replace operations such as `x * 0.5` by layers")
    conv1d_as_2d: bool = Field(
        True, description="give one-dimensional convolutions images of one row, as LiteRT does, to quantize them"
    )
    integer_only: bool = Field(
        False, description="refuse, before training, a model of which an operator would compute in float"
    )
    fold_batch_norm: Literal["none", "separate", "all"] = Field(
        "separate",
        description="which BatchNormalization to fold into weights, with its statistics fixed: none, those that "
        "follow no convolution, or all",
    )

    @property
    def precision(self) -> str:
        """The precision that `ptq` has for this."""
        return "int16x8" if self.activations == "int16" else self.weights

    @model_validator(mode="after")
    def _fits(self) -> QATParams:
        if self.activations == "int16" and "int4" in (self.weights, *self.per_layer.values()):
            raise ValueError("int16 activations go with int8 weights; LiteRT has no 16-bit operator for all others")
        return self

    def bits_of(self, name: str, kind: str) -> int:
        """Bits of the weights of the layer of this name and class; 0 where it stays in float."""
        bits = self._asked_bits(name, kind)
        return max(bits, keras_layer(kind).quantization.fewest_bits) if bits else 0

    def widened(self, name: str, kind: str) -> bool:
        """Whether the layer gets more bits than asked, as LiteRT cannot run it with fewer."""
        return self.bits_of(name, kind) != self._asked_bits(name, kind)

    def _asked_bits(self, name: str, kind: str) -> int:
        weights = value_for(self.per_layer, name, kind) or self.weights
        return 0 if weights == "float32" or not self.selects(name, kind) else BITS[weights]
