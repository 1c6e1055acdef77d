"""How far a device's outputs may be off, by what computes them."""

import numpy as np
from small_litert_files import litert_file, tensor

from compressor.models.micro.allowed_differences import allowed_differences

GIVEN = np.array([-8, np.nan, np.inf, 2], "<f4").tobytes()


def allowed(tensors, calls):
    return allowed_differences(litert_file(tensors, calls, [0], [len(tensors) - 1]), [GIVEN])[0]


def test_steps_of_a_quantized_output():
    for type_, steps in (("INT8", 4), ("UINT8", 4), ("INT16", 32)):
        tensors = [tensor("x", (1, 4), type_, scales=[0.5]), tensor("y", (1, 4), type_, scales=[0.5])]
        assert allowed(tensors, [("RELU", [0], [1])]) == steps


def test_numbers_of_no_scale_are_the_same_bit_by_bit():
    for type_ in ("INT8", "INT32", "INT64", "BOOL"):
        tensors = [tensor("x", (1, 4), type_), tensor("y", (1, 4), type_)]
        assert allowed(tensors, [("RELU", [0], [1])]) == 0


def test_floats_made_of_integers_are_off_by_their_steps():
    for type_, steps in (("INT8", 4), ("INT16", 32)):
        tensors = [
            tensor("x", (1, 4), type_, scales=[0.5]),
            tensor("f", (1, 4), "FLOAT32"),
            tensor("y", (4, 1), "FLOAT32"),
        ]
        assert allowed(tensors, [("DEQUANTIZE", [0], [1]), ("RESHAPE", [1], [2])]) == steps * 0.5


def test_floats_computed_of_integers_are_off_by_a_share_of_the_largest():
    tensors = [
        tensor("x", (1, 4), scales=[0.5]),
        tensor("f", (1, 4), "FLOAT32"),
        tensor("y", (1, 4), "FLOAT32"),
    ]
    assert allowed(tensors, [("DEQUANTIZE", [0], [1]), ("SOFTMAX", [1], [2])]) == 0.02 * 8


def test_floats_of_floats_are_off_by_their_last_digits():
    weights = tensor("w", (4, 4), data=bytes(16), scales=[0.1])
    tensors = [tensor("x", (1, 4), "FLOAT32"), weights, tensor("f", (4, 4), "FLOAT32"), tensor("y", (1, 4), "FLOAT32")]
    calls = [("DEQUANTIZE", [1], [2]), ("FULLY_CONNECTED", [0, 2, -1], [3])]
    assert allowed(tensors, calls) == 1e-5 * 8
