"""Runs Keras 3 in a process of its own: `python -m compressor.models.keras3.subprocess_main JOB`.

tf_keras and Keras 3 share names and process-wide settings, and a crash of Keras 3 must not end the tool. JOB is a
folder that holds

- `inputs.npz`: an array for each input layer, by its name;
- `model.txt`: the path of the Keras 3 file to run; or `graph.json` and `weights.npz`: a model to build and write to
  `model.keras` first;

and afterwards `outputs.npz`, in the order of the flattened outputs, or `error.json` with what is wrong and what to do.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def main(job: Path) -> None:
    """Do the job in a folder."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np

    path = job / "model.keras"
    if (job / "graph.json").exists():
        from compressor.models.keras3.writer import write_model

        if not write_model(job, path):
            return
    else:
        path = Path((job / "model.txt").read_text())
    model = keras.models.load_model(path, compile=False)
    with np.load(job / "inputs.npz") as arrays:
        outputs = predictions(model, dict(arrays))
    np.savez(job / "outputs.npz", *outputs)


def predictions(model: Any, arrays: dict[str, Any]) -> list[Any]:
    """The flattened outputs of a Keras 3 model for arrays by the names of its input layers."""
    import keras
    import numpy as np

    flat = [arrays[tensor._keras_history.operation.name] for tensor in model.inputs]
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    inputs = keras.tree.pack_sequence_as(structure, flat)
    return [np.asarray(output).astype(_wide(output)) for output in keras.tree.flatten(model(inputs, training=False))]


def _wide(output: Any) -> str:
    """The type to store an output in: an `.npz` file cannot hold bfloat16."""
    import keras

    kind = keras.backend.standardize_dtype(output.dtype)
    return "float32" if "float" in kind and kind != "float64" else kind


if __name__ == "__main__":
    main(Path(sys.argv[1]))
