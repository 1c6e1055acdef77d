"""Images in class folders, decoded each time they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.data.data_errors import no_data_at
from compressor.data.image_header import image_depth, image_size
from compressor.data.samples import Indices, Pair, Samples, loaded_if_small
from compressor.data.split import Split, Splits
from compressor.data.split_names import Part, part_named

Color: TypeAlias = Literal["rgb", "grayscale"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
_LITTER = ("thumbs.db", "desktop.ini")  # left by file managers


@dataclass(frozen=True)
class ImageSamples(Samples):
    """Image files and the class of each. Inputs are uint8, or uint16 if `wide`, of (n, height, width, channels).

    `resized_to` is the height and width that each image is brought to, or None where all have the same.
    """

    paths: tuple[Path, ...]
    classes: NDArray[np.int64]
    resized_to: Sequence[int] | None
    color: Color
    wide: bool = False

    @property
    def size(self) -> int:
        return len(self.paths)

    def read(self, indices: Indices) -> Pair:
        images = np.stack([decoded(self.paths[index], self.resized_to, self.color, self.wide) for index in indices])
        return images, self.classes[np.asarray(indices, np.int64)]

    def labels(self) -> NDArray[np.int64]:
        return self.classes

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(f"{self.resized_to}{self.color}{'uint16' if self.wide else ''}".encode())
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
        parts = {"train": folder}
    names = _class_names(parts["train"])
    found = {part: _found(path, names, size, color) for part, path in parts.items()}
    wide, notes = _depth([path for samples in found.values() for path in samples.paths])
    splits: dict[Part, Split] = {
        part: Split(loaded_if_small(replace(samples, wide=wide))) for part, samples in found.items()
    }
    return Splits(splits["train"], splits.get("test"), splits.get("validation"), names, notes)


def decoded(path: Path, size: Sequence[int] | None, color: Color, wide: bool = False) -> NDArray[Any]:
    """An image as (height, width, channels), of uint8, or of uint16 if `wide`.

    Raises:
        DataError: it cannot be read.
    """
    import tensorflow as tf

    try:
        image = pixels(path.read_bytes(), 3 if color == "rgb" else 1, wide)
        if size is not None:
            with tf.device("cpu"):
                image = tf.cast(tf.round(tf.image.resize(image, size)), image.dtype).numpy()
    except (OSError, tf.errors.OpError) as error:
        reason = " ".join(str(getattr(error, "message", error)).split())[:160]
        raise DataError(f"{path} cannot be read as an image ({reason})", "replace it, or remove it") from None
    return image


def pixels(content: bytes, channels: int, wide: bool) -> NDArray[Any]:
    """The image in a file's bytes, as (height, width, channels) of uint8, or of uint16 if `wide`.

    In the latter, 8 bits are spread over 16, so that white stays white.
    """
    import tensorflow as tf

    with tf.device("cpu"):
        if wide and image_depth(content) == 16:
            image = tf.io.decode_png(content, channels, tf.uint16).numpy()
        else:
            image = tf.io.decode_image(content, channels, expand_animations=False).numpy()
    spread: NDArray[Any] = image.astype(np.uint16) * np.uint16(257) if wide and image.dtype == np.uint8 else image
    return spread


def _depth(paths: Sequence[Path]) -> tuple[bool, tuple[str, ...]]:
    """Whether any image holds 16 bits a channel, and a note where others do not."""
    by_depth: dict[bool, list[Path]] = {True: [], False: []}
    for path in paths:
        by_depth[_is_deep(path)].append(path)
    deep, shallow = by_depth[True], by_depth[False]
    if not deep or not shallow:
        return bool(deep), ()
    note = (
        f"{len(deep):,} of {len(paths):,} images hold 16 bits a channel ({deep[0].name}), and the others 8 "
        f"({shallow[0].name}); these are spread over 16 bits, so that white stays white"
    )
    return True, (note,)


def _is_deep(path: Path) -> bool:
    with path.open("rb") as stream:
        return image_depth(stream.read(25)) == 16


def _found(folder: Path, names: Sequence[str], size: Sequence[int] | None, color: Color) -> ImageSamples:
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
    return ImageSamples(tuple(paths), np.array(classes, np.int64), size, color)


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
