"""The coder that knows the format gives LiteRT files back bit by bit, in fewer bytes than any that does not."""

import random
import re
import struct

import numpy as np
import pytest

from compressor.base.errors import ModelError
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.conversion.shrinking import shrunk
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.format.flatbuffer_nodes import Reference, References, Table, Text, Vector
from compressor.models.litert.format.flatbuffer_writer import compact, laid_out
from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.packing import arithmetic_coder
from compressor.models.packing.arithmetic_coder import Coder
from compressor.models.packing.coder_type import DamagedError
from compressor.models.packing.coders import CODERS
from compressor.models.packing.model_coder import decode, encode
from compressor.models.packing.package import pack, unpack
from compressor.models.packing.weight_coder import code_weights


def pruned(model, share=0.9):
    chance = np.random.default_rng(0)
    model.set_weights(
        [np.where(chance.random(w.shape) < share, 0, w) if w.ndim > 1 else w for w in model.get_weights()]
    )
    return model


@pytest.fixture
def slim_file(small_cnn, step_context):
    return shrunk(
        to_litert(pruned(small_cnn(filters=4)), Conversion("int8", calibration=step_context().calibration(5)))
    )


def test_it_beats_every_coder_that_does_not_know_the_format(slim_file):
    package = pack(slim_file, "model")
    assert unpack(package) == slim_file
    assert len(package) < 0.85 * min(len(pack(slim_file, name)) for name in CODERS if name != "model")


@pytest.mark.parametrize("kind", ["float32", "float16", "dynamic_int8"])
def test_files_of_every_type_of_weights_come_back(small_cnn, kind):
    content = shrunk(to_litert(pruned(small_cnn(filters=1)), Conversion(kind)))
    assert decode(encode(content), len(content)) == content


def with_weights(kind, shape, data):
    """A graph with one tensor of weights, as `compact` would write it."""
    nodes = [Vector(4, struct.pack(f"<{len(shape)}i", *shape)), Text(b"w")]
    nodes.append(Table(((0, Reference(0)), (1, bytes([kind])), (2, struct.pack("<I", 1)), (3, Reference(1)))))
    nodes += [References((Reference(2),)), Table(((0, Reference(3)),)), References((Reference(4),)), Table(())]
    nodes += [Vector(1, data), Table(((0, Reference(7)),)), References((Reference(6), Reference(8)))]
    nodes.append(Table(((0, struct.pack("<I", 3)), (2, Reference(5)), (4, Reference(9)))))
    return compact(read_model(laid_out(nodes)))


@pytest.mark.parametrize(
    ("kind", "bits"), [(TensorType.INT4, 4), (TensorType.INT2, 2), (TensorType.INT8, 8), (TensorType.UINT8, 8)]
)
def test_weights_of_fewer_bits_come_back(kind, bits):
    data = bytes(random.Random(0).choices([0, 0x10, 0x31, 0xF0], [9, 1, 1, 1], k=64 * bits // 8 * 2))
    content = with_weights(kind, (8, 16), data)
    payload = encode(content)
    assert decode(payload, len(content)) == content


@pytest.mark.parametrize(("name", "taken"), [(b"w", True), (b"w" * 300, False)])
def test_a_part_that_stands_in_many_places_comes_back_or_is_not_taken(name, taken):
    nodes = [Text(name), Table(((3, Reference(0)),)), References((Reference(1),) * 100), Table(((0, Reference(2)),))]
    nodes += [References((Reference(3),)), Table(()), References((Reference(5),))]
    nodes.append(Table(((0, struct.pack("<I", 3)), (2, Reference(4)), (4, Reference(6)))))
    content = compact(read_model(laid_out(nodes)))
    payload = encode(content)
    assert (payload is not None) == taken
    assert not taken or decode(payload, len(content)) == content


def test_a_matrix_costs_little_more_than_its_entropy():
    chance = np.random.default_rng(0)
    values = np.where(chance.random(8000) < 0.05, chance.integers(1, 5, 8000), 0)
    coder = Coder()
    code_weights(coder, 10, 800, 8, bytes(values.tolist()))
    payload = coder.finished()
    assert code_weights(Coder(payload), 10, 800, 8) == bytes(values.tolist())
    share = np.mean(values != 0)
    entropy = 8000 * -(share * np.log2(share / 4) + (1 - share) * np.log2(1 - share)) / 8
    assert entropy * 0.98 < len(payload) < entropy * 1.12


def test_columns_that_are_empty_cost_almost_nothing():
    chance = np.random.default_rng(0)
    values = np.zeros((100, 100), int)
    values[:, ::4] = chance.integers(0, 2, (100, 25))
    coder = Coder()
    code_weights(coder, 100, 100, 8, bytes(values.reshape(-1).tolist()))
    assert len(coder.finished()) < 2500 / 8 * 1.25  # a bit for each that may be there


def test_only_a_slim_file_can_be_coded(small_cnn):
    text = "the coder 'model' takes only files that 'slim' wrote, and few weights in floats; "
    text += "put 'slim' before 'pack', or name another coder"
    for content in (to_litert(small_cnn()), b"no model"):
        with pytest.raises(ModelError, match=f"^{re.escape(text)}$"):
            pack(content, "model")


def test_damage_never_goes_unnoticed_and_never_swells(slim_file):
    package, chance = pack(slim_file, "model"), random.Random(0)
    for turn in range(6):
        damaged = bytearray(package[: chance.randrange(12, len(package))] if turn % 2 else package)
        damaged[chance.randrange(10, len(damaged) - 4)] ^= 1 << chance.randrange(8)
        with pytest.raises(ModelError):
            unpack(bytes(damaged))


def test_more_bits_than_a_payload_holds_are_neither_coded_nor_read(slim_file, monkeypatch):
    payload = encode(slim_file)
    monkeypatch.setattr(arithmetic_coder, "_ALWAYS_CODED", 10_000)
    monkeypatch.setattr(arithmetic_coder, "_MOST_OF_A_BYTE", 1)
    assert encode(slim_file) is None
    with pytest.raises(DamagedError, match="it was cut or changed"):
        decode(payload, len(slim_file))
