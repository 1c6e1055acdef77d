"""Splits of data: samples along with what is done to them before the model gets them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, arrays_in, each, is_named
from compressor.data.augment import Change
from compressor.data.data_errors import about
from compressor.data.pipeline import Steps, augmented, default_steps, prepared, prepared_tensors
from compressor.data.preprocess import Rescale
from compressor.data.samples import ArraySamples, Indices, Pair, Samples, numbers_in
from compressor.data.text_labels import labels_in, with_class_numbers


@dataclass(frozen=True)
class Split:
    """Samples in a fixed order, and what is done to them before the model gets them.

    Training, calibration and evaluation all read them here. Inputs come as float32, shape (n, ...), or as a dict of
    such arrays by the names of the model's inputs; labels come as they are stored. `steps` are those of preprocessing:
    None stands for the default ones, which scale bytes to 0..1. `changes` are those of augmentation.
    """

    samples: Samples
    steps: Steps | None = None
    changes: tuple[Change, ...] = ()
    inputs_as_labels: bool = False

    @property
    def size(self) -> int:
        """Number of samples."""
        return self.samples.size

    @cached_property
    def preprocessing(self) -> Steps:
        """The steps of preprocessing, declared or default."""
        return default_steps(self.samples) if self.steps is None else self.steps

    def read(self, indices: Indices) -> Pair:
        """Inputs and labels of these samples as the model is to get them, preprocessed and not augmented.

        Raises:
            DataError: a sample cannot be read, or a step does not fit it.
        """
        inputs, labels = prepared(self.samples.read(indices), self.preprocessing)
        return inputs, inputs if self.inputs_as_labels else labels

    def batches(self, batch_size: int) -> Iterator[Pair]:
        """Inputs and labels in order, `batch_size` at a time; the last batch may be smaller."""
        for start in range(0, self.size, batch_size):
            yield self.read(range(start, min(start + batch_size, self.size)))

    def training_batches(self, batch_size: int, seed: int, first_epoch: int, epochs: int) -> Any:
        """A `tf.data.Dataset` of the epochs from `first_epoch` up to `epochs`, each shuffled anew and augmented.

        Its batches are inputs and labels, and the samples' weights where the data has some.
        The order of an epoch and its augmentation depend on the seed and the epoch alone, so that training can resume
        where it was interrupted.
        """
        import tensorflow as tf

        size, fetch = self.size, self._fetch()

        def order(epoch: Any) -> Any:
            shuffled = tf.random.experimental.stateless_shuffle(tf.range(size), seed=[seed, epoch])
            batches = tf.data.Dataset.from_tensor_slices(shuffled).batch(batch_size)
            if not self.changes:
                return batches
            return batches.enumerate().map(lambda batch, indices: (epoch, batch, indices))

        def changed(epoch: Any, batch: Any, indices: Any) -> tuple[Any, ...]:
            key = tf.random.experimental.stateless_fold_in(tf.stack([tf.constant(seed), epoch]), batch)
            return augmented(fetch(indices), self.changes, key, follow=True)

        every_epoch = tf.data.Dataset.range(first_epoch, epochs, output_type=tf.int32).flat_map(order)
        batches = every_epoch.map(_without_autograph(changed if self.changes else fetch), 2, deterministic=True)
        return batches.prefetch(4)

    def evaluation_batches(self, batch_size: int) -> Any:
        """A `tf.data.Dataset` of the samples in order: inputs and labels, and weights where the data has some."""
        import tensorflow as tf

        return tf.data.Dataset.range(self.size).batch(batch_size).map(_without_autograph(self._fetch())).prefetch(1)

    def part(self, indices: Indices) -> Split:
        """Some of the samples, in the order of the indices."""
        return Split(self.samples.part(indices), self.preprocessing, self.changes, self.inputs_as_labels)

    def with_samples(self, samples: Samples) -> Split:
        """The same steps for other samples."""
        if samples is self.samples:
            return self
        return Split(samples, self.steps, self.changes, self.inputs_as_labels)

    def take(self, samples: int) -> Split:
        """The first `samples` of it, or all where there are fewer."""
        return self.part(range(min(samples, self.size)))

    def sample(self, samples: int, seed: int) -> Split:
        """`samples` of it, drawn by the seed without repetition, or all where there are fewer."""
        return self.part(np.random.default_rng(seed).permutation(self.size)[:samples])

    def labels(self) -> Values:
        """The labels of all samples, as stored; None where the data has none, or the inputs are the labels."""
        return None if self.inputs_as_labels else self.samples.labels()

    def place(self, index: int) -> int:
        """Where a sample stands in the data that it was taken from, counted from 0."""
        return self.samples.place(index)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of the samples and of what is done to them."""
        steps = [[type(step).__name__, step.model_dump(mode="json")] for step in (*self.preprocessing, *self.changes)]
        spec = json.dumps([steps, self.inputs_as_labels], sort_keys=True)
        return hashlib.sha256(f"{self.samples.fingerprint}{spec}".encode()).hexdigest()

    def _fetch(self) -> Callable[[Any], tuple[Any, ...]]:
        """The function that fetches a batch within tf.data, given the tensor of its indices."""
        import tensorflow as tf

        read = _reads_memory(self.samples) if self.samples.in_memory else _reads_files(self.samples)
        with tf.device("cpu"):
            weights = each(self.samples.weights(), lambda array: tf.constant(array, tf.float32))

        def fetch(indices: Any) -> tuple[Any, ...]:
            inputs, labels = prepared_tensors(read(indices), self.preprocessing)
            pair = inputs, inputs if self.inputs_as_labels else labels
            return pair if weights is None else (*pair, each(weights, lambda array: tf.gather(array, indices)))

        return fetch


class ArraySplit(Split):
    """A split of arrays, which are kept as they are, such as bytes, and scaled batch by batch.

    `inputs` has shape (n, ...), or is a dict of such arrays by the names of the model's inputs; `targets` has shape
    (n,) or (n, ...). The model gets `inputs * scale` as float32.
    """

    def __init__(self, inputs: Values, targets: Values, scale: float = 1.0) -> None:
        super().__init__(ArraySamples(inputs, targets), (Rescale(scale=float(scale)),) if scale != 1 else ())


@dataclass(frozen=True, init=False)
class Splits:
    """The splits that a source brings. Those that are missing are drawn from `train` by the recipe's shares.

    Each may be given as arrays: `Splits((x_train, y_train), (x_test, y_test))`, with weights of the samples as the
    third of a tuple. Labels that are text become class numbers. `classes` names the classes, in the order of their
    numbers, where the source has names for them. `notes` are for the report.

    Raises:
        DataError: a split is something else, or a class is not among those of the training data.
    """

    train: Split
    test: Split | None
    validation: Split | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]

    def __init__(
        self,
        train: Split | Samples | Values,
        test: Split | Samples | Values | None = None,
        validation: Split | Samples | Values | None = None,
        classes: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        given = {"train": train, "test": test, "validation": validation}
        splits: dict[str, Split] = {}
        for name, part in given.items():
            if part is None and name != "train":
                continue
            with about(f"the split '{name}'"):
                split = split_of(part)
                if split is None:
                    what = f"compressor.Splits takes arrays, and not {type(part).__name__}"
                    raise DataError(what, "give (x, y) of arrays, or return a dict of what you have by split")
                splits[name] = split
        numbered, names = with_class_numbers({name: split.samples for name, split in splits.items()})
        for name in given:
            object.__setattr__(self, name, splits[name].with_samples(numbered[name]) if name in splits else None)
        object.__setattr__(self, "classes", names or classes)
        object.__setattr__(self, "notes", notes)


def split_of(part: Any) -> Split | None:
    """The split in samples or arrays: inputs, (inputs, labels) or (inputs, labels, weights); None for anything else.

    Raises:
        DataError: the arrays do not go together, or hold no numbers.
    """
    if isinstance(part, Split):
        return part
    if isinstance(part, Samples):
        return Split(part)
    if are_arrays(part):
        return Split(ArraySamples(numbers_in(part), None))
    if isinstance(part, tuple | list) and 2 <= len(part) <= 3 and all(map(are_arrays, part)):
        inputs, labels, *weights = part
        return Split(ArraySamples(numbers_in(inputs), labels_in(labels), *map(numbers_in, weights)))
    return None


def are_arrays(values: Any) -> TypeGuard[Values]:
    """Whether the values are an array, or a mapping of arrays by name."""
    if is_named(values):
        return bool(values) and all(map(are_arrays, values.values()))
    return hasattr(values, "shape") and hasattr(values, "dtype") and hasattr(values, "__array__")


def _reads_memory(samples: Samples) -> Callable[[Any], Pair]:
    import tensorflow as tf

    inputs, labels = samples.read(range(samples.size))
    with tf.device("cpu"):
        inputs, labels = each(inputs, tf.constant), each(labels, tf.constant)

    def gather(indices: Any) -> Pair:
        return tuple(each(values, lambda array: tf.gather(array, indices)) for values in (inputs, labels))

    return gather


def _reads_files(samples: Samples) -> Callable[[Any], Pair]:
    """Batches read by Python. tf.data passes the arrays on without their names, which are put back here."""
    import tensorflow as tf

    example = samples.example
    arrays = arrays_in(example)

    def numbers(indices: NDArray[np.int64]) -> list[NDArray[Any]]:
        return arrays_in(samples.read(indices))

    def read(indices: Any) -> Pair:
        tensors = tf.numpy_function(numbers, [tf.cast(indices, tf.int64)], [a.dtype for a in arrays], stateful=False)
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor.set_shape([None, *array.shape[1:]])
        unnamed = iter(tensors)
        inputs, labels = (
            each(dict(sorted(values.items())) if is_named(values) else values, lambda _: next(unnamed))
            for values in example
        )
        return inputs, labels

    return read


def _without_autograph(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function for tf.data to trace without AutoGraph, which would wrap the errors that are meant for the user."""
    import tensorflow as tf

    wrapped: Callable[..., Any] = tf.autograph.experimental.do_not_convert(function)
    return wrapped
