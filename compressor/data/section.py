"""The `data:` section of a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from compressor.base.fields import MAX_ENTRIES, SourceText, Values
from compressor.base.params import Params
from compressor.data.augment import AugmentStep
from compressor.data.preprocess import PreprocessStep


class DataSection(Params):
    """The data to train, calibrate and measure with."""

    source: SourceText = Field(
        description="a registered data set, a path, package.module:function or ./file.py:function"
    )
    with_: Values = Field({}, alias="with", description="parameters of a registered data set, a file, or the function")
    validation_split: float = Field(
        0.1, gt=0, lt=1, description="share of the training samples kept for validation, where the set has none"
    )
    test_split: float = Field(0.2, gt=0, lt=1, description="share kept for the test, where it has none; drawn first")
    stratify: bool = Field(False, description="draw these shares from each class")
    targets: Literal["labels", "inputs"] = Field(
        "labels", description="what the model learns to give: the labels, or its own inputs (an autoencoder)"
    )
    preprocess: list[PreprocessStep] | None = Field(
        None,
        max_length=MAX_ENTRIES,
        description="steps for all samples, in order; bytes are scaled to 0..1 before them "
        "unless one of them changes values, or there are none (`[]`)",
    )
    augment: list[AugmentStep] = Field(
        [], max_length=MAX_ENTRIES, description="random changes for training, in order, after all preprocessing"
    )
