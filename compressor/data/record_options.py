"""What the examples in TFRecord files hold, as a recipe describes it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from compressor.base.params import Params
from compressor.data.declared_step import Pixels


class RecordFeature(Params):
    """A feature of the examples."""

    dtype: Literal["float32", "int64", "uint8", "int8", "uint16", "int16", "int32", "float16", "float64", "string"] = (
        Field(
            description="its type; other than float32, int64 and string (text: a label), it is bytes with an encoding"
        )
    )
    shape: list[Pixels] = Field(max_length=5, description="shape in one example; [] for a single number")
    encoding: Literal["raw", "jpeg", "png", "image"] | None = Field(
        None, description="how bytes hold it: numbers one after the other, or an encoded image"
    )


class RecordOptions(Params):
    """The features of the examples, and which of them are the inputs and the label."""

    features: dict[str, RecordFeature] = Field(min_length=1, description="dtype, shape and encoding by name")
    inputs: list[str] = Field(min_length=1, description="the features that the model gets")
    label: str | None = Field(None, description="the feature that is the label")
