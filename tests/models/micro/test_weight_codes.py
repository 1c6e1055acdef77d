"""Weights coded for TFLM's operator DECODE, read back as its kernels read them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from compressor.models.micro.huffman_tables import table_of, tree_of
from compressor.models.micro.weight_codes import smallest_code

FOUND, COUNT, FARTHEST = 0x8000, 11, 0x07FF


def bits_of(content):
    return np.unpackbits(np.frombuffer(content, np.uint8))


def read_huffman(code, count):
    """As `DecodeStateHuffman::DecompressToBufferWith16BitTable` does, with the bits that are put back never taken."""
    table, bits = np.frombuffer(code.metadata[16:], "<u2"), bits_of(code.codes)
    assert len(code.codes) % 4 == 0
    values, at = [], 0
    for _ in range(count):
        take, place = (code.metadata[5] >> 4) + 1, 0
        while True:
            place += int("".join(map(str, bits[at : at + take])), 2)
            entry = int(table[place])
            used = entry >> COUNT & 15
            if entry & FOUND:
                at += used
                values.append(entry & 0xFF)
                break
            at, take, place = at + take, used + 1, place + (entry & FARTHEST)
    return np.array(values, np.uint8).view(np.int8)


def read_prune(code, count, dtype):
    kept = bits_of(code.codes)[:count].astype(bool)
    values = np.zeros(count, dtype)
    values[kept] = np.frombuffer(code.metadata[16:], dtype)
    return values


def read_lookup(code, count, dtype):
    width, size = code.metadata[5] & 7, code.metadata[6]
    assert code.metadata[5] >> 4 == 15
    places = bits_of(code.codes)[: width * count].reshape(count, width) @ (1 << np.arange(width - 1, -1, -1))
    table = np.frombuffer(code.metadata[16:], dtype)
    assert len(table) == size
    return table[places]


def read(code, values):
    number, version, *_ = code.metadata
    assert version == code.metadata[4] == 1
    if code.method == "huffman":
        assert number == 1
        return read_huffman(code, values.size)
    assert number == {"prune": 2, "lookup": 0}[code.method]
    return (read_prune if code.method == "prune" else read_lookup)(code, values.size, values.dtype)


@given(arrays.arrays(np.int8, st.integers(1, 400), elements=st.sampled_from([0, 0, 0, 0, 1, -1, 5, -128, 127])))
def test_what_is_coded_is_read_back(values):
    code = smallest_code(values)
    if code is not None:
        assert code.bytes < values.nbytes
        assert np.array_equal(read(code, values), values)


@given(st.lists(st.integers(1, 2**40), min_size=2, max_size=256))
def test_every_code_is_found_in_the_tables(counts):
    values = np.arange(len(counts), dtype=np.uint8).view(np.int8)
    table = table_of(tree_of(counts), values)
    assert table is None or {int(entry) & 0xFF for entry in table if entry & FOUND} == set(range(len(counts)))


def test_the_way_with_the_fewest_bytes_is_taken():
    random = np.random.default_rng(0)
    few = random.choice(np.array([-3, 0, 2, 7], np.int8), 4000, p=[0.1, 0.7, 0.15, 0.05])
    code = smallest_code(few)
    bits = sum(np.sum(few == value) * length for value, length in ((0, 1), (2, 2), (-3, 3), (7, 3)))
    assert (code.method, code.bytes) == ("huffman", 16 + 2 * 6 + (bits + 8 + 31) // 32 * 4)  # three tables of two
    sparse = np.where(random.random(4000) < 0.02, random.integers(-128, 128, 4000), 0).astype(np.int8)
    assert smallest_code(sparse).method == "prune"
    clusters = random.choice(np.linspace(-1, 1, 16, dtype=np.float32), 4000)
    code = smallest_code(clusters)
    assert (code.method, code.bytes) == ("lookup", 16 + 64 + 2000)
    assert np.array_equal(read(code, clusters), clusters)
    zeros = np.where(random.random(4000) < 0.8, 0, random.normal(size=4000)).astype(np.float32)
    code = smallest_code(zeros)
    assert code.method == "prune"
    assert np.array_equal(read(code, zeros), zeros)


def test_a_negative_zero_stays_one():
    values = np.zeros(400, np.float32)
    values[7] = -0.0
    code = smallest_code(values)
    assert np.array_equal(np.signbit(read(code, values)), np.signbit(values))


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_what_takes_fewer_bytes_as_it_is_stays_so(dtype):
    noise = np.random.default_rng(0).integers(-128, 128, 4000).astype(np.int8)
    assert smallest_code(noise if dtype == np.int8 else np.random.default_rng(0).random(4000, np.float32)) is None


def test_codes_of_rare_values_are_long():
    counts = [int(1.5**place) + 1 for place in range(60)]
    values = np.repeat(np.arange(60, dtype=np.int8), np.minimum(counts, 50_000))
    code = smallest_code(values)
    assert np.array_equal(read_huffman(code, values.size), values)
