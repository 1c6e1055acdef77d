"""Chooses the loss and the metric of each output, by what the output ends in and what the labels are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, is_named
from compressor.measure.label_checks import check_labels
from compressor.models.files.inputs_and_outputs import Ends, Shape

_SPARSE, _ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"
_BINARY, _SQUARED = "binary_crossentropy", "mse"
_SHARES = ("accuracy", "binary_accuracy", "mean_iou", "sequence_accuracy")
_FULL_NAMES = {_SQUARED: "mean_squared_error"}


@dataclass(frozen=True)
class Learning:
    """What a model learns: a loss and a metric by output, each with the reason, and whether the targets are inputs."""

    losses: Mapping[str, tuple[str, str]]
    metrics: Mapping[str, tuple[str, str]]
    targets_inputs: bool = False

    @property
    def first_is_share(self) -> bool:
        """Whether the first metric is a share, so that a drop of it is counted in points."""
        return is_share(next(iter(self.metrics.values()))[0])

    @property
    def is_classifier(self) -> bool:
        """Whether the model gives one class to each sample."""
        return [loss for loss, _ in self.losses.values()] in ([_SPARSE], [_ONE_HOT]) and self.first_is_share


def is_share(metric: str) -> bool:
    """Whether a metric is a share, so that a drop of it is counted in points."""
    return metric in _SHARES


def learning_of(ends: Ends, labels: Values | None) -> Learning:
    """Choose losses and metrics.

    Args:
        ends: of the model.
        labels: of some samples, named if the model has several outputs; None if they are not known, or there are none.
    """
    if _gives_back_inputs(ends, labels):
        name = next(iter(ends.outputs))
        asked = (_SQUARED, "how far each value is from the input")
        return Learning({name: asked}, {name: ("reconstruction_error", "mean squared difference from the input")}, True)
    losses, metrics = {}, {}
    for name, shape in ends.outputs.items():
        given = labels.get(name) if labels is not None and is_named(labels) else labels
        ending = ends.endings.get(name, "linear")
        loss = _loss(shape, ending, None if given is None else np.asarray(given))
        losses[name] = (loss, _REASONS[loss])
        metrics[name] = _metric(loss, shape)
    return Learning(losses, metrics)


_REASONS = {
    _SPARSE: "labels are class numbers",
    _ONE_HOT: "labels are one-hot",
    _BINARY: "labels are 0 or 1 for each output",
    _SQUARED: "labels are numbers",
}


def _gives_back_inputs(ends: Ends, labels: Values | None) -> bool:
    """Whether the model has one input and one output of the same shape, and no labels of that shape are known."""
    if len(ends.inputs) != 1 or len(ends.outputs) != 1:
        return False
    (taken,), (given,) = ends.inputs.values(), ends.outputs.values()
    if taken != given or next(iter(ends.endings.values()), "linear") == "softmax":
        return False
    return labels is None or (not is_named(labels) and np.asarray(labels).shape[1:] != given)


def _loss(shape: Shape, ending: str, labels: Any) -> str:
    """The first loss that takes the labels; without labels, the one that such an output mostly has."""
    units = shape[-1] if shape else 1
    if ending == "sigmoid":
        fitting = [_BINARY, _SQUARED]
    elif ending == "softmax":
        fitting = [_SPARSE, _ONE_HOT]
    elif units == 1:
        fitting = [_BINARY, _SQUARED] if labels is not None and _is_yes_or_no(labels) else [_SQUARED]
    else:
        fitting = [_SPARSE, _ONE_HOT, _SQUARED]
    if labels is None:
        return fitting[0]
    return next((loss for loss in fitting if _takes(loss, shape, labels)), fitting[0])


def _takes(loss: str, shape: Shape, labels: Any) -> bool:
    try:
        check_labels({"output": shape}, labels, _FULL_NAMES.get(loss, loss))
    except DataError:
        return False
    return True


def _is_yes_or_no(labels: Any) -> bool:
    return labels.dtype.kind in "biu" and bool(np.isin(labels, (0, 1)).all())


def _metric(loss: str, shape: Shape) -> tuple[str, str]:
    if loss == _SQUARED:
        return "mean_absolute_error", "mean difference between outputs and labels"
    if loss == _BINARY:
        if shape in ((), (1,)):
            return "accuracy", "share of samples that are decided right"
        return "binary_accuracy", "share of right decisions, over all outputs"
    if len(shape) >= 3:
        return "mean_iou", "overlap of predicted and true pixels, the mean of the classes"
    if len(shape) == 2:
        return "sequence_accuracy", "share of right decisions, over all steps"
    return "accuracy", "share of samples that are classified right"
