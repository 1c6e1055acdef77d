"""The arena of a file: what lives when, what stays, and where the most is needed."""

import re
import struct

import pytest
from small_litert_files import chain, litert_file, tensor

from compressor.base.errors import ModelError
from compressor.models.litert.format.flatbuffer import read_model, write_model
from compressor.models.micro.arena import OperatorMemory, plan_arena


def test_tensors_live_from_where_they_are_made_to_where_they_are_last_used():
    arena = plan_arena(chain())
    # bytes, each rounded up to 16: image 64, conv 144, pool 48, logits 16
    assert arena.operators == (
        OperatorMemory(1, "CONV_2D", "conv", 64 + 144, 0, 208),
        OperatorMemory(2, "MAX_POOL_2D", "pool", 144 + 48, 0, 192),
        OperatorMemory(3, "FULLY_CONNECTED", "logits", 48 + 16, 0, 192),
    )
    assert arena.tensor_bytes == 208
    assert arena.peak.title == "CONV_2D 'conv'"


def test_a_tensor_that_a_later_operator_adds_is_kept_until_then():
    tensors = [tensor(name, (1, 4, 4, 1)) for name in ("x", "a", "b", "c", "sum")]
    calls = [("RELU", [0], [1]), ("RELU", [1], [2]), ("RELU", [2], [3]), ("ADD", [1, 3], [4])]
    arena = plan_arena(litert_file(tensors, calls, [0], [4]))
    assert [operator.bytes for operator in arena.operators] == [32, 32, 48, 48]
    assert arena.tensor_bytes == 48


def test_what_a_mean_needs_while_it_runs_is_told_apart():
    axes = tensor("axes", (2,), "INT32", struct.pack("<2i", 1, 2))
    tensors = [tensor("x", (1, 4, 4, 8)), axes, tensor("mean", (1, 8))]
    (mean,) = plan_arena(litert_file(tensors, [("MEAN", [0, 1], [2])], [0], [2])).operators
    # 8 sums, 4 places and 2 axes of 4 bytes each
    assert (mean.scratch_bytes, mean.bytes) == (32 + 16 + 16, 128 + 16 + 64)


def test_variables_stay_and_are_no_part_of_what_is_used_again():
    tensors = [tensor("x", (1, 16)), tensor("state", (1, 512), variable=True), tensor("y", (1, 16))]
    without = plan_arena(litert_file([tensors[0], tensors[2]], [("RELU", [0], [1])], [0], [1]))
    arena = plan_arena(litert_file(tensors, [("RELU", [0], [2])], [0], [2]))
    assert arena.tensor_bytes == without.tensor_bytes == 32
    assert arena.persistent_bytes == without.persistent_bytes + 512 + 12  # a structure of three words, too


def test_a_plan_in_the_file_is_followed():
    tensors = [tensor(name, (1, 64)) for name in ("x", "y")]
    plan = struct.pack("<5i", 1, 0, 2, 256, -1)
    arena = plan_arena(litert_file(tensors, [("RELU", [0], [1])], [0], [1], metadata={"OfflineMemoryAllocation": plan}))
    assert (arena.tensor_bytes, arena.operators[0].bytes) == (256 + 64, 128)


def test_the_arena_holds_what_is_used_again_and_what_stays():
    arena = plan_arena(chain())
    assert arena.bytes == max(arena.tensor_bytes, arena.temporary_bytes) + arena.persistent_bytes
    wide = plan_arena(chain(), pointer=8)
    assert wide.tensor_bytes == arena.tensor_bytes
    assert wide.persistent_bytes > arena.persistent_bytes


def test_an_operator_without_a_name_for_its_output_is_told_by_its_number():
    tensors = [tensor("", (1, 64)), tensor("", (1, 64))]
    arena = plan_arena(litert_file(tensors, [("RELU", [0], [1])], [0], [1]))
    assert arena.peak.title == "RELU, operator 1"


def test_a_file_without_operators_has_no_peak():
    arena = plan_arena(litert_file([tensor("x", (1, 4))], [], [0], [0]))
    assert (arena.tensor_bytes, arena.peak, arena.operators) == (16, None, ())


def test_what_is_no_file_is_refused():
    with pytest.raises(ModelError, match=f"^{re.escape('this is not a LiteRT file; give a .tflite file')}$"):
        plan_arena(b"TFP")


def test_graphs_besides_the_first_are_counted_and_not_planned():
    model = read_model(chain())
    model.subgraphs.append(model.subgraphs[0])
    arena = plan_arena(write_model(model))
    assert (arena.tensor_bytes, arena.unplanned_graphs) == (208, 1)
