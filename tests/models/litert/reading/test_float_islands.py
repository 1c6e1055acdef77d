"""Float islands are found with what stands around them, and what operators take up is counted."""

import struct

import pytest
from mixed_litert_file import with_an_island
from small_litert_files import chain, litert_file, tensor

from compressor.base.errors import ModelError
from compressor.models.litert.reading.file_metadata import metadata_of
from compressor.models.litert.reading.float_islands import float_islands
from compressor.models.litert.reading.measured_operators import measured_operators


def found(content):
    return float_islands(measured_operators(content))


def names(neighbors):
    return [neighbor.operator.call.name if neighbor.operator else None for neighbor in neighbors]


def test_operators_that_hand_floats_to_one_another_are_one_island():
    first, last = found(with_an_island())
    assert [operator.number for operator in first.operators] == [3, 4]
    assert (names(first.fed_by), names(first.taken_by)) == (["CONV_2D"], ["FULLY_CONNECTED"])
    assert (first.between_integers, first.conversions, first.made_bytes, first.macs) == (True, 2, 1152, 0)
    assert (names(last.fed_by), names(last.taken_by)) == (["FULLY_CONNECTED"], [None])
    assert (last.between_integers, last.conversions) == (False, 1)


def test_a_file_that_computes_in_one_of_the_two_alone_has_no_islands():
    floats = [tensor("x", (1, 4), "FLOAT32"), tensor("y", (1, 4), "FLOAT32")]
    assert found(litert_file(floats, [("ROUND", [0], [1])], [0], [1])) == ()
    assert found(chain()) == ()


def test_an_island_may_be_fed_by_the_model_and_by_constants_that_are_only_unpacked():
    tensors = [
        tensor("x", (1, 4), "FLOAT32"),
        tensor("packed", (4,), "FLOAT16", bytes(8)),
        tensor("factor", (4,), "FLOAT32"),
        tensor("product", (1, 4), "FLOAT32"),
        tensor("offset", (4,), "FLOAT32", struct.pack("<4f", 1, 2, 3, 4)),
        tensor("sum", (1, 4), "FLOAT32"),
        tensor("integers", (1, 4), scales=[0.5]),
        tensor("relu", (1, 4), scales=[0.5]),
    ]
    calls = [
        ("DEQUANTIZE", [1], [2]),
        ("MUL", [0, 2], [3]),
        ("ADD", [3, 4], [5]),
        ("QUANTIZE", [5], [6]),
        ("RELU", [6], [7]),
    ]
    (island,) = found(litert_file(tensors, calls, [0], [7, 5]))
    assert [operator.call.name for operator in island.operators] == ["MUL", "ADD"]
    assert [(neighbor.operator, neighbor.tensor.name) for neighbor in island.fed_by] == [(None, "x")]
    assert names(island.taken_by) == [None, "RELU"]
    assert (island.between_integers, island.conversions) == (False, 1)
    assert (island.constant_bytes, island.made_bytes) == (16, 32)


def test_a_circle_of_conversions_in_a_damaged_file_ends():
    tensors = [
        tensor("a", (1, 4), scales=[0.5]),
        tensor("b", (1, 4), "FLOAT32"),
        tensor("c", (1, 4), "FLOAT32"),
        tensor("d", (1, 4), scales=[0.5]),
    ]
    calls = [("DEQUANTIZE", [0], [1]), ("QUANTIZE", [1], [0]), ("ROUND", [1], [2]), ("RELU", [0], [3])]
    (island,) = found(litert_file(tensors, calls, [], [3]))
    assert island.fed_by == ()
    assert names(island.taken_by) == []


def test_operators_have_the_bytes_of_their_constants_and_their_multiply_accumulates():
    file = measured_operators(chain())
    assert [(each.call.name, each.constant_bytes, each.macs) for each in file.operators] == [
        ("CONV_2D", 52, 6 * 6 * 4 * 9), ("MAX_POOL_2D", 0, 0), ("FULLY_CONNECTED", 108, 108),
    ]  # fmt: skip
    assert [(each.name, each.dtype, each.bytes) for each in file.operators[0].takes] == [("image", "int8", 64)]
    assert (file.inputs, file.outputs) == (frozenset({(0, 0)}), frozenset({(0, 6)}))


def test_metadata_that_is_no_short_text_has_its_size_alone():
    content = litert_file([tensor("x", (1,))], [], [0], [0], {"a": b"1.5.0\0\0", "b": b"\x1b[2J", "c": b"\xff" * 300})
    assert [(entry.name, entry.bytes, entry.text) for entry in metadata_of(content).entries] == [
        ("a", 7, "1.5.0"), ("b", 4, ""), ("c", 300, ""),
    ]  # fmt: skip
    assert metadata_of(content).description == ""


@pytest.mark.parametrize("read", [measured_operators, metadata_of])
def test_a_damaged_file_is_refused(read):
    with pytest.raises(ModelError, match="this is not a LiteRT file"):
        read(b"none")
