"""Keeps sizes of a file's inputs open that the model left open, where the file computes the same at other sizes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError, StepError
from compressor.base.named_arrays import by_name
from compressor.base.text import shortened
from compressor.base.types import Arrays
from compressor.measure.keras_outputs import keras_outputs
from compressor.measure.score_rows import Outputs
from compressor.models.files.fixed_sizes import Sizes, input_sizes, resized, text_of
from compressor.models.library_errors import LAYER_ERRORS
from compressor.models.litert.conversion.endpoint_names import output_names
from compressor.models.litert.conversion.reopened_sizes import reopened
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.models.litert.running.trial_run import refuse_failing

_LARGE = 128  # a size from which on half of it is tried, and below which twice of it
_HALVES = 64
_ROUNDING = 1e-5
_TIMES = 2
_WAYS = ((True, False), (False, False), (True, True))  # to let a file take other sizes, as `reopened` is told
_OPERATOR = re.compile(r"the operator \w+ that makes '[^']*'")


def with_open_sizes(
    content: bytes,
    model: Any,
    was_open: Mapping[str, Sizes],
    samples: Arrays,
    known: Mapping[str, Any],
    trusted: bool = False,
) -> tuple[bytes, str]:
    """The file with the sizes open that the model had open, or as it is where it cannot take others; and a note on it.

    The file is run at another size, in a child process first, and must be about as close to the Keras model there as at
    its own.

    Args:
        content: the file, as it was made for one size.
        model: the tf_keras model that it was made from, of that size.
        was_open: the shapes of a sample by input, with None for sizes that were open.
        samples: a few samples of that size.
        known: custom objects by name.
        trusted: code in the model may run.
    """
    own = input_sizes(model)
    other = {name: _other(own[name], was_open[name]) for name in own}
    given = by_name(samples, next(iter(own)))
    tiled = {name: _tiled(np.asarray(given[name]), shape) for name, shape in other.items()}
    fixed = " and ".join(f"'{name}' at {text_of(own[name])}" for name, shape in was_open.items() if None in shape)
    tried = " and ".join(f"'{name}' at {text_of(other[name])}" for name, shape in was_open.items() if None in shape)
    names = list(output_names(model))
    try:
        expected = keras_outputs(resized(model, other, "the model", known, trusted), tiled, names)
    except (ModelError, *LAYER_ERRORS) as error:
        reason = _innermost(error)
        return content, f"the file takes {fixed} alone, since a layer has a size of its own ({shortened(reason, 120)})"
    expected_own = keras_outputs(model, given, names)
    outputs = {name: _common(expected_own[name].shape[1:], expected[name].shape[1:]) for name in names}
    reason = ""
    for opened in dict.fromkeys(reopened(content, was_open, outputs, *how) for how in _WAYS):
        try:
            refuse_failing(opened, tiled, "")
            apart, apart_own = _apart(expected, opened, tiled), _apart(expected_own, opened, given)
        except (StepError, ModelError) as error:
            operator = _OPERATOR.search(error.what)
            reason = reason or f"it fails{f' at {operator[0]}' if operator else ''}"
        else:
            if math.isfinite(apart_own) and apart <= _TIMES * apart_own + _ROUNDING:
                return opened, f"the file takes other sizes, too; held against the Keras model with {tried}"
            reason = reason or "it computes something else than the Keras model"
    return content, f"the file takes {fixed} alone; with {tried} {reason}"


def _innermost(error: BaseException) -> str:
    """The first sentence of the error that the others come from."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()).partition(". ")[0].partition(" Call arguments")[0]


def _other(own: Sizes, was_open: Sizes) -> Sizes:
    """Another shape than that of the file: half the open sizes where they are large, or else twice."""
    open_sizes = [int(size or 0) for size, before in zip(own, was_open, strict=True) if before is None]
    halves = all(size >= _LARGE and size % _HALVES == 0 for size in open_sizes)
    return tuple(
        size if before is not None or size is None else size // 2 if halves else size * 2
        for size, before in zip(own, was_open, strict=True)
    )


def _tiled(array: NDArray[Any], shape: Sizes) -> NDArray[Any]:
    for axis, size in enumerate(shape, start=1):
        array = array.take(np.arange(int(size or 0)) % array.shape[axis], axis)
    return array


def _common(own: tuple[int, ...], other: tuple[int, ...]) -> Sizes:
    return tuple(size if size == new else None for size, new in zip(own, other, strict=True))


def _apart(expected: Outputs, content: bytes, samples: Arrays) -> float:
    """The error of a file by the size of what is expected, both as root mean squares, in its worst output."""
    actual = by_name(LiteRTModel(content).run(samples), next(iter(expected)))
    shares = []
    for name, wanted in expected.items():
        exact = np.asarray(wanted, np.float64)
        if actual[name].shape != exact.shape:
            return float("inf")
        size = max(float(np.sqrt(np.mean(np.square(exact)))), float(np.finfo(np.float32).tiny))
        shares.append(float(np.sqrt(np.mean(np.square(actual[name] - exact)))) / size)
    return max(shares)
