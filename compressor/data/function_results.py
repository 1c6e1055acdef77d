"""What a function of the user's may return as data, and how each kind of it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, each, is_named
from compressor.data.arrays import splits_of_arrays
from compressor.data.data_errors import about
from compressor.data.samples import ArraySamples, Pair, Samples
from compressor.data.split import Split, Splits
from compressor.data.split_names import Part
from compressor.data.spool import as_array, spooled

_REMEDY = (
    "return compressor.Splits, ((x_train, y_train), (x_test, y_test)), a dict with x_train and so on, "
    "or a tf.data.Dataset or a Keras PyDataset for each split"
)


def splits_of(given: Any, spool: Path) -> Splits:
    """The splits that something stands for.

    Args:
        given: splits; arrays, data sets, or pairs or triples of them (train, validation, test); or a dict of either.
        spool: where data goes that can only be read in order.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(given, Splits):
        return given
    if isinstance(given, Mapping) and {"x", "x_train"} & set(given):
        return splits_of_arrays(set(given), lambda name: _values(given[name]))
    if isinstance(given, Mapping) and "train" in given:
        strange = sorted({str(name) for name in given} - set(get_args(Part)))
        if strange:
            raise DataError(f"it returned the split '{strange[0]}'", "name them train, validation and test")
        sides = {name: _named(name, side, spool) for name, side in given.items()}
        return Splits(sides["train"], sides.get("test"), sides.get("validation"))
    if isinstance(given, tuple | list) and 2 <= len(given) <= 3 and not all(map(_is_values, given)):
        names: tuple[Part, ...] = ("train", "test") if len(given) == 2 else ("train", "validation", "test")
        found = [_named(name, side, spool) for name, side in zip(names, given, strict=True)]
        return Splits(found[0], found[-1], found[1] if len(found) == 3 else None)
    return Splits(_split(given, spool))


def _named(name: Part, side: Any, spool: Path) -> Split:
    with about(f"the split '{name}'"):
        return _split(side, spool)


def _split(side: Any, spool: Path) -> Split:
    if isinstance(side, Split):
        return side
    if isinstance(side, Samples):
        return Split(side)
    if isinstance(side, tuple | list) and len(side) == 2 and all(map(_is_values, side)):
        return Split(ArraySamples(_values(side[0]), _values(side[1])))
    if _is_values(side):
        return Split(ArraySamples(_values(side), None))
    if hasattr(side, "element_spec"):
        batched = side if _is_batched(side) else side.batch(256)
        return Split(spooled(lambda: map(_pair, batched.as_numpy_iterator()), spool))
    if hasattr(side, "__getitem__") and (hasattr(side, "num_batches") or hasattr(side, "__len__")):
        return Split(spooled(lambda: _by_number(side), spool))
    if callable(side) or isinstance(side, Iterator):
        return Split(spooled(lambda: map(_pair, side() if callable(side) else side), spool))
    raise DataError(f"it returned {type(side).__name__}", _REMEDY)


def _is_values(given: Any) -> bool:
    """Whether it is an array, or arrays by name."""
    if is_named(given):
        return bool(given) and all(map(_is_values, given.values()))
    return hasattr(given, "shape") and hasattr(given, "dtype") and hasattr(given, "__array__")


def _values(given: Any) -> Values:
    named = {str(name): array for name, array in given.items()} if is_named(given) else given
    return each(named, as_array)


def _pair(element: Any) -> Pair:
    """Inputs and labels of a batch as data sets give it."""
    if not isinstance(element, tuple | list):
        return _values(element), None
    if len(element) == 3:
        raise DataError("the data comes with sample weights, which are not used", "leave them out")
    if len(element) > 3 or any(isinstance(part, tuple | list) for part in element):
        raise DataError("the data comes as a list of several inputs", "give a dict of them by the model's input names")
    inputs, labels = (*element, None)[:2]
    return _values(inputs), None if labels is None else _values(labels)


def _by_number(batches: Any) -> Iterator[Pair]:
    count = getattr(batches, "num_batches", None)
    for number in range(len(batches) if count is None else count):
        yield _pair(batches[number])


def _is_batched(dataset: Any) -> bool:
    """Whether the elements of a tf.data.Dataset are batches.

    A first dimension that is unknown in all parts says so; one that is the same in all does where the data set, or one
    that it was made of, is a batching one.
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
