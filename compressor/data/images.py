"""Images in class folders, decoded when they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.data.image_header import image_size
from compressor.data.samples import Indices, Pair, Samples, held
from compressor.data.source_options import IMAGE_SUFFIXES, ImageOptions
from compressor.data.split import Split, Splits
from compressor.data.split_names import Part, part_named

_LITTER = ("thumbs.db", "desktop.ini")  # left by file managers


@dataclass(frozen=True)
class ImageSamples(Samples):
    """Image files of one size, or brought to one; inputs have shape (n, height, width, channels).

    They are uint8, also after they were brought to another size.
    """

    paths: tuple[Path, ...]
    classes: NDArray[np.int64]
    options: ImageOptions

    @property
    def size(self) -> int:
        return len(self.paths)

    def read(self, indices: Indices) -> Pair:
        images = np.stack([decoded(self.paths[index], self.options) for index in indices])
        return images, self.classes[np.asarray(indices, np.int64)]

    def labels(self) -> NDArray[np.int64]:
        return self.classes

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.options.size}{self.options.color}".encode())
        digest.update(self.classes.tobytes())
        for path in self.paths:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def image_splits(folder: Path, options: ImageOptions) -> Splits:
    """The splits in a folder: class folders of images, or train, validation and test folders with those in them.

    Raises:
        DataError: it holds none, or a file that cannot be read, or images of several sizes.
    """
    if not folder.is_dir():
        raise DataError(f"there is no data at {folder}", "check the path; it starts at the recipe's folder")
    below = _folders(folder)
    parts = {part: path for path in below if (part := part_named(path.name))}
    if len(parts) < len(below) or "train" not in parts:  # then these are classes, whatever they are called
        names = _class_names(folder)
        return Splits(_split(folder, names, options), classes=names)
    names = _class_names(parts["train"])
    sides: dict[Part, Split] = {part: _split(path, names, options) for part, path in parts.items()}
    return Splits(sides["train"], sides.get("test"), sides.get("validation"), names)


def decoded(path: Path, options: ImageOptions) -> NDArray[Any]:
    """An image as (height, width, channels).

    Raises:
        DataError: it cannot be read.
    """
    import tensorflow as tf

    channels = 3 if options.color == "rgb" else 1
    try:
        with tf.device("cpu"):
            image = tf.io.decode_image(path.read_bytes(), channels, expand_animations=False)
            if options.size is not None:
                image = tf.cast(tf.round(tf.image.resize(image, options.size)), tf.uint8)
    except (OSError, tf.errors.OpError) as error:
        reason = " ".join(str(getattr(error, "message", error)).split())[:160]
        raise DataError(f"{path} cannot be read as an image ({reason})", "replace it, or remove it") from None
    pixels: NDArray[Any] = image.numpy()
    return pixels


def _split(folder: Path, names: Sequence[str], options: ImageOptions) -> Split:
    paths, classes = [], []
    for path in _folders(folder):
        if path.name not in names:
            what = f"the class '{path.name}' in {folder} has no images to train with"
            raise DataError(what, "add some to the training folder, or remove it")
        images = _images(path)
        paths += images
        classes += [names.index(path.name)] * len(images)
    if not paths:
        raise DataError(
            f"{folder} holds no images", f"put {', '.join(IMAGE_SUFFIXES)} files into a folder for each class"
        )
    _check_files(paths, options)
    return Split(held(ImageSamples(tuple(paths), np.array(classes, np.int64), options)))


def _class_names(folder: Path) -> tuple[str, ...]:
    return tuple(path.name for path in _folders(folder))


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    files = [path for path in files if path.name.lower() not in _LITTER]
    for path in files:
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            raise DataError(f"{path} is no image", f"remove it, or save it as one of {', '.join(IMAGE_SUFFIXES)}")
    return files


def _check_files(paths: Sequence[Path], options: ImageOptions) -> None:
    first = None
    for path in paths:
        try:
            size = image_size(path)
        except (OSError, ValueError) as error:
            raise DataError(f"{path} cannot be read as an image ({error})", "replace it, or remove it") from None
        first = first or size
        if size != first and options.size is None:
            what = f"images differ in size: {paths[0].name} has {first[0]}x{first[1]}, {path.name} {size[0]}x{size[1]}"
            raise DataError(what, f"bring them to one: 'with: {{size: [{first[0]}, {first[1]}]}}' under data")
