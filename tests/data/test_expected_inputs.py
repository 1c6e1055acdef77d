"""What the shipped model expects as input, said in a line."""

import numpy as np

from compressor.data import ArraySplit
from compressor.data.expected_inputs import expected_inputs
from compressor.data.prepared_splits import run_data
from compressor.data.split import Split, Splits


def test_bytes_are_said_with_their_range_and_scale(mnist):
    (found,) = expected_inputs(mnist.test)
    assert found.text == "uint8 0..255 of shape 28x28, times 1/255; the model gets 0..1"


def test_every_step_is_said_in_order(tensorflow, section):
    split = Split(ArraySplit(np.full((3, 4, 4, 3), 255, np.uint8), np.zeros(3)).samples)
    steps = [{"resize": [8, 6]}, {"rescale": {"scale": 0.0078125, "offset": -1}}, {"one_hot": 3}]
    data = run_data("d", Splits(split, split, split), section(preprocess=steps), seed=0, smoke=False)
    (found,) = expected_inputs(data.test)
    assert found.text == (
        "uint8 0..255 of shape 4x4x3, resized to 8x6 (bilinear), times 1/128, plus -1; "
        "the model gets 0.9922..0.9922 of shape 8x6x3"
    )
    assert found.model_dump(mode="json") == {
        "name": "",
        "dtype": "uint8",
        "shape": [4, 4, 3],
        "steps": ["resized to 8x6 (bilinear)", "times 1/128, plus -1"],
        "fed_shape": [8, 6, 3],
        "low": 0.9921875,
        "high": 0.9921875,
    }


def test_each_of_several_inputs_is_said_by_its_name(section):
    split = ArraySplit({"b": np.array([[1.0, 2.0]]), "a": np.array([5])}, np.zeros(1))
    steps = [{"normalize": {"mean": [1, 2], "std": 4, "only": "b"}}]
    data = run_data("d", Splits(split, split, split), section(preprocess=steps), seed=0, smoke=False)
    assert [found.text for found in expected_inputs(data.test)] == [
        "a: int64 of shape one number; the model gets 5..5",
        "b: float64 of shape 2, minus [1, 2], divided by 4; the model gets 0..0",
    ]


def test_images_of_16_bits_are_told_with_their_range():
    pixels = np.array([[[0, 65_535], [257, 514]]], np.uint16).reshape(1, 2, 2, 1)
    (found,) = expected_inputs(Splits((pixels, np.zeros(1))).train)
    assert found.text == "uint16 0..65535 of shape 2x2x1, times 1/65535; the model gets 0..1"
