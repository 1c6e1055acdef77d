"""Weights of classes: how much each sample counts in training, by the class that its label says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.import_path import names_function
from compressor.base.named_arrays import by_name, is_named
from compressor.base.text import did_you_mean
from compressor.data.prepared_splits import RunData
from compressor.models.files.inputs_and_outputs import Shape
from compressor.recipe.loss_names import full_name
from compressor.recipe.training_params import TrainingDefaults

_NUMBERS = ("sparse_categorical_crossentropy", "binary_crossentropy", "binary_focal_crossentropy")
_ONE_HOT = ("categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge", "kl_divergence")


@dataclass(frozen=True)
class ClassWeights:
    """The weight of each class, shape (classes,), for labels that are class numbers or one-hot."""

    table: NDArray[np.float32]
    form: Literal["numbers", "numbers in rows of one", "one-hot"]

    def weighted(self, batches: Any) -> Any:
        """Batches of a tf.data.Dataset with weights by class, times those of the samples where there are some."""

        def with_weights(inputs: Any, labels: Any, weights: Any = None) -> tuple[Any, Any, Any]:
            own = self._of(next(iter(labels.values())) if is_named(labels) else labels)
            if weights is not None:
                given = next(iter(weights.values())) if is_named(weights) else weights
                own = _aligned(own, given) * _aligned(given, own)
            return inputs, labels, own

        return batches.map(with_weights)

    def _of(self, labels: Any) -> Any:
        import tensorflow as tf

        if self.form == "one-hot":
            numbers = tf.argmax(labels, axis=-1)
        else:
            numbers = tf.cast(labels[..., 0] if self.form == "numbers in rows of one" else labels, tf.int64)
        return tf.gather(tf.constant(self.table), numbers)


def class_weights(params: TrainingDefaults, outputs: Mapping[str, Shape], data: RunData) -> ClassWeights | None:
    """The class weights that a training asks for; None if it asks for none.

    Args:
        params: of the training.
        outputs: of the model, shapes by name.
        data: to train with.

    Raises:
        DataError: they are for a class that there is not, the labels are no classes, or there are several outputs.
    """
    wanted = params.class_weight
    if wanted is None:
        return None
    if len(outputs) != 1:
        what = f"'class_weight' is for a model with one output, and this one has {len(outputs)}"
        raise DataError(what, "give sample weights by output in the data")
    (name, output), loss = next(iter(outputs.items())), params.loss
    loss = loss if isinstance(loss, str) else next(iter(loss.values()))
    stored = data.train.labels()
    if stored is None:
        raise DataError("'class_weight' needs labels, and the targets are the inputs", "remove it")
    example = np.asarray(by_name(data.train.read(range(1))[1], name).get(name))
    form = _form(full_name(loss), tuple(example.shape[1:]), tuple(output))
    count = int(output[-1] or 1) if output and output[-1] != 1 else 2
    if wanted == "balanced":
        return ClassWeights(_balanced(by_name(stored, name)[name], form, count, data), form)
    return ClassWeights(_by_class(wanted, count, data.classes), form)


def _form(loss: str, label: Sequence[int], output: Shape) -> Literal["numbers", "numbers in rows of one", "one-hot"]:
    """How labels say the class."""
    own = names_function(loss)
    same = len(label) == len(output) and label[-1:] == output[-1:]
    if same and output[-1:] != (1,) and (own or loss in _ONE_HOT):
        return "one-hot"
    if loss in _NUMBERS or own:
        if len(label) == len(output) and label[-1:] == (1,):
            return "numbers in rows of one"
        if len(label) == len(output) - 1:
            return "numbers"
    what = f"'class_weight' is for classes, and '{loss}' compares labels of shape {tuple(label)} as numbers"
    raise DataError(what, "remove it, or give sample weights in the data")


def _by_class(wanted: Mapping[str, float], count: int, classes: Sequence[str]) -> NDArray[np.float32]:
    """The weights by class number; a class that is left out has 1."""
    number_of = {str(number): number for number in range(count)}
    number_of |= {name: number for number, name in enumerate(classes)}
    table = np.ones(count, np.float32)
    for name, weight in wanted.items():
        if name not in number_of:
            hint = did_you_mean(name, classes or list(number_of)).removeprefix("; ")
            raise DataError(f"'class_weight' names the class '{name}', which there is not", hint)
        table[number_of[name]] = weight
    return table


def _balanced(stored: Any, form: str, count: int, data: RunData) -> NDArray[np.float32]:
    """Weights with which all classes that there are count alike, and the samples 1 on average."""
    is_one_hot = form == "one-hot" and not any(step.labels for step in data.train.preprocessing)
    numbers = np.asarray(stored.argmax(axis=-1) if is_one_hot else stored).reshape(-1).astype(np.int64)
    found = np.bincount(numbers, minlength=count)[:count]
    weights = np.ones(count)
    there = found > 0
    weights[there] = found.sum() / (there.sum() * found[there])
    return weights.astype(np.float32)


def _aligned(tensor: Any, other: Any) -> Any:
    """A tensor of weights with as many axes as another, such as weights of samples for those of their pixels."""
    import tensorflow as tf

    for _ in range(len(other.shape) - len(tensor.shape)):
        tensor = tf.expand_dims(tensor, -1)
    return tensor
