"""Holds the file that was made of a SavedModel against its serving signature, on random inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.models.litert.running.interpreter import LiteRTModel

_MOST = 0.01
"""The difference that is taken, as a share of an output's largest value; deep models may make as much of rounding."""
_SAMPLES = 3


def refuse_other_outputs(content: bytes, serving: Any, inputs: Mapping[str, Any], outputs: Sequence[str]) -> None:
    """Compare a file with a serving signature, one sample a call.

    Args:
        content: the file.
        serving: the signature's function.
        inputs: the specification of each input by its name, in the file's order.
        outputs: the names of the outputs, in the file's order.

    Raises:
        ModelError: an output of the file is another one.
    """
    import tensorflow as tf

    if not all(spec.dtype.is_floating or spec.dtype.is_integer for spec in inputs.values()):
        return
    file, draw = LiteRTModel(content), np.random.default_rng(0)
    for _ in range(_SAMPLES):
        sample = {name: _random(spec, draw) for name, spec in inputs.items()}
        expected = serving(**{name: tf.constant(array) for name, array in sample.items()})
        actual = file.run(sample)
        values = actual if isinstance(actual, Mapping) else {outputs[0]: actual}
        for name in outputs:
            gap = _gap(np.asarray(expected[name], np.float64), np.asarray(values[name], np.float64))
            if not gap <= _MOST:
                what = (
                    f"the file computes something else than the SavedModel; '{name}' differs by {gap:.0%} of its size"
                )
                raise ModelError(what, "give the Keras model, to learn which layer the LiteRT converter gets wrong")


def _random(spec: Any, draw: np.random.Generator) -> NDArray[Any]:
    shape = (1, *spec.shape[1:])
    if spec.dtype.is_integer:
        return draw.integers(0, 2, shape).astype(spec.dtype.as_numpy_dtype)  # within any table
    return draw.normal(0, 1, shape).astype(spec.dtype.as_numpy_dtype)


def _gap(expected: NDArray[np.float64], actual: NDArray[np.float64]) -> float:
    """The largest difference as a share of the largest value; 0 where the signature itself gives no finite numbers."""
    if not expected.size or not np.isfinite(expected).all():
        return 0.0
    return float(np.abs(actual - expected).max() / max(np.finfo(np.float32).tiny, np.abs(expected).max()))
