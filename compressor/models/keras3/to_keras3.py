"""Converts tf_keras models to Keras 3 `.keras` files."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from compressor.base.atomic_files import whole_file, write_named
from compressor.base.errors import ModelError
from compressor.models.keras3.describe import describe
from compressor.models.keras3.random_inputs import random_inputs
from compressor.models.keras3.verify import compared, run_reference, save_arrays


def to_keras3(model: Any, path: Path) -> float:
    """Save a tf_keras model as a Keras 3 `.keras` file, and check that Keras 3 loads it with the same outputs.

    A child process builds and saves the model with Keras 3, which takes some seconds.

    Args:
        model: a Functional or Sequential model; its compile state is not saved.
        path: of the file, which is replaced if it is there.

    Returns:
        The largest difference between the outputs on random inputs, relative to the largest output where that is
        above 1.

    Raises:
        ModelError: the model holds something that Keras 3 lacks, or the outputs differ.
    """
    graph, weights = describe(model)
    inputs = random_inputs(model)
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder)
        write_named(job / "graph.json", json.dumps(graph))
        save_arrays(job / "weights.npz", {str(at): array for at, array in enumerate(weights)})
        save_arrays(job / "inputs.npz", inputs)
        difference = compared(model, inputs, run_reference(job))
        try:
            with whole_file(path) as temporary:
                shutil.copyfile(job / "model.keras", temporary)
        except OSError as error:
            raise ModelError(f"{path} cannot be written ({error.strerror})", "choose another place") from error
    return difference
