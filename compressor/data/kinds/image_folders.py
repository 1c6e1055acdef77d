"""Images in class folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from compressor.base.params import Params
from compressor.data.data_kind import DataKind
from compressor.data.declared_step import Size

if TYPE_CHECKING:
    from compressor.data.split import Splits


class ImageOptions(Params):
    """How images are read."""

    size: Size | None = Field(None, description="height and width to bring each image to; needed where they differ")
    color: Literal["rgb", "grayscale"] = Field("rgb", description="three channels, or one")


class ImageFolders(DataKind):
    """PNG, JPEG, BMP or GIF files in a folder for each class."""

    name = "folders of images"
    example = "`./folder` of images"
    told_apart = "folders `train`, `validation`, `test` with class folders in them, or class folders alone"
    any_folder = True
    Options = ImageOptions

    def splits(self, target: str, options: ImageOptions, spool: Path) -> Splits:
        from compressor.data.images import image_splits

        return image_splits(Path(target), options.size, options.color)
