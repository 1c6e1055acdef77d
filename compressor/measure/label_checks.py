"""Checks of labels: that a loss can compare them with a model's outputs, and that classes are numbered from 0."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, arrays_in, is_named
from compressor.base.text import listing
from compressor.data.samples import fits_in_memory
from compressor.data.split import Split
from compressor.measure.input_checks import fits, name_list, shape_text
from compressor.models.files.inputs_and_outputs import Shape

SAMPLES_CHECKED = 512  # of each split, where not all are in memory
_SPARSE = "sparse_categorical_crossentropy"
_ONE_HOT = ("categorical_crossentropy", "categorical_focal_crossentropy", "kl_divergence")
_BINARY = ("binary_crossentropy", "binary_focal_crossentropy")
CLASS_LOSSES = (_SPARSE, *_ONE_HOT)
_ROUNDING = 1e-3  # of a sum of shares


def check_labels(
    outputs: Mapping[str, Shape], labels: Values, loss: str | None, used: Collection[str] | None = None
) -> None:
    """Compare names and shapes of labels with a model's outputs, and the values with what the loss takes.

    Args:
        outputs: shapes by name.
        labels: of some training samples.
        loss: its full name, or None where nothing is trained.
        used: the outputs that a loss or a metric compares with labels; all when left out. Others need none.

    Raises:
        DataError: they do not go together.
    """
    if is_named(labels):
        missing = [name for name in outputs if name not in labels and (used is None or name in used)]
        if loss is not None and missing and labels.keys() < outputs.keys():
            what = f"the output '{missing[0]}' has a loss, and the data has labels for {name_list(labels)}"
            losses = ", ".join(f"{name}: {loss}" for name in sorted(labels))
            raise DataError(what, f"give labels for it, or name the outputs that learn: 'training.loss: {{{losses}}}'")
        if missing or not labels.keys() <= outputs.keys():
            what = f"the model has the outputs {name_list(outputs)}, and the data has labels for {name_list(labels)}"
            raise DataError(what, "give both the same names")
        return
    if loss is None or len(outputs) > 1:
        return
    output = next(iter(outputs.values()))
    if loss == _SPARSE:
        _refuse_no_class_numbers(labels, output, loss)
    elif loss in _ONE_HOT:
        _refuse_not_one_hot(labels, output, loss)
    else:
        _refuse_other_values(labels, output, loss)


def _refuse_no_class_numbers(labels: NDArray[Any], output: Shape, loss: str) -> None:
    label, units = labels.shape[1:], output[-1] if output else None
    if label and label[-1] == units and units != 1 and len(label) == len(output):
        kind, fitting = _row_kind(labels)
        what = f"the labels are {kind}, {label}, and '{loss}' takes class numbers"
        raise DataError(what, f"set 'training.loss: {fitting}', or give class numbers")
    if len(label) == len(output) and label[-1:] not in ((1,), (units,)):
        what = f"the labels have the shape {label}, and '{loss}' takes one class number for each output"
        raise DataError(what, "give class numbers")
    if labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels)):
        what = f"the labels are not whole numbers, and '{loss}' takes class numbers"
        raise DataError(what, "set 'training.loss: mean_squared_error', or another loss for numbers")


def _refuse_not_one_hot(labels: NDArray[Any], output: Shape, loss: str) -> None:
    label, units = labels.shape[1:], output[-1] if output else None
    if not fits(label, output):
        if len(label) < len(output) or label[-1:] == (1,):
            what = f"the labels are class numbers, and '{loss}' takes one-hot ones"
            remedy = f"set 'training.loss: {_SPARSE}', or add 'preprocess: [{{one_hot: {units}}}]' under data"
            raise DataError(what, remedy)
        what = f"the labels have {label[-1]} classes, and the model has {units} outputs"
        raise DataError(what, "give the model as many outputs as there are classes")
    if (labels.sum(axis=-1) > 1 + _ROUNDING).any():
        kind, fitting = _row_kind(labels)
        raise DataError(f"the labels are {kind}, and '{loss}' takes one-hot ones", f"set 'training.loss: {fitting}'")


def _refuse_other_values(labels: NDArray[Any], output: Shape, loss: str) -> None:
    label = labels.shape[1:]
    if not fits(label, output) and not (label == () and output == (1,)):
        what = f"the labels have the shape {label}, and the model gives {shape_text(output)}"
        raise DataError(what, "give labels of that shape, or choose another loss")
    if loss in _BINARY and (labels.min() < 0 or labels.max() > 1):
        what = f"the labels go from {labels.min():g} to {labels.max():g}, and '{loss}' takes 0 to 1"
        raise DataError(what, f"number the two classes 0 and 1, or set 'training.loss: {_SPARSE}' for more of them")


def _row_kind(labels: NDArray[Any]) -> tuple[str, str]:
    """What labels are that have a value for each output, and the loss that takes them."""
    sums = labels.sum(axis=-1)
    if np.all(np.abs(sums - 1) <= _ROUNDING) and np.all(labels >= 0):
        return "one-hot", "categorical_crossentropy"
    if np.all((labels == 0) | (labels == 1)):
        return "a 0 or a 1 for each output, with several classes in a sample or none", "binary_crossentropy"
    return "a number for each output", "mean_squared_error"


def class_warnings(name: str, split: Split, units: int | None, loss: str) -> list[str]:
    """Check that the model has an output for each class that the labels count.

    Args:
        name: of the split.
        split: its samples.
        units: outputs of the model; None where the number may vary.
        loss: one of `CLASS_LOSSES`.

    Returns:
        A warning where all samples are of one class.

    Raises:
        DataError: a class has no output.
    """
    labels = _known_labels(split)
    if labels is None or is_named(labels) or units is None:
        return []
    numbers = _class_numbers(labels, loss, split)
    if not len(numbers):
        return []
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0:
        raise DataError(f"the {name} labels go down to {low}, and classes count from 0", "number them from 0")
    if high >= units:
        remedy = f"give the model {high + 1} outputs"
        if units == 1:
            fitting = "binary_crossentropy" if (low, high) == (0, 1) else "mean_squared_error"
            remedy = f"set 'training.loss: {fitting}', or {remedy}"
        elif low >= 1 and high == units:
            remedy = "number them from 0"
        elif high >= len(classes := np.unique(numbers)):
            raise DataError(*_gaps(name, classes, units))
        what = f"the {name} labels go from {low} to {high}, and the model has {_outputs(units)}"
        raise DataError(what, remedy)
    if len(numbers) > 1 and low == high:
        return [f"all {name} labels are of class {low}; a model learns nothing from one class"]
    return []


def class_count_warnings(classes: Sequence[str], output: Shape) -> list[str]:
    """Warn of a model with another number of outputs than the data has names of classes, which are numbered by name.

    Args:
        classes: the names, in the order of their numbers; none where labels are numbers.
        output: the shape of the model's only output.
    """
    units = output[-1] if output else None
    if not classes or units in (None, 1, len(classes)):
        return []
    return [
        f"the data has {len(classes)} classes ({listing(list(classes), most=4)}), which are numbered from 0 in this "
        f"order, and the model has {units} outputs; if it learned other classes too, give the training data along"
    ]


def _gaps(name: str, classes: NDArray[Any], units: int) -> tuple[str, str]:
    """What is wrong with classes that are not numbered one after the other, and what to do."""
    listed, count = listing([f"{number:g}" for number in classes], most=8), len(classes)
    what = f"the {name} labels have gaps ({listed}), and the model has {_outputs(units)}"
    renumbered = f"number these {count} classes 0 to {count - 1}, as y = numpy.unique(y, return_inverse=True)[1] does"
    fitting = renumbered if count <= units else f"{renumbered}, and give the model {count} outputs"
    return what, f"{fitting}; or give the model {int(classes[-1]) + 1} outputs"


def _outputs(units: int) -> str:
    return "1 output, for 0 alone" if units == 1 else f"{units} outputs, for 0 to {units - 1}"


def _known_labels(split: Split) -> Values:
    """The labels of all samples, or of the first ones where all would fill the memory, as masks may."""
    label_bytes = sum(array.nbytes for array in arrays_in(split.samples.example[1]))
    return (split if fits_in_memory(label_bytes * split.size) else split.take(SAMPLES_CHECKED)).labels()


def _class_numbers(labels: NDArray[Any], loss: str, split: Split) -> NDArray[Any]:
    """The class of each label: the stored number, or the place of the largest where one-hot labels are stored."""
    if loss in _ONE_HOT and not any(step.labels for step in split.preprocessing):
        return np.asarray(labels.argmax(axis=-1)).reshape(-1)
    return labels.reshape(-1)
