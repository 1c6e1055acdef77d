"""Fixtures: files that Keras 3 wrote."""

import numpy as np
import pytest
from foreign_files import written


@pytest.fixture(scope="session")
def foreign_files(tmp_path_factory):
    return written(tmp_path_factory.mktemp("foreign"), "zoo", "models")


@pytest.fixture(scope="session")
def zoo_files(foreign_files):
    return foreign_files / "zoo"


@pytest.fixture(scope="session")
def model_files(foreign_files):
    return foreign_files / "models"


@pytest.fixture(scope="session")
def application_files(tmp_path_factory):
    return written(tmp_path_factory.mktemp("foreign"), "applications") / "applications"


@pytest.fixture
def difference(tensorflow):
    """A function: how far a tf_keras model is from what Keras 3 computed for the file of that name."""
    import tf_keras

    from compressor.models.keras3.verify import compared

    tf_keras.backend.clear_session()

    def measure(model, folder, name):
        with np.load(folder / f"{name}.inputs.npz") as arrays:
            inputs = dict(arrays)
        with np.load(folder / f"{name}.outputs.npz") as arrays:
            expected = [arrays[key] for key in arrays.files]
        return compared(model, inputs, expected)

    return measure
