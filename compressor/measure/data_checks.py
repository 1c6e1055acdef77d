"""Whether data fits a model, told before anything is trained, with the mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, arrays_in, by_name, is_named
from compressor.data.preprocess import Rescale
from compressor.data.run_data import RunData
from compressor.data.samples import fits_in_memory
from compressor.data.split import Split
from compressor.models.files.ends import Ends, Shape
from compressor.models.files.input_scale import Scaling
from compressor.recipe.loss_names import full_name

SEEN = 512  # samples of each split whose values are looked at, where not all are in memory
_SPARSE = "sparse_categorical_crossentropy"
_ONE_HOT = ("categorical_crossentropy", "categorical_focal_crossentropy", "kl_divergence")
_BINARY = ("binary_crossentropy", "binary_focal_crossentropy")
_CLASSES = (_SPARSE, *_ONE_HOT)
_ROUNDING = 1e-3  # of a sum of shares


def check_fit(ends: Ends, data: RunData, loss: str | None, batch_size: int = 1) -> list[str]:
    """Hold data against a model.

    Args:
        ends: the model's inputs and outputs.
        data: all splits.
        loss: any of Keras' names of the loss that it is trained with, or None where nothing is trained.
        batch_size: samples a training step.

    Returns:
        What is odd, but may be meant.

    Raises:
        DataError: it cannot work: shapes, names, or labels do not go together, or values are not finite.
    """
    warnings: list[str] = []
    loss = None if loss is None else full_name(loss)
    splits = {"training": data.train, "validation": data.validation, "test": data.test}
    seen = {name: split.read(range(min(SEEN, split.size))) for name, split in splits.items()}
    for name, split in splits.items():
        _check_inputs(name, seen[name][0], ends.inputs)
        held = (split.samples.read(range(split.size)),) if split.samples.in_memory else ()
        for inputs, labels in (seen[name], *held):
            _check_finite(name, inputs, "inputs")
            _check_finite(name, labels, "labels")
    inputs, labels = seen["training"]
    if loss is not None:
        _check_endings(ends)
    _check_labels(ends.outputs, labels, loss)
    if loss in _CLASSES and not is_named(labels):
        units = next(iter(ends.outputs.values()))[-1]
        for name, split in splits.items():
            warnings += _check_classes(name, split, units, str(loss))
    warnings += _odd_range(inputs, ends.scaling, data)
    if data.train.size < batch_size:
        warnings.append(
            f"there are {data.train.size:,} training samples, fewer than a batch of {batch_size:,}; "
            f"lower training.batch_size"
        )
    return warnings


def _check_inputs(split: str, inputs: Values, wanted: Mapping[str, Shape]) -> None:
    if not is_named(inputs) and len(wanted) > 1:
        what = f"the model has the inputs {_listed(wanted)}, and the data has one, without a name"
        raise DataError(what, "give a dict of arrays by these names")
    inputs = by_name(inputs, next(iter(wanted)))
    missing, unknown = sorted(wanted.keys() - inputs.keys()), sorted(inputs.keys() - wanted.keys())
    if missing or unknown:
        what = f"the model has the inputs {_listed(wanted)}, and the data has {_listed(inputs)}"
        raise DataError(what, "give both the same names")
    for name, shape in wanted.items():
        found = inputs[name].shape[1:]
        if not _fits(found, shape):
            of = f" for '{name}'" if len(wanted) > 1 else ""
            what = f"the {split} data has samples of shape {found}{of}, and the model wants {_spelt(shape)}"
            raise DataError(what, _mend(found, shape, name if len(wanted) > 1 else None))


def _fits(found: Sequence[int], wanted: Shape) -> bool:
    return len(found) == len(wanted) and all(w in (None, f) for f, w in zip(found, wanted, strict=True))


def _mend(found: tuple[int, ...], wanted: Shape, only: str | None) -> str:
    """The step of preprocessing that would make it fit, where there is one."""

    def step(name: str, value: object, main: str) -> str:
        spelt = f"{{{main}: {value}, only: {only}}}" if only else value
        return f"add 'preprocess: [{{{name}: {spelt}}}]' under data"

    if _fits((*found, 1), wanted):
        return step("expand", -1, "axis")
    if found and found[-1] == 1 and _fits(found[:-1], wanted):
        return step("squeeze", -1, "axis")
    if len(found) == len(wanted) == 3 and found[2] == wanted[2] and None not in wanted[:2]:
        return step("resize", list(wanted[:2]), "size")
    if len(found) == len(wanted) == 3 and {found[2], wanted[2]} == {1, 3}:
        color = "rgb" if wanted[2] == 3 else "grayscale"
        own = f"{found[2]} channel{'' if found[2] == 1 else 's'}"
        return f"make them {color} (an image folder: 'with: {{color: {color}}}' under data), or give the model {own}"
    if len(wanted) == 3 and wanted[2] == 3 and _fits((*found, 3), wanted):
        return (
            "they have no channels: repeat each pixel where the data is made, as numpy.stack([x, x, x], axis=-1) does"
        )
    if len(found) == len(wanted) == 2 and found == tuple(reversed(wanted)):
        return "swap the two axes where the data is made"
    if len(found) == len(wanted) == 1:
        return "choose as many columns as the model has inputs, or build the model for the data"
    return "bring the data to that shape, or build the model for this one"


def _check_finite(split: str, values: Values, kind: str) -> None:
    for array in arrays_in(values):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            at = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            what = f"the {kind} of sample {at} of the {split} split hold NaN or infinity"
            raise DataError(what, "remove that sample, or fill it in")


def _check_endings(ends: Ends) -> None:
    for name, shape in ends.outputs.items():
        if ends.endings.get(name) == "softmax" and shape[-1:] == (1,):
            what = f"the output '{name}' of the model is a softmax of one number, which is always 1"
            raise DataError(what, "end the model in a sigmoid, or in two outputs")


def _check_labels(outputs: Mapping[str, Shape], labels: Values, loss: str | None) -> None:
    if is_named(labels):
        if labels.keys() != outputs.keys():
            what = f"the model has the outputs {_listed(outputs)}, and the data has labels for {_listed(labels)}"
            raise DataError(what, "give both the same names")
        return
    if loss is None or len(outputs) > 1:
        return
    output = next(iter(outputs.values()))
    found = labels.shape[1:]
    units = output[-1] if output else None
    if loss == _SPARSE:
        if found and found[-1] == units and units != 1 and len(found) == len(output):
            kind, fitting = _row_kind(labels)
            what = f"the labels are {kind}, {found}, and '{loss}' takes class numbers"
            raise DataError(what, f"set 'training.loss: {fitting}', or give class numbers")
        if len(found) == len(output) and found[-1:] not in ((1,), (units,)):
            what = f"the labels have the shape {found}, and '{loss}' takes one class number for each output"
            raise DataError(what, "give class numbers")
        if labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels)):
            what = f"the labels are not whole numbers, and '{loss}' takes class numbers"
            raise DataError(what, "set 'training.loss: mean_squared_error', or another loss for numbers")
    elif loss in _ONE_HOT and not _fits(found, output):
        if len(found) < len(output) or found[-1:] == (1,):
            what = f"the labels are class numbers, and '{loss}' takes one-hot ones"
            remedy = f"set 'training.loss: {_SPARSE}', or add 'preprocess: [{{one_hot: {units}}}]' under data"
            raise DataError(what, remedy)
        what = f"the labels have {found[-1]} classes, and the model has {units} outputs"
        raise DataError(what, "give the model as many outputs as there are classes")
    elif loss in _ONE_HOT and (labels.sum(axis=-1) > 1 + _ROUNDING).any():
        kind, fitting = _row_kind(labels)
        raise DataError(f"the labels are {kind}, and '{loss}' takes one-hot ones", f"set 'training.loss: {fitting}'")
    elif loss not in _CLASSES and not _fits(found, output) and not (found == () and output == (1,)):
        what = f"the labels have the shape {found}, and the model gives {_spelt(output)}"
        raise DataError(what, "give labels of that shape, or choose another loss")
    elif loss in _BINARY and (labels.min() < 0 or labels.max() > 1):
        what = f"the labels go from {labels.min():g} to {labels.max():g}, and '{loss}' takes 0 to 1"
        raise DataError(what, f"number the two classes 0 and 1, or set 'training.loss: {_SPARSE}' for more of them")


def _row_kind(labels: NDArray[Any]) -> tuple[str, str]:
    """What labels with a value for each output are, and the loss that takes them."""
    sums = labels.sum(axis=-1)
    if np.all(np.abs(sums - 1) <= _ROUNDING) and np.all(labels >= 0):
        return "one-hot", "categorical_crossentropy"
    if np.all((labels == 0) | (labels == 1)):
        return "a 0 or a 1 for each output, with several classes in a sample or none", "binary_crossentropy"
    return "a number for each output", "mean_squared_error"


def _check_classes(name: str, split: Split, units: int | None, loss: str) -> list[str]:
    """Whether the classes that the labels count are those that the model has outputs for."""
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
        elif high > len(np.unique(numbers)):
            remedy += ", or number the classes from 0 without gaps"
        what = f"the {name} labels go from {low} to {high}, and the model has {_outputs(units)}"
        raise DataError(what, remedy)
    if len(numbers) > 1 and low == high:
        return [f"all {name} labels are of class {low}; a model learns nothing from one class"]
    return []


def _outputs(units: int) -> str:
    return "1 output, for 0 alone" if units == 1 else f"{units} outputs, for 0 to {units - 1}"


def _known_labels(split: Split) -> Values:
    """The labels of all samples, or, where those would fill the memory, as masks may, of the first ones."""
    one = sum(array.nbytes for array in arrays_in(split.samples.example[1]))
    return (split if fits_in_memory(one * split.size) else split.take(SEEN)).labels()


def _class_numbers(labels: NDArray[Any], loss: str, split: Split) -> NDArray[Any]:
    """The class numbers that are checked: stored ones, also where a step makes them one-hot."""
    if loss in _ONE_HOT and not any(step.labels for step in split.preprocessing):
        return np.asarray(labels.argmax(axis=-1)).reshape(-1)
    return labels.reshape(-1)


def _odd_range(inputs: Values, scaling: Scaling, data: RunData) -> list[str]:
    """Pixels scaled never or twice are what most often goes wrong; nothing in a model says for sure that they are."""
    found = []
    for name, array in by_name(inputs, "").items():
        if array.ndim < 3 or not array.size:
            continue
        of, low, high = f" of '{name}'" if name else "", array.min(), array.max()
        if scaling in ("none", "untold") and low >= 0 and 100 < high <= 255 and np.array_equal(array, np.round(array)):
            silent = "does not rescale" if scaling == "none" else "does not tell whether it rescales"
            found.append(
                f"the inputs{of} are whole numbers from {low:g} to {high:g}, like pixels, and the model "
                f"{silent} them; most models are trained for 0..1: "
                "add 'preprocess: [{rescale: 0.00392156862745098}]' under data"
            )
        if scaling == "of pixels" and -1 <= low < high <= 1:
            found.append(
                f"the inputs{of} go from {low:g} to {high:g}, and the model divides pixels of 0 to 255 by itself; "
                f"{_unscaled(data)}"
            )
    return found


def _unscaled(data: RunData) -> str:
    """How to give a model pixels as they are."""
    if data.by_default and data.train.preprocessing:
        return "add 'preprocess: []' under data, which leaves bytes as they are"
    if any(isinstance(step, Rescale) for step in data.train.preprocessing):
        return "add '{rescale: 255}' at the end of 'preprocess' under data, or take out what divides them"
    return "add 'preprocess: [{rescale: 255}]' under data"


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def _spelt(shape: Shape) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)}{',' if len(shape) == 1 else ''})"
