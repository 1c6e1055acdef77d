"""A rehearsal with a teacher leaves the model that the run starts from as it is."""

import numpy as np
import pytest

import compressor
from compressor.models.files.keras_files import load_keras

STUDENT = """
def model():
    import tf_keras

    tf_keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    return tf_keras.Sequential([layers.InputLayer((8,)), layers.Dense(3, activation="softmax", name="student")])


def data():
    import numpy as np

    draw = np.random.default_rng(0)
    return {"train": (draw.random((40, 8)), np.arange(40) % 3), "test": (draw.random((9, 8)), np.arange(9) % 3)}
"""


@pytest.fixture
def teacher(tensorflow, tmp_path):
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [layers.InputLayer((8,)), layers.Dense(16, name="wide"), layers.Dense(3, activation="softmax")]
    )
    model.save(tmp_path / "teacher.h5")
    return model


def test_a_model_of_a_function_is_not_replaced_by_its_teacher(teacher, tmp_path):
    (tmp_path / "own.py").write_text(STUDENT)
    recipe = {
        "version": 1,
        "model": {"source": f"{tmp_path}/own.py:model"},
        "data": {"source": f"{tmp_path}/own.py:data"},
        "steps": [{"uses": "distill", "with": {"epochs": 1, "teacher": f"{tmp_path}/teacher.h5"}}],
    }
    compressor.apply(recipe, output=tmp_path / "run")
    stages = tmp_path / "run" / "stages"
    assert [layer.name for layer in load_keras(stages / "source.h5").layers] == ["student"]
    assert [layer.name for layer in load_keras(stages / "1-distill.h5").layers] == ["student"]
    stored = load_keras(stages / "teachers" / "teacher.h5" / "stages" / "source.h5")
    assert all(map(np.array_equal, stored.get_weights(), teacher.get_weights()))
