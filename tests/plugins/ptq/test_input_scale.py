"""Firmware can feed an int8 file the bytes of a picture as they come."""

import numpy as np
import pytest
from pydantic import ValidationError

from compressor.base.errors import StepError
from compressor.models.litert.running.interpreter import LiteRTModel, open_interpreter
from compressor_plugins.ptq.ptq import PTQ


@pytest.mark.parametrize("quantizer", [{}, {"algorithm": "octav"}], ids=["converter", "litert-quantizer"])
def test_bytes_as_they_come_give_what_scaled_images_give(small_cnn, step_context, digits, quantizer):
    params = PTQ.Params(io="uint8", input_scale="1/255", calibration_samples=32, **quantizer)
    content = PTQ(params).apply(small_cnn(), step_context())
    (end,) = LiteRTModel(content).inputs
    assert (end.dtype, end.zero_point) == ("uint8", 0)
    assert end.scale == pytest.approx(1 / 255)
    images = next(digits.test.batches(1))[0]
    interpreter = open_interpreter(content, threads=1)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.round(images * 255).astype(np.uint8))
    interpreter.invoke()
    raw, details = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), LiteRTModel(content).outputs[0]
    given = (raw.astype(np.float32) - details.zero_point) * details.scale
    assert np.array_equal(given, LiteRTModel(content).run(images))
    expected = small_cnn().predict(images, verbose=0)
    assert np.abs(given - expected).max() < 0.05 * np.abs(expected).max()


def test_a_scale_goes_with_bytes(small_cnn, step_context):
    with pytest.raises(ValidationError, match="input_scale needs io uint8, not int8"):
        PTQ.Params(io="int8", input_scale=1.0)
    with pytest.raises(ValidationError, match="Input should be a valid number"):
        PTQ.Params(io="uint8", input_scale="1/0")


def test_an_input_of_words_has_no_scale(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    from compressor.data.prepared_splits import RunData
    from compressor.data.split import ArraySplit

    words = tf_keras.Input((4,), dtype="int32")
    model = tf_keras.Model(words, layers.Dense(2)(layers.Flatten()(layers.Embedding(9, 8)(words))))
    split = ArraySplit(np.arange(32).reshape(8, 4) % 9, np.zeros((8, 2), np.float32))
    context = step_context(data=RunData("words", split, split, split))
    with pytest.raises(StepError) as error:
        PTQ(PTQ.Params(io="uint8", input_scale=1.0, calibration_samples=8)).apply(model, context)
    assert str(error.value) == "no input of the file is uint8; leave input_scale out"
