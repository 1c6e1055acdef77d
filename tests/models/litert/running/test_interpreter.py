"""Files in LiteRT's interpreter: many samples a call, quantized ends, and the errors of what does not fit."""

import numpy as np
import pytest
from file_outputs import outputs_of
from small_litert_files import litert_file, tensor

from compressor.base.errors import ModelError
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.running.interpreter import LiteRTModel


@pytest.fixture
def int8_file(small_cnn, mnist):
    calibration = (features for features, _ in mnist.train.take(50).batches(1))
    return to_litert(small_cnn(), Conversion("int8", "int8", calibration))


def test_many_samples_a_call_give_what_one_a_call_gives(small_cnn, mnist):
    content = to_litert(small_cnn())
    images = mnist.test.take(300)
    model = LiteRTModel(content)
    alone = np.concatenate([model.run(features) for features, _ in images.batches(1)])
    np.testing.assert_allclose(outputs_of(content, images), alone, atol=1e-5)


def test_quantized_ends_take_and_give_floats(int8_file, small_cnn, mnist):
    images = mnist.test.take(100)
    model = LiteRTModel(int8_file)
    assert (model.inputs[0].dtype, model.outputs[0].dtype) == ("int8", "int8")
    assert model.inputs[0].scale == pytest.approx(1 / 255, rel=1e-3)
    assert model.inputs[0].zero_point == -128
    expected = small_cnn().predict(next(images.batches(100))[0], verbose=0)
    assert np.abs(outputs_of(int8_file, images) - expected).mean() < 0.03 * np.abs(expected).max()
    assert outputs_of(int8_file, images).dtype == np.float32


def test_a_file_that_takes_one_sample_only_gets_them_one_by_one(small_cnn, mnist, monkeypatch):
    import compressor.models.litert.conversion.converter_output

    monkeypatch.setattr(compressor.models.litert.conversion.converter_output, "_free_samples", lambda *reshape: None)
    fixed = to_litert(small_cnn())
    with pytest.raises(ModelError, match="LiteRT cannot take 2 samples a call"):
        LiteRTModel(fixed).run(np.zeros((2, 28, 28), np.float32))
    monkeypatch.undo()
    images = mnist.test.take(20)
    np.testing.assert_allclose(outputs_of(fixed, images), outputs_of(to_litert(small_cnn()), images), atol=1e-5)


def test_latency_is_of_one_sample_and_p90_is_not_below_the_median(small_cnn):
    latency = LiteRTModel(to_litert(small_cnn())).latency(np.zeros((1, 28, 28), np.float32))
    assert 0 < latency.p50 <= latency.p90 < 1
    assert latency.calls >= 5


def test_data_of_another_shape_is_refused(small_cnn):
    with pytest.raises(ModelError) as error:
        LiteRTModel(to_litert(small_cnn())).run(np.zeros((1, 32, 32, 3), np.float32))
    assert str(error.value) == (
        "the file takes samples of shape (28, 28), and the data has (32, 32, 3); use data that fits the model"
    )


def test_fractions_are_not_cut_off_for_an_input_of_whole_numbers():
    file = LiteRTModel(
        litert_file([tensor("x", (1, 4), "INT32"), tensor("y", (1, 4), "INT32")], [("ABS", [0], [1])], [0], [1])
    )
    assert file.run(np.array([[-1, 0, 2, 3]], np.float32)).tolist() == [[1, 0, 2, 3]]
    with pytest.raises(ModelError) as error:
        file.run(np.array([[0.5, 0, 2, 3]], np.float32))
    remedy = "give whole numbers; bytes are scaled to 0..1 by default, and int32 is not"
    assert str(error.value) == f"the file takes whole numbers for 'x' (int32), and the samples have fractions; {remedy}"


def test_a_file_that_is_none_is_refused():
    with pytest.raises(ModelError, match="LiteRT cannot open the file"):
        LiteRTModel(b"nonsense")
