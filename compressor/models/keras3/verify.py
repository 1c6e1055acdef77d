"""Compares a converted model with Keras 3 itself, on random inputs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.atomic_files import naming, write_named
from compressor.base.errors import ModelError
from compressor.models.keras3.random_inputs import random_inputs

TOLERANCE = 1e-5
HALF_TOLERANCES = {"float16": 1e-2, "bfloat16": 8e-2}
"""For models with a layer of these types: about ten times a step of the type, since the two round differently."""
_ROUNDINGS = 4
"""A difference of so many times what rounding may cause is accepted; deep models were seen at 0.3 to 1.2 times."""
_MOST = 0.05
"""A larger difference is never accepted: a model so sensitive to rounding is of no use in either Keras."""
_SECONDS = 900
_REMEDY = "report it with the model's layer list; until then export it from Keras 3 as .tflite, for post-training steps"


def verify_against(model: Any, path: Path) -> float:
    """Compare a tf_keras model with the Keras 3 file it came from.

    Returns:
        The largest difference, relative to the largest output where that is above 1.

    Raises:
        ModelError: the difference is too large, or Keras 3 cannot run the file.
    """
    inputs = random_inputs(model)
    with tempfile.TemporaryDirectory() as folder:
        write_named(Path(folder) / "model.txt", str(path.resolve()))
        save_arrays(Path(folder) / "inputs.npz", inputs)
        expected = run_reference(Path(folder))
    return compared(model, inputs, expected)


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write an `.npz` file of arrays, whatever their names are."""
    with naming(path):
        np.savez(path, **arrays)  # type: ignore[arg-type]  # a name may be that of an option of savez


def run_reference(job: Path) -> list[NDArray[Any]]:
    """Run Keras 3 on a job, a folder as `subprocess_main` describes it, and return the outputs.

    Raises:
        ModelError: Keras 3 cannot run the model.
    """
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    command = [sys.executable, "-P", "-m", "compressor.models.keras3.subprocess_main", str(job)]
    environment |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired:
        raise ModelError(f"Keras 3 did not run the model within {_SECONDS} s", "try a smaller one") from None
    if (job / "error.json").exists():
        import json

        error = json.loads((job / "error.json").read_text())
        raise ModelError(error["what"], error["remedy"])
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:300]
        raise ModelError(f"Keras 3 cannot run the model ({reason})", "check that Keras 3 itself loads it")
    with np.load(job / "outputs.npz") as arrays:
        return [arrays[name] for name in arrays.files]


def outputs_of(model: Any, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """The flattened outputs of a tf_keras model for arrays by the names of its inputs."""
    import tensorflow as tf

    flat = [tf.constant(inputs[name]) for name in model.input_names]
    inputs_of_model = tf.nest.pack_sequence_as(model.input, flat)
    return [np.asarray(output) for output in tf.nest.flatten(model(inputs_of_model, training=False))]


def compared(model: Any, inputs: dict[str, NDArray[Any]], expected: list[NDArray[Any]]) -> float:
    """The largest difference between the outputs of a tf_keras model and those of Keras 3.

    Raises:
        ModelError: it is more than rounding explains, or the outputs have other shapes.
    """
    outputs = outputs_of(model, inputs)
    wanted, own = ([array.shape for array in arrays] for arrays in (expected, outputs))
    if wanted != own:
        raise ModelError(f"its outputs have the shapes {own} in Keras 2, and {wanted} in Keras 3", _REMEDY)
    largest, limit = _largest(expected, outputs), tolerance_for(model)
    if largest > limit:
        limit = max(limit, min(_ROUNDINGS * rounding_of(model, inputs), _MOST))
    if not largest <= limit:
        what = f"its outputs in Keras 2 and in Keras 3 differ by {largest:.1e}, and at most {limit:.0e} is taken"
        raise ModelError(what, _REMEDY)
    return largest


def tolerance_for(model: Any) -> float:
    """The difference that rounding explains in any model, by the types that its layers compute in."""
    types = {getattr(layer, "compute_dtype", None) for layer in model._flatten_layers()}
    return max([TOLERANCE, *(HALF_TOLERANCES[type_] for type_ in types if type_ in HALF_TOLERANCES)])


def rounding_of(model: Any, inputs: dict[str, NDArray[Any]]) -> float:
    """How much the outputs change when each weight and each input is off by one step of its type.

    Deep models amplify: over a hundred layers, a difference in the last digit may reach the fourth. Keras 2 and Keras 3
    round differently in each layer, so their outputs differ by about as much.
    """
    generator = np.random.default_rng(0)

    def moved(array: NDArray[Any]) -> NDArray[Any]:
        if array.dtype.kind != "f":
            return array
        steps = np.finfo(array.dtype).eps * generator.choice([-1.0, 1.0], array.shape)
        return np.asarray(array * (1 + steps), array.dtype)

    before, weights = outputs_of(model, inputs), model.get_weights()
    model.set_weights([moved(weight) for weight in weights])
    try:
        return _largest(before, outputs_of(model, {name: moved(array) for name, array in inputs.items()}))
    finally:
        model.set_weights(weights)


def _largest(expected: list[NDArray[Any]], outputs: list[NDArray[Any]]) -> float:
    return max(map(difference, expected, outputs), default=0.0)


def difference(expected: NDArray[Any], output: NDArray[Any]) -> float:
    """The largest difference between two arrays, relative to the largest value where that is above 1."""
    a, b = expected.astype(np.float64), output.astype(np.float64)
    if not a.size:
        return 0.0
    if not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return float("inf")
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    return float(np.abs(a - b).max(initial=0) / max(1.0, np.abs(a).max(initial=0)))
