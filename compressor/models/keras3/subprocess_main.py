"""Keras 3, in a process of its own: `python -m compressor.models.keras3.subprocess_main JOB`.

tf_keras and Keras 3 share names and process-wide settings, and a crash of the other one should be only its own. The
job is a folder; what is asked for lies in it, and so do the answers afterwards:

- `inputs.npz`: one array for each input layer, by its name;
- `model.txt`: the path of the Keras 3 file to run, or `graph.json` and `weights.npz`: a model to write, to
  `model.keras`;
- answers: `outputs.npz`, in the order of the flattened outputs, or `error.json` with the layer and the reason.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


def main(job: Path) -> None:
    """Do the job."""
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
    """What a Keras 3 model makes of arrays by the names of its input layers, flattened."""
    import keras
    import numpy as np

    flat = [arrays[tensor._keras_history.operation.name] for tensor in model.inputs]
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    inputs = keras.tree.pack_sequence_as(structure, flat)
    return [np.asarray(output).astype(_wide(output)) for output in keras.tree.flatten(model(inputs, training=False))]


def _wide(output: Any) -> str:
    """A type that an `.npz` file can keep; it cannot keep bfloat16."""
    import keras

    kind = keras.backend.standardize_dtype(output.dtype)
    return "float32" if "float" in kind and kind != "float64" else kind


if __name__ == "__main__":
    main(Path(sys.argv[1]))
