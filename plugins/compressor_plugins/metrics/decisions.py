"""Turns outputs and labels into classes and probabilities, in the same way for every classification metric.

Labels may be class numbers, one-hot rows, or several zeros and ones. Outputs may be probabilities or logits, with one
output for each class or a single one for two classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compressor.contracts.metric import Batch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def true_classes(labels: NDArray[Any], outputs: tuple[int, ...]) -> NDArray[Any]:
    """The class number of each decision, shape (n, ...) for outputs of shape (n, ..., classes).

    Raises:
        ValueError: the labels are neither class numbers nor one-hot for outputs of this shape.
    """
    if labels.shape == outputs and outputs[-1] > 1:
        if not (((labels == 0) | (labels == 1)).all() and (labels.sum(-1) == 1).all()):
            several = "use binary_accuracy or auc, or set 'multi_label: true' for precision, recall or f1"
            raise ValueError(f"some labels have several classes, or none; {several}")
        numbers: NDArray[Any] = labels.argmax(-1)
        return numbers
    if labels.shape == (*outputs[:-1], 1):
        labels = labels[..., 0]
    if labels.shape != outputs[:-1]:
        raise ValueError("it takes class numbers, or one-hot labels")
    classes: NDArray[Any] = labels.astype("int64")
    if (fractions := labels[labels != classes]).size:
        raise ValueError(f"the label {fractions[0]:g} is no class number")
    return classes


def known_classes(labels: NDArray[Any], outputs: tuple[int, ...]) -> NDArray[Any]:
    """The class numbers that `true_classes` gives, checked to have an output each; a single output is for two classes.

    Raises:
        ValueError: some label has no output, or as for `true_classes`.
    """
    truth, classes = true_classes(labels, outputs), max(outputs[-1], 2)
    if (unknown := truth[(truth < 0) | (truth >= classes)]).size:
        raise ValueError(f"there is a label {unknown[0]}, but only outputs for {classes} classes")
    return truth


def chosen_classes(batch: Batch) -> NDArray[Any]:
    """The class that each output decides for; a single output decides between 0 and 1, at 0.5 or at logit 0."""
    if batch.outputs.shape[-1] > 1:
        highest: NDArray[Any] = batch.outputs.argmax(-1)
        return highest
    above = batch.outputs[..., 0] > threshold(batch)
    return above.astype("int64")


def threshold(batch: Batch) -> float:
    """The value above which a single output means yes: 0.5 for a probability, 0 for a logit."""
    return 0.0 if batch.ends_in == "linear" else 0.5


def with_class_axis(batch: Batch) -> Batch:
    """The batch with outputs of shape (n, ..., classes): a single output for each label gets an axis of its own."""
    if batch.outputs.ndim == batch.labels.ndim == 1 or batch.outputs.ndim < 2:
        return Batch(batch.outputs[..., None], batch.labels, batch.inputs, batch.ends_in)
    return batch


def yes_and_no(batch: Batch, several: bool | None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Decisions and truth for each class of each sample, both of shape (n, classes).

    Args:
        batch: outputs of shape (n, classes).
        several: whether a sample may have several classes; None means that it may if the model ends in a sigmoid.

    Raises:
        ValueError: the labels do not fit the outputs.
    """
    import numpy as np

    batch = with_class_axis(batch)
    outputs, labels = batch.outputs, batch.labels
    if outputs.ndim != 2:
        raise ValueError("it takes outputs of shape (n, classes)")
    classes = outputs.shape[1]
    if classes == 1:
        truth = labels.reshape(len(labels), -1)
        if truth.shape[1] != 1:
            raise ValueError("it takes one label per sample")
        return outputs > threshold(batch), truth > 0.5
    if several or (several is None and batch.ends_in == "sigmoid"):
        if labels.shape != outputs.shape:
            raise ValueError("it takes a label of 0 or 1 for each output")
        return outputs > threshold(batch), labels > 0.5
    numbers = np.arange(classes)
    chosen, truth = outputs.argmax(1), known_classes(labels, outputs.shape)
    return chosen[:, None] == numbers, truth[:, None] == numbers


def log_probabilities(batch: Batch) -> NDArray[np.float64]:
    """The logarithm of each class's probability, of the outputs' shape. A probability below 1e-7 counts as 1e-7."""
    import numpy as np

    outputs = batch.outputs.astype(np.float64)
    if batch.ends_in != "linear":
        total = outputs.sum(-1, keepdims=True)
        logs: NDArray[np.float64] = np.log(np.clip(outputs / np.where(total > 0, total, 1), 1e-7, 1))
    else:
        shifted = outputs - outputs.max(-1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return logs
