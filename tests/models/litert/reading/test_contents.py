"""What is counted in a file is what is in it."""

import gzip

import numpy as np
import pytest

from compressor.base.errors import ModelError
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.format.flatbuffer import read_model, write_model
from compressor.models.litert.reading.contents import dissect


def with_zeros(model, share):
    rng = np.random.default_rng(0)
    weights = []
    for value in model.get_weights():
        if value.ndim > 1:
            value = value.copy()
            value.reshape(-1)[rng.permutation(value.size)[: round(value.size * share)]] = 0
        weights.append(value)
    model.set_weights(weights)
    return model


@pytest.mark.parametrize("weights", [None, "int8"])
def test_of_a_recurrent_layer_its_kernels_are_counted_once_and_its_first_state_is_none(tensorflow, weights):
    """A loop begins with zeros, and an unrolled one has tensors for each step, which share their bytes."""
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([layers.InputLayer((9, 6)), layers.GRU(12, name="gru"), layers.Dense(2, name="head")])
    kernel = model.get_layer("gru").weights[1]
    kernel.assign(np.where(np.arange(12 * 36).reshape(12, 36) % 14 == 0, kernel, 0))  # whole channels among the zeros
    samples = [np.random.default_rng(seed).normal(size=(1, 9, 6)).astype(np.float32) for seed in range(20)]
    anatomy = dissect(to_litert(model, Conversion(weights, calibration=samples)) if weights else to_litert(model))
    assert sorted(tensor.shape for tensor in anatomy.kernels) == [(2, 12), (36, 6), (36, 12)]
    zeros = next(tensor.zeros for tensor in anatomy.kernels if tensor.shape == (36, 12))
    assert zeros == np.count_nonzero(kernel.numpy() == 0) > 390


def test_biases_that_share_their_bytes_are_counted_each(small_cnn):
    file = read_model(to_litert(small_cnn(filters=10)))
    before = dissect(write_model(file)).parameters
    biases = [tensor for tensor in file.subgraphs[0].tensors if list(tensor.shape) == [10]]
    assert len(biases) == 2
    biases[0].buffer = biases[1].buffer
    assert dissect(write_model(file)).parameters == before


def test_zeros_parameters_and_bytes_are_counted_in_a_float_file(small_cnn):
    content = to_litert(with_zeros(small_cnn(), 0.75))
    anatomy = dissect(content)
    assert anatomy.bytes == len(content)
    assert anatomy.gzip_bytes == len(gzip.compress(content, 9))
    assert anatomy.parameters == 12 * 9 + 12 + 2028 * 10 + 10
    assert {t.name: (t.shape, t.zeros) for t in anatomy.kernels} == {
        "conv/Conv2D": ((12, 3, 3, 1), 81),
        "dense/MatMul": ((10, 2028), 15210),
    }
    assert anatomy.sparsity == 0.75
    assert anatomy.weight_bits == 32
    assert anatomy.operators == 5
    assert anatomy.multiplications == 26 * 26 * 12 * 9 + 2028 * 10


def test_zeros_are_counted_in_an_int8_file(small_cnn, mnist):
    calibration = (features for features, _ in mnist.train.take(20).batches(1))
    anatomy = dissect(to_litert(with_zeros(small_cnn(), 0.75), Conversion("int8", calibration=calibration)))
    assert anatomy.weight_bits == 8
    assert 0.75 <= anatomy.sparsity < 0.78  # a few small weights round to zero
    assert {t.dtype for t in anatomy.tensors if not t.kernel} == {"int32"}  # biases


def test_zeros_of_a_table_whose_range_is_not_symmetric_are_counted(tensorflow):
    import tf_keras
    from tf_keras import layers

    table = np.random.default_rng(0).uniform(-0.1, 0.5, (20, 8)).astype(np.float32)
    table[:15] = 0
    model = tf_keras.Sequential(
        [layers.InputLayer((6,), dtype="int32"), layers.Embedding(20, 8), layers.Flatten(), layers.Dense(2)]
    )
    model.layers[0].set_weights([table])
    samples = (np.arange(start, start + 6, dtype=np.int32)[None] for start in range(14))
    found = dissect(to_litert(model, Conversion("int8", calibration=samples)))
    zeros = {tensor.dtype: tensor.zeros for tensor in found.kernels if tensor.shape == (20, 8)}
    assert zeros == {"int8": 15 * 8}


def test_different_values_are_counted(small_cnn):
    model = small_cnn()
    model.set_weights([np.round(value * 4) / 4 for value in model.get_weights()])
    expected = max(len(np.unique(value)) for value in model.get_weights() if value.ndim > 1)
    assert dissect(to_litert(model)).unique == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "this is not a LiteRT file; give a .tflite file"),
        (b"hello, I am some text", "this is not a LiteRT file; give a .tflite file"),
    ],
)
def test_other_files_are_refused(content, message):
    with pytest.raises(ModelError) as error:
        dissect(content)
    assert str(error.value) == message


def test_a_file_cut_short_is_refused(small_cnn):
    content = to_litert(small_cnn())
    with pytest.raises(ModelError, match=r"^the LiteRT file is damaged \(.*\); make it again$"):
        dissect(content[:2000])
