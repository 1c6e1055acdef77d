"""Data splits: samples that training, calibration and evaluation all read through the same door."""

from __future__ import annotations

import hashlib
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.errors import DataError
from compressor.sources import Reference

SMOKE_SAMPLES = {"train": 384, "validation": 64, "test": 256}


class Split(ABC):
    """Samples in a fixed order. Inputs come as float32, shape (n, ...), as the model is to see them."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of samples."""

    @abstractmethod
    def batches(self, batch_size: int) -> Iterator[tuple[NDArray[np.float32], NDArray[Any]]]:
        """Inputs and labels in order, `batch_size` at a time; the last batch may be smaller."""

    @abstractmethod
    def training_batches(self, batch_size: int, seed: int, first_epoch: int, epochs: int) -> Any:
        """A `tf.data.Dataset` of all epochs from `first_epoch` to `epochs`, each in an order of its own.

        The order of an epoch depends on the seed and the epoch alone, so that a training can go on where it was cut.
        """

    @abstractmethod
    def evaluation_batches(self, batch_size: int) -> Any:
        """A `tf.data.Dataset` of the samples in order."""

    @abstractmethod
    def take(self, samples: int) -> Split:
        """The first `samples` of it, or all where there are fewer."""

    @abstractmethod
    def sample(self, samples: int, seed: int) -> Split:
        """`samples` of it drawn without repetition by the seed, or all where there are fewer."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of the content, in hexadecimal."""


@dataclass(frozen=True)
class ArraySplit(Split):
    """A split held in memory as it was stored, say as bytes, and scaled batch by batch.

    `inputs` has shape (n, ...), `targets` shape (n,) or (n, ...); the model sees `inputs * scale` as float32.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    scale: float = 1.0

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets):
            what = f"{len(self.inputs):,} inputs have {len(self.targets):,} labels"
            raise DataError(what, "give each input one label")
        if not len(self.inputs):
            raise DataError("a split of the data has no samples", "give it at least one")

    @property
    def size(self) -> int:
        return len(self.inputs)

    def batches(self, batch_size: int) -> Iterator[tuple[NDArray[np.float32], NDArray[Any]]]:
        for start in range(0, self.size, batch_size):
            part = slice(start, start + batch_size)
            yield self.inputs[part].astype(np.float32) * np.float32(self.scale), self.targets[part]

    def training_batches(self, batch_size: int, seed: int, first_epoch: int, epochs: int) -> Any:
        import tensorflow as tf

        size = self.size

        def order(epoch: Any) -> Any:
            shuffled = tf.random.experimental.stateless_shuffle(tf.range(size), seed=[seed, epoch])
            return tf.data.Dataset.from_tensor_slices(shuffled).batch(batch_size)

        every_epoch = tf.data.Dataset.range(first_epoch, epochs, output_type=tf.int32).flat_map(order)
        return every_epoch.map(self._gather(), num_parallel_calls=2, deterministic=True).prefetch(4)

    def evaluation_batches(self, batch_size: int) -> Any:
        import tensorflow as tf

        return tf.data.Dataset.range(self.size).batch(batch_size).map(self._gather()).prefetch(1)

    def take(self, samples: int) -> ArraySplit:
        return replace(self, inputs=self.inputs[:samples], targets=self.targets[:samples])

    def sample(self, samples: int, seed: int) -> ArraySplit:
        drawn = np.random.default_rng(seed).permutation(self.size)[:samples]
        return replace(self, inputs=self.inputs[drawn], targets=self.targets[drawn])

    @cached_property
    def fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self.scale).encode())
        for array in (self.inputs, self.targets):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _gather(self) -> Any:
        import tensorflow as tf

        with tf.device("cpu"):
            inputs, targets = tf.constant(self.inputs), tf.constant(self.targets)
        scale = np.float32(self.scale)

        def gather(indices: Any) -> Any:
            return tf.cast(tf.gather(inputs, indices), tf.float32) * scale, tf.gather(targets, indices)

        return gather


@dataclass(frozen=True)
class Splits:
    """The data of a run. `validation` may be absent in what a data set brings; the run then takes it from `train`."""

    train: Split
    test: Split
    validation: Split | None = None


@dataclass(frozen=True)
class RunData:
    """The data of a run, with all three splits."""

    name: str
    train: Split
    validation: Split
    test: Split

    @cached_property
    def training_fingerprint(self) -> str:
        """SHA-256 over what models are made with: the training and the validation split."""
        return hashlib.sha256(f"{self.train.fingerprint}{self.validation.fingerprint}".encode()).hexdigest()


def run_data(name: str, splits: Splits, validation_split: float, seed: int, smoke: bool) -> RunData:
    """The splits a run works with: validation taken from training by the seed, all cut short for a smoke run.

    Raises:
        DataError: there are too few training samples to take any away.
    """
    train, validation = splits.train, splits.validation
    if validation is None:
        train, validation = _parted(train, validation_split, seed)
    test = splits.test
    if smoke:
        train, validation, test = (
            split.take(SMOKE_SAMPLES[part])
            for part, split in (("train", train), ("validation", validation), ("test", test))
        )
    return RunData(name, train, validation, test)


def load_splits(reference: Reference) -> Splits:
    """The data that a reference leads to: an `.npz` file with x_train, y_train, x_test and y_test, or `Splits`.

    Raises:
        DataError: there is none, or it does not have that form.
    """
    if reference.kind == "function":
        splits = reference.call()
        if not isinstance(splits, Splits):
            what = f"'{reference.target}' returned {type(splits).__name__}"
            raise DataError(what, "return compressor.Splits")
        return splits
    path = Path(reference.target)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            x_train, y_train, x_test, y_test = (arrays[key] for key in ("x_train", "y_train", "x_test", "y_test"))
    except FileNotFoundError:
        raise DataError(f"there is no data at {path}", "check the path; it starts at the recipe's folder") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        remedy = "save it with numpy.savez_compressed(path, x_train=..., y_train=..., x_test=..., y_test=...)"
        raise DataError(f"{path} is not a data set ({error})", remedy) from None
    scale = 1 / 255 if x_train.dtype == np.uint8 else 1.0
    return Splits(ArraySplit(x_train, y_train, scale), ArraySplit(x_test, y_test, scale))


def _parted(train: Split, share: float, seed: int) -> tuple[Split, Split]:
    if not isinstance(train, ArraySplit):
        raise DataError("the data has no validation split", "have the data set bring one")
    count = round(train.size * share)
    if not 0 < count < train.size:
        what = f"{train.size} training samples cannot give {share:.0%} of them to validation"
        raise DataError(what, "give more samples, or another data.validation_split")
    order = np.random.default_rng(seed).permutation(train.size)
    kept, held = np.sort(order[count:]), np.sort(order[:count])
    return (
        replace(train, inputs=train.inputs[kept], targets=train.targets[kept]),
        replace(train, inputs=train.inputs[held], targets=train.targets[held]),
    )
