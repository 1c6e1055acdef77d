"""Checks that data fits a model before anything is trained; each error says what to change."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, arrays_in, is_named
from compressor.data.prepared_splits import RunData
from compressor.data.split import Split
from compressor.measure.input_checks import check_inputs, constant_warnings, refuse_fractions, scale_warnings
from compressor.measure.label_checks import (
    CLASS_LOSSES,
    SAMPLES_CHECKED,
    check_labels,
    class_count_warnings,
    class_warnings,
)
from compressor.models.files.inputs_and_outputs import Ends
from compressor.recipe.loss_names import full_name


def check_fit(
    ends: Ends, data: RunData, loss: str | None, batch_size: int = 1, used: Collection[str] | None = None
) -> list[str]:
    """Check that data fits a model.

    Args:
        ends: the model's inputs and outputs.
        data: all splits.
        loss: the loss that the model is trained with, by any of Keras' names; None where nothing is trained.
        batch_size: samples a training step.
        used: the outputs that a loss or a metric compares with labels; all when left out.

    Returns:
        Warnings about what is likely a mistake.

    Raises:
        DataError: training or measuring cannot work: shapes, names or labels do not go together, or values are not
            finite.
    """
    warnings: list[str] = []
    loss = None if loss is None else full_name(loss)
    splits = {"training": data.train, "validation": data.validation, "test": data.test}
    samples = {name: split.read(range(min(SAMPLES_CHECKED, split.size))) for name, split in splits.items()}
    for name, split in splits.items():
        check_inputs(name, samples[name][0], ends.inputs)
        refuse_fractions(name, samples[name][0], ends.whole, data)
        every = (split.samples.read(range(split.size)),) if split.samples.in_memory else ()
        origin = "training" if name in data.drawn else name
        for inputs, labels in (samples[name], *every):
            _refuse_not_finite(split, origin, inputs, "inputs")
            _refuse_not_finite(split, origin, labels, "labels")
        _refuse_weights(split, origin)
    inputs, labels = samples["training"]
    if loss is not None:
        _refuse_constant_softmax(ends)
    check_labels(ends.outputs, labels, loss, used)
    if loss in CLASS_LOSSES and not is_named(labels):
        units = next(iter(ends.outputs.values()))[-1]
        for name, split in splits.items():
            warnings += class_warnings(name, split, units, str(loss))
    if len(ends.outputs) == 1:
        warnings += class_count_warnings(data.classes, next(iter(ends.outputs.values())))
    warnings += scale_warnings(inputs, ends, data)
    warnings += constant_warnings(inputs, data.train.size)
    if data.train.size < batch_size:
        warnings.append(
            f"there are {data.train.size:,} training samples, fewer than a batch of {batch_size:,}; "
            f"lower training.batch_size"
        )
    return warnings


def _refuse_not_finite(split: Split, origin: str, values: Values, kind: str) -> None:
    """Refuse NaN and infinity; the message counts samples where they were brought, before any split was drawn."""
    for array in arrays_in(values):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            at = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            what = f"the {kind} of sample {split.place(at)} of the {origin} data (the first is 0) hold NaN or infinity"
            raise DataError(what, "remove that sample, or fill it in")


def _refuse_weights(split: Split, origin: str) -> None:
    for array in arrays_in(split.samples.weights()):
        if not np.isfinite(array).all() or array.min() < 0:
            at = int(np.flatnonzero(~(np.isfinite(array) & (array >= 0)).reshape(len(array), -1).all(axis=1))[0])
            what = f"the weight of sample {split.place(at)} of the {origin} data (the first is 0) is {array[at]}"
            raise DataError(what, "give numbers from 0 up; a sample of weight 1 counts once")
        if not array.any():
            raise DataError(f"all sample weights of the {origin} data are 0", "give some that are above 0")


def _refuse_constant_softmax(ends: Ends) -> None:
    for name, shape in ends.outputs.items():
        if ends.endings.get(name) == "softmax" and shape[-1:] == (1,):
            what = f"the output '{name}' of the model is a softmax of one number, which is always 1"
            raise DataError(what, "end the model in a sigmoid, or in two outputs")
