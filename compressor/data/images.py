"""Images in class folders, decoded each time they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.data.data_errors import no_data_at
from compressor.data.image_header import image_size
from compressor.data.samples import Indices, Pair, Samples, loaded_if_small
from compressor.data.split import Split, Splits
from compressor.data.split_names import Part, part_named

Color: TypeAlias = Literal["rgb", "grayscale"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
_LITTER = ("thumbs.db", "desktop.ini")  # left by file managers


@dataclass(frozen=True)
class ImageSamples(Samples):
    """Image files and the class of each. Inputs are uint8, of shape (n, height, width, channels).

    `resized_to` is the height and width that each image is brought to, or None where all have the same.
    """

    paths: tuple[Path, ...]
    classes: NDArray[np.int64]
    resized_to: Sequence[int] | None
    color: Color

    @property
    def size(self) -> int:
        return len(self.paths)

    def read(self, indices: Indices) -> Pair:
        images = np.stack([decoded(self.paths[index], self.resized_to, self.color) for index in indices])
        return images, self.classes[np.asarray(indices, np.int64)]

    def labels(self) -> NDArray[np.int64]:
        return self.classes

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.resized_to}{self.color}".encode())
        digest.update(self.classes.tobytes())
        for path in self.paths:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def image_splits(folder: Path, size: Sequence[int] | None = None, color: Color = "rgb") -> Splits:
    """The splits in a folder: class folders of images, or train, validation and test folders with those in them.

    Args:
        folder: the folder.
        size: the height and width to bring each image to, where they differ.
        color: whether images get three channels or one.

    Raises:
        DataError: it holds no images, or a file that cannot be read, or images of several sizes and no `size` is given.
    """
    if not folder.is_dir():
        raise no_data_at(folder)
    below = _folders(folder)
    parts = {part: path for path in below if (part := part_named(path.name))}
    if len(parts) < len(below) or "train" not in parts:  # then these are classes, whatever they are called
        names = _class_names(folder)
        return Splits(_split(folder, names, size, color), classes=names)
    names = _class_names(parts["train"])
    splits: dict[Part, Split] = {part: _split(path, names, size, color) for part, path in parts.items()}
    return Splits(splits["train"], splits.get("test"), splits.get("validation"), names)


def decoded(path: Path, size: Sequence[int] | None, color: Color) -> NDArray[Any]:
    """An image as (height, width, channels).

    Raises:
        DataError: it cannot be read.
    """
    import tensorflow as tf

    channels = 3 if color == "rgb" else 1
    try:
        with tf.device("cpu"):
            image = tf.io.decode_image(path.read_bytes(), channels, expand_animations=False)
            if size is not None:
                image = tf.cast(tf.round(tf.image.resize(image, size)), tf.uint8)
    except (OSError, tf.errors.OpError) as error:
        reason = " ".join(str(getattr(error, "message", error)).split())[:160]
        raise DataError(f"{path} cannot be read as an image ({reason})", "replace it, or remove it") from None
    pixels: NDArray[Any] = image.numpy()
    return pixels


def _split(folder: Path, names: Sequence[str], size: Sequence[int] | None, color: Color) -> Split:
    paths, classes = [], []
    for path in _folders(folder):
        if path.name not in names:
            what = f"the class '{path.name}' in {folder} has no images to train with"
            raise DataError(what, "add some to the training folder, or remove it")
        images = _images(path)
        paths += images
        classes += [names.index(path.name)] * len(images)
    if not paths:
        raise DataError(f"{folder} holds no images", f"put {', '.join(_SUFFIXES)} files into a folder for each class")
    _check_files(paths, size)
    return Split(loaded_if_small(ImageSamples(tuple(paths), np.array(classes, np.int64), size, color)))


def _class_names(folder: Path) -> tuple[str, ...]:
    return tuple(path.name for path in _folders(folder))


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    files = [path for path in files if path.name.lower() not in _LITTER]
    for path in files:
        if path.suffix.lower() not in _SUFFIXES:
            raise DataError(f"{path} is not an image", f"remove it, or save it as one of {', '.join(_SUFFIXES)}")
    return files


def _check_files(paths: Sequence[Path], resized_to: Sequence[int] | None) -> None:
    """Refuse files that are no whole images, and images of several sizes where they are not resized."""
    first = None
    for path in paths:
        try:
            size = image_size(path)
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read as an image ({error})", "replace it, or remove it") from None
        first = first or size
        if size != first and resized_to is None:
            what = f"images differ in size: {paths[0].name} has {first[0]}x{first[1]}, {path.name} {size[0]}x{size[1]}"
            raise DataError(what, f"bring them to one: 'with: {{size: [{first[0]}, {first[1]}]}}' under data")
