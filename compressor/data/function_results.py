"""Splits from what a function of the user's, or a plugin's data set, returns as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from compressor.base.errors import DataError
from compressor.data.arrays import splits_of_arrays
from compressor.data.data_errors import about
from compressor.data.samples import numbers_in
from compressor.data.split import Split, Splits, are_arrays, split_of
from compressor.data.split_names import Part
from compressor.data.spool import Piece, spooled
from compressor.data.text_labels import StreamedText, labels_in

_REMEDY = (
    "return compressor.Splits, ((x_train, y_train), (x_test, y_test)), a dict with x_train and so on, "
    "or a tf.data.Dataset or a Keras PyDataset for each split"
)


def splits_of(returned: Any, spool: Path) -> Splits:
    """The splits in what was returned.

    Args:
        returned: splits; a dict of arrays named as in an `.npz` file; the data of each split, as a dict by the split's
            name, or as a pair (train, test) or a triple (train, validation, test); or training data alone. The data
            of a split is arrays: inputs, (inputs, labels) or (inputs, labels, weights); or anything that gives batches
            of these in order.
        spool: the folder for data that can only be read in order.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(returned, Splits):
        return returned
    if isinstance(returned, Mapping) and {"x", "x_train"} & set(returned):
        return splits_of_arrays(set(returned), lambda name: returned[name])
    parts = _parts(returned)
    if parts is None:
        return Splits(_split(returned, spool))
    splits = {}
    for name, part in parts.items():
        with about(f"the split '{name}'"):
            splits[name] = _split(part, spool)
    return Splits(splits["train"], splits.get("test"), splits.get("validation"))


def _parts(returned: Any) -> Mapping[Part, Any] | None:
    """The data of each split; None where all of it is training data."""
    names = get_args(Part)
    if isinstance(returned, Mapping) and "train" in returned:
        if unknown := sorted({str(name) for name in returned} - set(names)):
            raise DataError(f"it returned the split '{unknown[0]}'", "name them train, validation and test")
        return returned
    if isinstance(returned, tuple | list) and 2 <= len(returned) <= 3 and not all(map(are_arrays, returned)):
        return dict(zip(names if len(returned) == 3 else ("train", "test"), returned, strict=True))
    return None


def _split(part: Any, spool: Path) -> Split:
    """A split from its data."""
    if (split := split_of(part)) is not None:
        return split
    if hasattr(part, "element_spec"):  # a tf.data.Dataset
        batched = part if _is_batched(part) else part.batch(256)
        return _streamed(batched.as_numpy_iterator, spool)
    if hasattr(part, "__getitem__") and (hasattr(part, "num_batches") or hasattr(part, "__len__")):  # a PyDataset
        return _streamed(lambda: _by_number(part), spool)
    if callable(part) or isinstance(part, Iterator):
        return _streamed(part if callable(part) else lambda: part, spool)
    raise DataError(f"it returned {type(part).__name__}", _REMEDY)


def _streamed(batches: Callable[[], Iterable[Any]], spool: Path) -> Split:
    """A split from batches, which can be read once and in order."""
    text = StreamedText()
    samples = spooled(lambda: (text.numbered(_piece(batch)) for batch in batches()), spool)
    return Split(text.restored(samples))


def _piece(batch: Any) -> Piece:
    """Inputs, labels and weights of a batch, in any of the forms that Keras takes batches in."""
    if not isinstance(batch, tuple | list):
        return numbers_in(batch), None
    if len(batch) > 3 or any(isinstance(part, tuple | list) for part in batch):
        raise DataError("the data comes as a list of several inputs", "give a dict of them by the model's input names")
    inputs, labels, weights = (*batch, None, None)[:3]
    piece = numbers_in(inputs), None if labels is None else labels_in(labels)
    return piece if weights is None else (*piece, numbers_in(weights))


def _by_number(batches: Any) -> Iterator[Any]:
    count = getattr(batches, "num_batches", None)
    for number in range(len(batches) if count is None else count):
        yield batches[number]


def _is_batched(dataset: Any) -> bool:
    """Whether the elements of a tf.data.Dataset are batches.

    They are where the first dimension of all their parts is unknown. Where it is the same known size in all parts,
    they are if the data set, or one that it was made of, batches.
    """
    import tensorflow as tf

    shapes = [spec.shape for spec in tf.nest.flatten(dataset.element_spec)]
    if any(shape.rank in (None, 0) for shape in shapes):
        return False
    first = {shape[0] for shape in shapes}
    if first == {None}:
        return True
    return len(first) == 1 and None not in first and _has_batching(dataset)


def _has_batching(dataset: Any) -> bool:
    if "Batch" in type(dataset).__name__:
        return "Unbatch" not in type(dataset).__name__
    below = getattr(dataset, "_input_dataset", None)
    return below is not None and _has_batching(below)
