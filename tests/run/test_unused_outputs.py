"""Outputs that no loss and no metric uses, such as a state that is fed back, need no labels."""

import pytest

import compressor
from compressor.base.errors import DataError

CODE = """
import numpy as np

def build():
    import tf_keras
    inputs = tf_keras.Input((4,), name="x")
    state = tf_keras.layers.Dense(8, activation="relu", name="state")(inputs)
    return tf_keras.Model(inputs, [state, tf_keras.layers.Dense(2, activation="softmax", name="kind")(state)])

def data(named=True):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 4)).astype("f4")
    y = (x[:, 0] > 0).astype("i8")
    y = {"kind": y} if named else y
    return {"x": x, "y": y}
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CODE)

    def make(loss, named=True):
        return {
            "version": 1,
            "model": {"source": "./mine.py:build", "train": {"epochs": 4}},
            "data": {"source": "./mine.py:data", "with": {"named": named}},
            "training": {"loss": loss, "learning_rate": 0.05, "batch_size": 16},
            "evaluation": {"metrics": [{"uses": "accuracy", "output": "kind"}]},
            "steps": [{"uses": "qat", "with": {"epochs": 1}}, {"uses": "ptq"}],
        }

    return make


@pytest.mark.parametrize("named", [True, False])
def test_training_and_measuring_need_labels_of_the_outputs_in_use_alone(recipe, named, tmp_path):
    made = recipe({"kind": "sparse_categorical_crossentropy"}, named)
    report, _ = compressor.apply(made, output=tmp_path / "run")
    assert [stage.id for stage in report.stages] == ["baseline", "qat", "ptq"]
    assert min(stage.metrics["accuracy (kind)"].value for stage in report.stages) > 0.85


def test_a_loss_for_all_outputs_says_how_to_name_those_that_learn(recipe, tmp_path):
    with pytest.raises(DataError) as caught:
        compressor.apply(recipe("sparse_categorical_crossentropy"), output=tmp_path / "run")
    assert str(caught.value) == (
        "the output 'state' has a loss, and the data has labels for 'kind'; give labels for it, or name the outputs "
        "that learn: 'training.loss: {kind: sparse_categorical_crossentropy}'"
    )
