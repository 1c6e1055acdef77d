"""TFRecord files, read in any order with the help of an index of where their records begin."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.text import did_you_mean
from compressor.data.image_header import image_depth, size_in
from compressor.data.images import pixels
from compressor.data.record_options import RecordFeature, RecordOptions
from compressor.data.samples import Indices, Pair, Samples, loaded_if_small
from compressor.data.split import Split, Splits
from compressor.data.split_names import Part
from compressor.data.text_labels import text_of

_NUMBERS = ("float32", "int64")  # what an example holds as numbers; all else is bytes


@dataclass(frozen=True)
class RecordSamples(Samples):
    """Examples in TFRecord files. `index` has a row for each: the number of its file, its first byte and its length."""

    files: tuple[Path, ...]
    index: NDArray[np.int64]
    options: RecordOptions

    @property
    def size(self) -> int:
        return len(self.index)

    def read(self, indices: Indices) -> Pair:
        inputs = self.options.inputs
        columns = self._columns(indices, inputs if self.options.label is None else [*inputs, self.options.label])
        chosen = {name: columns[name] for name in inputs}
        labels = columns[self.options.label] if self.options.label else None
        return (chosen if len(inputs) > 1 else chosen[inputs[0]]), labels

    def labels(self) -> Any:
        if self.options.label is None:
            return None
        label = self.options.label
        parts = [
            self._columns(range(start, min(start + 4096, self.size)), [label])[label]
            for start in range(0, self.size, 4096)
        ]
        return np.concatenate(parts)

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(self.options.model_dump_json().encode())
        for path in self.files:
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        return digest.hexdigest()

    def _columns(self, indices: Indices, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        import tensorflow as tf

        spec = {name: _spec(self.options.features[name]) for name in names}
        try:
            with tf.device("cpu"):
                parsed = tf.io.parse_example(self._records(np.asarray(indices, np.int64)), spec)
                return {name: _decoded(parsed[name], self.options.features[name]) for name in names}
        except (ValueError, tf.errors.OpError) as error:
            text = re.sub(r"\{\{.*?\}\}", "", str(getattr(error, "message", error)))  # a node of TensorFlow's graph
            reason = " ".join(text.split()).removeprefix("Name: <unknown>, ")[:200]
            names_there = ", ".join(_names_in(self._records(np.asarray(indices[:1], np.int64))[0]))
            what = f"the records in {self.files[0].parent} are not as 'data.with.features' says ({reason})"
            remedy = f"correct names, dtype, shape and encoding there; the records hold {names_there}"
            raise DataError(what, remedy) from None

    def _records(self, indices: NDArray[np.int64]) -> list[bytes]:
        records: list[bytes] = [b""] * len(indices)
        places = self.index[indices]
        for number in np.unique(places[:, 0]):
            with self.files[number].open("rb") as stream:
                in_file = np.flatnonzero(places[:, 0] == number)
                for at in in_file[np.argsort(places[in_file, 1])]:
                    stream.seek(int(places[at, 1]))
                    records[at] = stream.read(int(places[at, 2]))
        return records


def record_splits(files: Mapping[Part, Sequence[Path]], options: RecordOptions) -> Splits:
    """The splits in TFRecord files.

    Args:
        files: those of each split.
        options: what the examples hold.

    Raises:
        DataError: a file is damaged, or does not hold what the options say.
    """
    for name in (*options.inputs, *([options.label] if options.label else [])):
        if name not in options.features:
            hint = did_you_mean(name, options.features).removeprefix("; ")
            raise DataError(f"'data.with.features' does not describe '{name}'", hint)
        if name in options.inputs and options.features[name].dtype == "string":
            raise DataError(f"the input '{name}' is text, and a model takes numbers", "give another input")
    splits = {part: _split(paths, options) for part, paths in files.items()}
    return Splits(splits["train"], splits.get("test"), splits.get("validation"))


def _split(files: Sequence[Path], options: RecordOptions) -> Split:
    places = [_index(path) for path in files]
    index = np.concatenate([np.insert(of_file, 0, number, axis=1) for number, of_file in enumerate(places)])
    if not len(index):
        raise DataError(f"{files[0]} holds no records", "write some, or remove it")
    return Split(loaded_if_small(RecordSamples(tuple(files), index, options)))


def _index(path: Path) -> NDArray[np.int64]:
    """First byte and length of each record. Its length and a checksum come before it, and another checksum after it."""
    places: list[tuple[int, int]] = []
    size = path.stat().st_size
    with path.open("rb") as stream:
        if stream.read(2) == b"\x1f\x8b":
            raise DataError(f"{path} is compressed, so it cannot be read in any order", "unpack it with gunzip")
        at = 0
        while at < size:
            stream.seek(at)
            head = stream.read(12)
            length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else size
            if at + 16 + length > size:
                raise DataError(
                    f"{path} is not a TFRecord file, or is cut short after {len(places):,} records", "make it again"
                )
            places.append((at + 12, length))
            at += 16 + length
    return np.array(places, np.int64).reshape(-1, 2)


def _names_in(record: bytes) -> list[str]:
    """The names of a record's features, for messages."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        return sorted(tf.train.Example.FromString(record).features.feature) or ["nothing"]
    except DecodeError:
        return ["no examples"]


def _spec(feature: RecordFeature) -> Any:
    import tensorflow as tf

    if feature.encoding is None and feature.dtype in (*_NUMBERS, "string"):
        return tf.io.FixedLenFeature(feature.shape, feature.dtype)
    return tf.io.FixedLenFeature([], tf.string)


def _decoded(column: Any, feature: RecordFeature) -> NDArray[Any]:

    if feature.encoding is None and feature.dtype in _NUMBERS:
        numbers: NDArray[Any] = column.numpy()
        return numbers
    shape = tuple(feature.shape)
    if feature.dtype == "string":
        return np.array([text_of(value) for value in column.numpy().reshape(-1)], np.str_).reshape(-1, *shape)
    if feature.encoding in (None, "raw"):
        raw = [np.frombuffer(content, feature.dtype).reshape(shape) for content in column.numpy()]
        return np.stack(raw)
    channels = shape[2] if len(shape) == 3 else 1
    for content in column.numpy():
        size_in(BytesIO(content))
    wide = max((image_depth(content) for content in column.numpy()), default=8) > 8
    if wide and np.dtype(feature.dtype).itemsize < 2:
        raise ValueError(f"images hold 16 bits a channel, and not {feature.dtype}; write 'dtype: uint16'")
    stacked: NDArray[Any] = np.stack([pixels(content, channels, wide) for content in column.numpy()])
    stacked = stacked.astype(feature.dtype)
    if stacked.shape[1:] not in (shape, (*shape, 1)):
        raise ValueError(f"images have the shape {stacked.shape[1:]}, and not {shape}")
    return stacked.reshape(-1, *shape)
