"""Turns labels that are text into class numbers, by the rule that tables follow.

The classes are the texts of the training data, sorted. Texts that are all numbers stand for these numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, by_name, is_named
from compressor.data.samples import ArraySamples, Indices, Pair, Samples, as_numbers, each_array

MOST_CLASSES = 100_000

_Texts: TypeAlias = NDArray[np.str_]


def labels_in(values: Any) -> Values:
    """The values as an array of numbers or of text, or as a mapping of these by name.

    Raises:
        DataError: they are neither, one is missing, or they are a single one.
    """
    return each_array(values, _as_labels)


def is_number(text: Any) -> bool:
    """Whether a text, or another value, can be read as a number."""
    try:
        float(text)
    except (ValueError, TypeError):
        return False
    return True


def _as_labels(values: Any) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError):
        return as_numbers(values)  # which tells what is wrong
    if array.dtype.kind == "O" and not any(isinstance(value, str | bytes) for value in array.reshape(-1).tolist()):
        return as_numbers(array.tolist())  # numbers as objects, as pandas may give them
    return _texts(array) if array.ndim and array.dtype.kind in "USO" else as_numbers(values)


def with_class_numbers(splits: Mapping[str, Samples]) -> tuple[dict[str, Samples], tuple[str, ...]]:
    """The samples of all splits with class numbers in place of labels that are text, and the names of the classes.

    Args:
        splits: by name; the classes are those of `train`.

    Raises:
        DataError: a class is not among the training data's, or a label is missing.
    """
    if not any(_has_text(samples) for samples in splits.values()):
        return dict(splits), ()
    labels = {part: by_name(samples.labels(), "") for part, samples in splits.items()}
    train = labels["train"]
    classes = {name: _classes(_texts(array)) for name, array in train.items() if _is_text(array)}
    numbered: dict[str, Samples] = {}
    for part, samples in splits.items():
        own = {}
        for name, array in labels[part].items():
            if name in classes and array is not None:
                own[name] = _numbers(array, classes[name], part)
            elif _is_text(array):
                of = f" of '{name}'" if name else ""
                what = f"the {part} labels{of} are text, and the training data's are numbers"
                raise DataError(what, "give both as text, or both as numbers")
            else:
                own[name] = array
        targets = own if is_named(samples.example[1]) else own[""]
        numbered[part] = samples if targets is None else _with_labels(samples, targets)
    names = [known for known in classes.values() if known]
    return numbered, names[0] if len(names) == 1 else ()


class StreamedText:
    """Numbers the texts in labels in the order in which they come, so that a stream of them can be kept as numbers."""

    def __init__(self) -> None:
        self._numbers: dict[str, dict[str, int]] = {}

    def numbered(self, piece: Sequence[Any]) -> tuple[Any, ...]:
        """Inputs, labels and what else there is, with numbers in place of text."""
        inputs, labels, *rest = piece
        if labels is None:
            return tuple(piece)
        named = {name: self._of(name, array) for name, array in by_name(labels, "").items()}
        return (inputs, named if is_named(labels) else named[""], *rest)

    def restored(self, samples: ArraySamples) -> Samples:
        """The samples with the texts in place of these numbers."""
        if not self._numbers:
            return samples
        named = dict(by_name(samples.labels(), ""))
        for name, numbers in self._numbers.items():
            named[name] = np.array(list(numbers))[named[name]]
        return _with_labels(samples, named if is_named(samples.targets) else named[""])

    def _of(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        if not _is_text(array):
            return array
        numbers = self._numbers.setdefault(name, {})
        flat = [numbers.setdefault(str(text), len(numbers)) for text in _texts(array).reshape(-1)]
        return np.array(flat, np.int64).reshape(array.shape)


class _Relabelled(Samples):
    """Samples with other labels, which are in memory."""

    def __init__(self, samples: Samples, targets: Any) -> None:
        self._samples = samples
        self._targets = ArraySamples(targets, None)

    @property
    def size(self) -> int:
        return self._samples.size

    def read(self, indices: Indices) -> Pair:
        return self._samples.read(indices)[0], self._targets.read(indices)[0]

    def labels(self) -> Any:
        return self._targets.inputs

    def place(self, index: int) -> int:
        return self._samples.place(index)

    def weights(self) -> Any:
        return self._samples.weights()

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self._samples.fingerprint}{self._targets.fingerprint}".encode()).hexdigest()


def _with_labels(samples: Samples, targets: Any) -> Samples:
    if isinstance(samples, ArraySamples):
        return ArraySamples(samples.inputs, targets, samples.sample_weights, samples.places)
    return _Relabelled(samples, targets)


def _has_text(samples: Samples) -> bool:
    return any(_is_text(array) for array in by_name(samples.example[1], "").values() if array is not None)


def _is_text(array: Any) -> bool:
    return array is not None and array.dtype.kind in "USO"


def _texts(array: NDArray[Any]) -> _Texts:
    """Labels as text, without blanks around them. One that is missing is refused: it would be a class of its own."""
    texts = [text_of(value) for value in array.reshape(-1).tolist()]
    if "" in texts:
        at = texts.index("") // max(1, len(texts) // len(array))
        raise DataError(f"the label of sample {at} is missing", "fill it in, or remove the sample")
    return np.array(texts, dtype=np.str_).reshape(array.shape)


def text_of(value: Any) -> str:
    """A label as text, without blanks around it; empty where it is missing."""
    if value is None or value != value:  # NaN, which pandas puts for what is missing
        return ""
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def _classes(texts: _Texts) -> tuple[str, ...]:
    """The names of the classes; none where all are numbers."""
    different = sorted(set(texts.reshape(-1).tolist()))
    if all(map(is_number, different)):
        return ()
    if len(different) > MOST_CLASSES:
        raise DataError(f"the labels have over {MOST_CLASSES:,} different texts", "give numbers, or fewer classes")
    return tuple(different)


def _numbers(array: NDArray[Any], classes: tuple[str, ...], part: str) -> NDArray[Any]:
    texts = _texts(array) if _is_text(array) else array.astype(np.str_)
    flat = texts.reshape(-1).tolist()
    number_of = {name: number for number, name in enumerate(classes)}
    known = number_of.__contains__ if classes else is_number
    for at, text in enumerate(flat):
        if not known(text):
            sample = at // max(1, len(flat) // len(array))
            reason = f"the class '{text}' is not among the training data's"
            reason = reason if classes else f"'{text[:40]}' is not a number, as the labels of the training data are"
            remedy = "correct it, or train with some of that class"
            raise DataError(f"the label of sample {sample} of the {part} data: {reason}", remedy)
    if classes:
        return np.array([number_of[text] for text in flat], np.int64).reshape(array.shape)
    numbers = np.array(list(map(float, flat))).reshape(array.shape)
    whole = np.array_equal(numbers, np.round(numbers))
    return numbers.astype(np.int64 if whole else np.float32)
