"""Weights that lie after the flatbuffer are read as any others, and nothing is lost when a file is written again."""

import numpy as np
import pytest

from compressor.base.errors import ModelError
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.conversion.shrinking import shrunk
from compressor.models.litert.format import flatbuffer
from compressor.models.litert.format.flatbuffer import read_model, write_model
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel


@pytest.fixture
def small_limit(monkeypatch):
    """A function that lets a flatbuffer hold 10 kB of weights, and not 2 GB."""
    return lambda: monkeypatch.setattr(flatbuffer, "_MOST_INLINE", 10_000)


@pytest.fixture
def outside(small_cnn, small_limit, monkeypatch):
    """A file and the same one with its large buffers after the flatbuffer."""
    content = to_litert(small_cnn())
    small_limit()
    rewritten = write_model(read_model(content))
    monkeypatch.undo()
    return content, rewritten


def offsets(content):
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    return [(buffer.Offset(), buffer.Size()) for buffer in buffers if buffer.Offset()]


def test_more_weights_than_a_flatbuffer_holds_are_written_after_it(outside, digits):
    inline, content = outside
    ((offset, size),) = offsets(content)
    assert (offset % 16, size) == (0, 2028 * 10 * 4)
    assert offset + size == len(content)
    images, _ = next(digits.test.batches(20))
    assert np.array_equal(LiteRTModel(content).run(images), LiteRTModel(inline).run(images))


def test_weights_after_the_flatbuffer_are_read_and_written_inline(outside):
    inline, content = outside
    again = write_model(read_model(content))
    assert not offsets(again)
    assert again == write_model(read_model(inline))
    assert dissect(content).tensors == dissect(inline).tensors
    assert shrunk(content) == shrunk(inline)


def test_a_slim_file_too_may_have_weights_after_the_flatbuffer(outside, small_limit, digits):
    inline, content = outside
    small_limit()
    small = shrunk(content)
    assert [size for _, size in offsets(small)] == [2028 * 10 * 4]
    images, _ = next(digits.test.batches(20))
    assert np.array_equal(LiteRTModel(small).run(images), LiteRTModel(inline).run(images))


def test_weights_that_are_cut_off_are_told(outside):
    _, content = outside
    ((offset, size),) = offsets(content)
    with pytest.raises(ModelError) as error:
        read_model(content[:-1])
    assert str(error.value) == (
        f"the LiteRT file is damaged (bytes {offset:,} to {offset + size:,} lie outside of it); make it again"
    )


def test_weights_in_another_file_are_told(small_cnn):
    from ai_edge_litert.schema_py_generated import ExternalBufferGroupT, ExternalBufferT

    model = read_model(to_litert(small_cnn()))
    group, buffer = ExternalBufferGroupT(), ExternalBufferT()
    group.name, buffer.id = b"weights.bin", 1
    model.externalBufferGroups, model.externalBuffers = [group], [buffer]
    model.subgraphs[0].tensors[1].externalBuffer = 1
    with pytest.raises(ModelError) as error:
        read_model(write_model(model))
    assert str(error.value) == (
        "the weights of the LiteRT file are in another file ('weights.bin'); give a file that holds them"
    )
