"""The parameters of `ptq`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from compressor.contracts.layer_sensitivity import WeightType
from compressor.contracts.layer_targets import LayerPatterns
from compressor.contracts.param_fields import Search
from compressor_plugins.ptq.request import IO, Algorithm, Granularity, Request
from compressor_plugins.shared.precision import MEANING, ActivationType, Precision

if TYPE_CHECKING:
    from compressor.models.litert import Weights

_NEEDED_FOR_IO: dict[IO, ActivationType] = {"int8": "int8", "uint8": "int8", "int16": "int16"}
CONVERTED: Mapping[tuple[WeightType, ActivationType], Weights] = {  # what the LiteRT converter supports
    ("int8", "int8"): "int8",
    ("int8", "int16"): "int16x8",
    ("int8", "dynamic"): "dynamic_int8",
    ("float16", "float32"): "float16",
}
_OTHER_WEIGHTS = ("hadamard", "oscar")  # they store other weights than the layer's, and compensate for it elsewhere


def parse_scale(value: object) -> object:
    """A fraction such as "1/255" as a number; anything else as it is."""
    if isinstance(value, str) and value.count("/") == 1:
        over, under = value.split("/")
        try:
            return float(over) / float(under)
        except (ValueError, ZeroDivisionError):
            return value
    return value


class PTQParams(LayerPatterns):
    """Which types to quantize to, by which algorithm, and how to calibrate."""

    by_layer: ClassVar[tuple[str, ...]] = ("per_layer",)

    precision: Annotated[Precision, Search.of("int8", "dynamic", "int4", "float16")] = Field(
        "int8",
        description="types of weights and activations: int8 (both), int16x8 (int8 weights, int16 activations), "
        "dynamic (int8 weights, activations quantized at run time), or float16, int4 or int2 (weights alone)",
    )
    activations: ActivationType | None = Field(
        None, description="type that layers compute with; by default the one that `precision` stands for"
    )
    algorithm: Algorithm = Field(
        "min_max",
        description="how weights are rounded: scaled by the largest of them (min_max), by the clipping (octav) or "
        "the scale (mse) with the least error, to fit calibration samples (gptq, oscar), after a rotation "
        "(hadamard), or on the grid that they are on already (recovery)",
    )
    granularity: Granularity = Field(
        "channel",
        description="which weights share a scale: those of a channel, of a tensor, or of a block of inputs",
    )
    io: IO = Field("float32", description="dtype of the file's inputs and outputs")
    per_layer: dict[str, WeightType] = Field(
        {}, description="type of the weights of single layers, by name, glob or type; the last match counts"
    )
    input_scale: Annotated[float | None, BeforeValidator(parse_scale)] = Field(
        None,
        gt=0,
        description="with io uint8, what a byte of an input counts, so that raw bytes can be fed: 1/255 where the "
        "data is divided by 255, 1 where the model does that; by default the scale that calibration found",
    )
    integer_only: bool = Field(
        False,
        description="fail where an operator would compute in float, or an input or output is not of the type `io`",
    )
    bias_correction: bool = Field(
        False, description="subtract from each bias the mean error that rounding causes in its layer's output"
    )
    rate_weight: float = Field(
        0.0,
        ge=0,
        le=1,
        description="what a bit of a weight in the package counts against errors of the layers' outputs: above 0, "
        "int8 weights move to values that `pack` codes in fewer bits, and many to zero, without training; 0.003 to "
        "0.06 are of use, and 0 moves none",
    )
    calibration_samples: int = Field(
        300,
        ge=1,
        le=100_000,
        description="training samples on which ranges of activations, and inputs of weights, are measured",
    )

    @property
    def request(self) -> Request:
        """The types, algorithm and granularity asked for."""
        weights, activations = MEANING[self.precision]
        return Request(weights, self.activations or activations, self.algorithm, self.granularity, self.per_layer)

    @property
    def by_converter(self) -> bool:
        """Whether the LiteRT converter can do all that is asked for."""
        request = self.request
        plain = (self.algorithm, self.granularity) == ("min_max", "channel")
        named = (request.weights, request.activations) in CONVERTED
        return plain and named and not self.per_layer and not self.bias_correction

    def follows(self, trained_for: str) -> bool:
        """Whether the parameters ask for what quantization-aware training prepared a model for."""
        plain = (self.algorithm, self.granularity, self.per_layer) == ("min_max", "channel", {})
        computes = "int16" if trained_for == "int16x8" else "int8"
        trained = self.precision == (trained_for or "int8") and self.activations in (None, computes)
        return plain and trained and not self.bias_correction

    @model_validator(mode="after")
    def _fits(self) -> PTQParams:
        request = self.request
        if (needed := _NEEDED_FOR_IO.get(self.io)) and request.activations != needed:
            raise ValueError(f"io {self.io} needs {needed} activations, not {request.activations}")
        if self.input_scale is not None and self.io != "uint8":
            raise ValueError(f"input_scale needs io uint8, not {self.io}")
        if self.integer_only and request.activations not in ("int8", "int16"):
            raise ValueError(f"integer_only needs int8 or int16 activations, not {request.activations}")
        if request.weights == "float16" and (
            request.activations != "float32" or (self.algorithm, self.granularity) != ("min_max", "channel")
        ):
            what = "float16 weights are only cast"
            raise ValueError(f"{what}: they need float32 activations, algorithm min_max and granularity channel")
        if self.granularity.startswith("block") and request.activations != "dynamic":
            raise ValueError(f"{self.granularity} needs dynamic activations, not {request.activations}")
        if self.granularity.startswith("block") and self.algorithm in ("mse", "recovery", "hadamard"):
            raise ValueError(f"algorithm {self.algorithm} does not support weights in blocks")
        if self.rate_weight and request.weights != "int8":
            raise ValueError(f"rate_weight needs int8 weights, not {request.weights}")
        if self.bias_correction and (self.granularity.startswith("block") or self.algorithm in _OTHER_WEIGHTS):
            raise ValueError("bias_correction supports neither weights in blocks nor algorithms hadamard and oscar")
        return self
