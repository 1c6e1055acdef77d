"""litert-quantizer writes 256 KiB of weights and more after the flatbuffer; the file is as good as a small one."""

import numpy as np
import pytest

from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.conversion.shrinking import shrunk
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.ptq.ptq import PTQ

WEIGHTS = 784 * 768 + 768 * 10


@pytest.fixture(scope="module")
def wide(tensorflow):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [layers.InputLayer((28, 28)), layers.Flatten(), layers.Dense(768, "relu", name="wide"), layers.Dense(10)]
    )


@pytest.fixture(scope="module")
def wide_file(wide):
    return to_litert(wide)


@pytest.mark.parametrize(
    ("params", "bits", "apart"),
    [
        ({"algorithm": "mse"}, 8, 0.05),
        ({"algorithm": "octav"}, 8, 0.05),
        ({"algorithm": "gptq"}, 8, 0.05),
        ({"precision": "int16x8", "algorithm": "mse"}, 8, 0.05),
        ({"precision": "dynamic", "algorithm": "mse"}, 8, 0.05),
        ({"precision": "float16", "bias_correction": True}, 16, 0.001),
        ({"precision": "int4"}, 4, 0.15),
        ({"precision": "int4", "activations": "dynamic", "granularity": "block_32"}, 4, 0.15),
        ({"bias_correction": True}, 8, 0.05),
    ],
    ids=str,
)
def test_a_file_with_more_weights_than_litert_quantizer_writes_inline(
    wide, wide_file, step_context, digits, params, bits, apart
):
    content = PTQ(PTQ.Params(**params)).apply(wide, step_context())
    assert dissect(content).weight_bits == bits
    weights = WEIGHTS * bits // 8
    assert weights > 256 * 1024
    assert weights < len(content) < weights * 1.13 + 13_000  # scales
    images, _ = next(digits.test.batches(50))
    expected = LiteRTModel(wide_file).run(images)
    outputs = LiteRTModel(content).run(images)
    assert np.sqrt(np.mean((outputs - expected) ** 2) / np.mean(expected**2)) < apart
    assert np.array_equal(LiteRTModel(shrunk(content)).run(images), outputs)


@pytest.mark.parametrize("precision", ["int8", "float16", "int4"])
def test_a_large_float_file_is_quantized_too(wide_file, step_context, precision):
    content = PTQ(PTQ.Params(precision=precision)).apply(wide_file, step_context())
    bits = {"int8": 8, "float16": 16, "int4": 4}[precision]
    assert dissect(content).weight_bits == bits
    assert len(content) < WEIGHTS * bits // 8 + 13_000
