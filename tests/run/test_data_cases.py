"""Whole runs on data that once lost its information, or could not be given at all."""

import numpy as np
import pytest

import compressor

CODE = """
import numpy as np
import tf_keras as k

def image():
    i = k.Input((12, 12, 1), name="xray")
    x = k.layers.Conv2D(6, 3, activation="relu")(i)
    return k.Model(i, k.layers.Dense(2, activation="softmax")(k.layers.GlobalAveragePooling2D()(x)))

def columns():
    return k.Sequential([k.layers.Dense(3, activation="softmax", input_shape=(4,))])

def names():
    import compressor
    x = np.random.default_rng(0).normal(size=(300, 4)).astype("f4")
    y = np.array(["left", "middle", "right"])[np.digitize(x[:, 0], [-0.5, 0.5])]
    return compressor.Splits((x[:200], y[:200]), (x[200:], y[200:]))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path


def recipe(**sections):
    model = {"source": f"./mine.py:{sections.pop('model')}", "train": {"epochs": 10}}
    training = {"learning_rate": 0.05, "batch_size": 16}
    return {"version": 1, "model": model, "training": training, **sections}


def test_classes_that_differ_in_the_low_byte_of_16_bit_images_are_told_apart(folder, tensorflow):
    draw = np.random.default_rng(20)
    for number, name in enumerate(("cold", "warm")):
        (folder / "thermal" / name).mkdir(parents=True)
        for n in range(50):
            values = (30_012 + 120 * number + draw.integers(0, 40, (12, 12, 1))).astype(np.uint16)
            (folder / "thermal" / name / f"{n}.png").write_bytes(tensorflow.io.encode_png(values).numpy())
    data = {"source": "./thermal", "with": {"color": "grayscale"}, "stratify": True}
    steps = [{"uses": "ptq", "with": {"io": "uint8"}}]
    made = recipe(model="image", data={**data, "preprocess": [{"normalize": "adapt"}]}, steps=steps)
    report, _ = compressor.apply(made, output=folder / "run")
    assert [stage.metrics["accuracy"].value for stage in report.stages] == [1.0, 1.0]
    assert report.stages[-1].inputs[0].dtype == "uint8"
    assert report.expects[0].text.startswith("uint16 0..65535 of shape 12x12x1, minus 300")

    report, _ = compressor.apply(recipe(model="image", data=data, steps=[]), output=folder / "plain", smoke=True)
    assert report.stages[0].notes == [
        "the inputs go from 30,012 to 30,171 of 65,535, so that images hardly differ once scaled to 0..1: "
        "add 'preprocess: [{normalize: adapt}]' under data"
    ]


def test_splits_of_arrays_with_text_labels_are_trained_on_and_measured(folder, tensorflow):
    made = recipe(model="columns", data={"source": "./mine.py:names"}, steps=[{"uses": "ptq"}])
    report, _ = compressor.apply(made, output=folder / "run")
    assert min(stage.metrics["accuracy"].value for stage in report.stages) > 0.85
