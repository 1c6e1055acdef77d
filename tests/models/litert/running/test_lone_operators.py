"""Each operator of a file is cut out into a file of its own, which computes what the operator does within the whole."""

import struct
from itertools import pairwise

import numpy as np
import pytest
from small_litert_files import chain, litert_file, tensor

from compressor.base.errors import ModelError
from compressor.models.litert.reading.graph_contents import FileOperator
from compressor.models.litert.running.interpreter import LiteRTModel, open_interpreter
from compressor.models.litert.running.lone_operators import LoneOperator, empty_file, lone_operators

IMAGE = np.linspace(-60, 60, 64, dtype=np.float32).reshape(1, 8, 8, 1)


def run(lone):
    interpreter = open_interpreter(lone.content, 1)
    interpreter.allocate_tensors()
    for details, array in zip(interpreter.get_input_details(), lone.inputs, strict=True):
        interpreter.set_tensor(details["index"], array)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_the_operators_one_after_another_compute_what_the_file_does():
    cut = list(lone_operators(chain(), IMAGE))
    assert [(lone.operator.name, lone.operator.computes_in, lone.weights) for lone in cut] == [
        ("CONV_2D", "int8", "kernel"), ("MAX_POOL_2D", "int8", ""), ("FULLY_CONNECTED", "int8", "weights"),
    ]  # fmt: skip
    for lone, following in pairwise(cut):
        assert np.array_equal(run(lone), following.inputs[0])
    _, (expected,) = LiteRTModel(chain()).run_stored(IMAGE)
    assert expected.any() and np.array_equal(run(cut[-1]), expected)


def test_each_file_holds_the_constants_of_its_operator_alone():
    conv, pool, dense = (len(lone.content) for lone in lone_operators(chain(), IMAGE))
    assert pool < conv < len(chain()) and dense < len(chain())


def half_weights():
    """A dense layer whose weights are float16, which another operator makes float32 of."""
    weights = np.arange(12, dtype=np.float16)
    tensors = [
        tensor("x", (1, 4), "FLOAT32"),
        tensor("half", (3, 4), "FLOAT16", data=weights.tobytes()),
        tensor("single", (3, 4), "FLOAT32"),
        tensor("bias", (3,), "FLOAT32", data=struct.pack("<3f", 1, 2, 3)),
        tensor("y", (1, 3), "FLOAT32"),
    ]
    calls = [("DEQUANTIZE", [1], [2]), ("FULLY_CONNECTED", [0, 2, 3], [4])]
    return litert_file(tensors, calls, [0], [4])


def test_an_operator_gets_those_that_unpack_its_weights():
    unpacking, dense = lone_operators(half_weights(), np.ones((1, 4), np.float32))
    assert (type(unpacking), unpacking.name) == (FileOperator, "DEQUANTIZE")
    assert (dense.weights, [array.tolist() for array in dense.inputs]) == ("half", [[[1, 1, 1, 1]]])
    assert run(dense).tolist() == [[7, 24, 41]]


def test_an_operator_that_cannot_be_cut_out_comes_without_a_file(monkeypatch):
    from compressor.models.litert.running import lone_operators as module

    monkeypatch.setattr(module, "has_block_scales", lambda tensor: tensor.name == b"kernel")
    kinds = [type(each) for each in lone_operators(chain(), IMAGE)]
    assert kinds == [FileOperator, LoneOperator, LoneOperator]


def test_a_file_that_computes_nothing_runs():
    interpreter = open_interpreter(empty_file(chain()), 1)
    interpreter.allocate_tensors()
    interpreter.invoke()
    assert interpreter._get_ops_details() == []


def test_what_is_no_file_is_refused():
    with pytest.raises(ModelError, match="this is not a LiteRT file"):
        list(lone_operators(b"no file", IMAGE))
