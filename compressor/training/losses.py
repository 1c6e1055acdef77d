"""Makes the losses of a model to suit what each output ends in, and refuses those that cannot take the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compressor.base.errors import DataError, StepError
from compressor.base.import_path import function_at, names_function
from compressor.base.named_arrays import by_name
from compressor.base.types import EndsIn
from compressor.models.files.inputs_and_outputs import model_endings
from compressor.models.litert.conversion.endpoint_names import keras_keys, output_names
from compressor.recipe.loss_names import LOSSES, full_name

_FROM_LOGITS = (
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "sparse_categorical_crossentropy",
)  # fmt: skip
_MULTI_CLASS = ("categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge")


def losses_for(model: Any, loss: str | Mapping[str, str]) -> Any:
    """The Keras losses of a model, as `compile` takes them: one, or a mapping where the model has several outputs.

    Raises:
        StepError: there is no such loss, or no such output.
    """
    named = named_losses(model, loss)
    endings = model_endings(model)
    keys = dict(zip(output_names(model), keras_keys(model), strict=True))
    if not keys:  # a subclassed model has no outputs until it has seen data
        return _made(str(loss), "linear")
    made = {keys[output]: _made(name, endings[output]) for output, name in named.items()}
    return made if len(keys) > 1 else next(iter(made.values()))


def named_losses(model: Any, loss: str | Mapping[str, str]) -> Mapping[str, str]:
    """The loss of each output that has one, by the outputs' names.

    Raises:
        StepError: a loss is named for an output that the model does not have.
    """
    outputs = output_names(model)
    if isinstance(loss, str):
        return dict.fromkeys(outputs, loss)
    if unknown := [name for name in loss if name not in outputs]:
        what = f"there is a loss for the output '{unknown[0]}', and the model has {', '.join(outputs)}"
        raise StepError(what, "name one of these")
    return loss


def refuse_misfit(model: Any, loss: str | Mapping[str, str], labels: Any) -> None:
    """Refuse losses that cannot compare a model's outputs with such labels, by their shapes.

    Raises:
        DataError: a loss cannot; the message names one that can.
    """
    outputs = dict(zip(output_names(model), model.outputs or [], strict=bool(model.outputs)))
    for name, loss_name in named_losses(model, loss).items():
        if name not in outputs:
            continue
        named = by_name(labels, name)
        if name not in named:
            what = f"the output '{name}' has a loss, and the data has labels for {', '.join(named)}"
            raise DataError(what, "call the labels as the outputs are called, or give 'loss' for some outputs only")
        own = np.asarray(named[name])
        better = _better_loss(full_name(loss_name), tuple(outputs[name].shape[1:]), own)
        if better is not None:
            label, output = _shape(own.shape[1:]), _shape(outputs[name].shape[1:])
            at = f" of '{name}'" if len(outputs) > 1 else ""
            what = f"the loss '{loss_name}' cannot compare labels of shape {label} with outputs{at} of shape {output}"
            raise DataError(what, better)


def _better_loss(loss: str, output: Sequence[int], labels: Any) -> str | None:
    """What to do about a loss that cannot compare these shapes, or None where it can."""
    label = labels.shape[1:]
    same = label == tuple(output) or (*label, 1) == tuple(output) or label == (*output, 1)
    if loss == "sparse_categorical_crossentropy":
        if output and output[-1] > 1 and label in (tuple(output[:-1]), (*output[:-1], 1)):
            return None
        return _advice(labels, same)
    if loss in LOSSES and not same:
        numbers = bool(output) and output[-1] > 1 and label in (tuple(output[:-1]), (*output[:-1], 1))
        if numbers and loss in (*_MULTI_CLASS, "kl_divergence", "binary_crossentropy"):
            return "use 'sparse_categorical_crossentropy', which takes class numbers"
        return "use data that fits the model, or a model that fits the data"
    return None


def _advice(labels: Any, same: bool) -> str:
    """The loss for labels that are no class numbers; `same` tells whether they have the outputs' shape."""
    if not same:
        return "use data that fits the model, or a model that fits the data"
    if not np.all((labels == 0) | (labels == 1)):
        return "use 'mean_squared_error', or another loss for numbers"
    if labels.ndim > 1 and labels.shape[-1] > 1 and np.all(labels.sum(-1) == 1):
        return "use 'categorical_crossentropy', which takes one-hot labels"
    return "use 'binary_crossentropy', which takes a 0 or a 1 for each output"


def _shape(sizes: Sequence[int]) -> str:
    return f"({', '.join(['n', *map(str, sizes)])})"


def _made(name: str, ends_in: EndsIn) -> Any:
    if names_function(name):
        loss = function_at(name)
        return loss() if isinstance(loss, type) else loss
    import tf_keras

    name = full_name(name)
    if name not in LOSSES:
        raise StepError(f"Keras has no loss '{name}'", "use one of its names, such as 'mean_squared_error'")
    cls = getattr(tf_keras.losses, LOSSES[name])
    return cls(from_logits=ends_in == "linear") if name in _FROM_LOGITS else cls()
