"""What a recipe may say under `data.with` for each kind of file, and how the kinds are told apart."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field

from compressor.base.params import Params
from compressor.base.reference import Reference
from compressor.data.declared_step import Pixels, Size
from compressor.data.split_names import part_named

Kind: TypeAlias = Literal["npz", "npy", "images", "csv", "parquet", "tfrecord", "tfds"]

TFDS = "tfds:"
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")


class ArrayOptions(Params):
    """Arrays have none."""


class ImageOptions(Params):
    """How images in class folders are read."""

    size: Size | None = Field(None, description="height and width to bring each image to; needed where they differ")
    color: Literal["rgb", "grayscale"] = Field("rgb", description="three channels, or one")


class TableOptions(Params):
    """Which columns of a table are what."""

    label: str | list[str] | None = Field(
        None, description="the column of the labels, or several of numbers; text becomes class numbers, sorted by name"
    )
    features: list[str] | None = Field(
        None, min_length=1, description="the columns of the inputs; all others by default"
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="what parts the columns of a CSV file")


class RecordFeature(Params):
    """A feature of a TFRecord's examples."""

    dtype: Literal["float32", "int64", "uint8", "int8", "int16", "int32", "float16", "float64"] = Field(
        description="its type; other than float32 and int64, it is bytes, and needs an encoding"
    )
    shape: list[Pixels] = Field(max_length=5, description="shape in one example; [] for a single number")
    encoding: Literal["raw", "jpeg", "png", "image"] | None = Field(
        None, description="how bytes hold it: numbers one after the other, or an encoded image"
    )


class RecordOptions(Params):
    """What the examples in TFRecord files hold."""

    features: dict[str, RecordFeature] = Field(min_length=1, description="dtype, shape and encoding by name")
    inputs: list[str] = Field(min_length=1, description="the features that the model gets")
    label: str | None = Field(None, description="the feature that is the label")


class TfdsOptions(Params):
    """How a data set of tensorflow-datasets is had."""

    data_dir: str | None = Field(None, description="where it is kept; tensorflow-datasets' own folder when left out")
    download: bool = Field(True, description="download it where it is not there")


OPTIONS: dict[Kind, type[Params]] = {
    "npz": ArrayOptions,
    "npy": ArrayOptions,
    "images": ImageOptions,
    "csv": TableOptions,
    "parquet": TableOptions,
    "tfrecord": RecordOptions,
    "tfds": TfdsOptions,
}


def kind_of(reference: Reference) -> Kind | None:
    """What a reference leads to; None for a function, and for what is not there and does not say it by its name."""
    if reference.kind == "function":
        return "tfds" if reference.target.startswith(TFDS) else None
    path = Path(reference.target)
    if os.path.isdir(path):  # noqa: PTH112 - unlike Path's, it takes any name for an answer
        below = sorted(path.iterdir())
        return _kind_of_names([one.name for one in below]) or _kind_in_parts(below) or "images"
    return _kind_of_names([path.name])


def options_of(reference: Reference) -> type[Params] | None:
    """The parameters that `data.with` may hold for a reference; None where any will do, or none can be known yet."""
    kind = kind_of(reference)
    return OPTIONS[kind] if kind else None


def files_of(target: str, kind: Kind) -> list[Path]:
    """The files that a path, a folder or a pattern leads to, in the order of their names."""
    path = Path(target)
    if path.is_dir():
        return sorted(below for below in path.rglob("*") if below.is_file() and _kind_of_names([below.name]) == kind)
    return [path] if path.is_file() else sorted(map(Path, glob.glob(target)))  # noqa: PTH207 - the pattern is absolute


def _kind_in_parts(below: Sequence[Path]) -> Kind | None:
    """What folders called train, validation or test hold, of the kinds whose files may be in such."""
    parts = [path for path in below if part_named(path.name) and path.is_dir()]
    kind = _kind_of_names([one.name for part in parts for one in sorted(part.iterdir()) if one.is_file()])
    return kind if kind in ("csv", "parquet", "tfrecord") else None


def _kind_of_names(names: Sequence[str]) -> Kind | None:
    for name in names:
        lower = name.lower()
        for kind in ("npz", "npy", "csv", "parquet"):
            if lower.endswith(f".{kind}"):
                return kind
        if "tfrecord" in lower:
            return "tfrecord"
    return None
