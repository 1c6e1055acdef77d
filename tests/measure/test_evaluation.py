"""A file is held against the model that it was made of, and a quantized one must run on the samples of both splits."""

import numpy as np
import pytest

from compressor.base.errors import StepError
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.data import ArraySplit
from compressor.measure.evaluation import measure
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor_plugins.metrics.regression import MSE

SIGNALS = np.random.default_rng(0).normal(0, 1, (60, 16)).astype(np.float32)
SILENT = SIGNALS * (np.arange(60) != 50)[:, None].astype(np.float32)


@pytest.fixture(scope="module")
def model(tensorflow):
    """A model that divides by the mean power of a signal."""
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    signal = tf_keras.Input((16,), name="signal")
    power = tensorflow.square(signal)
    share = power / tensorflow.reduce_mean(power, axis=1, keepdims=True)
    return tf_keras.Model(signal, tf_keras.layers.Dense(16, name="end")(share))


def measured(model, train, test):
    content = to_litert(model, Conversion("int8", calibration=iter([SIGNALS[i : i + 1] for i in range(60)])))
    train, test = ArraySplit(train, train), ArraySplit(test, test)
    metrics = [ConfiguredMetric.of(MSE())]
    return measure(content, test, metrics, None, "the model of the step 'ptq'", to_litert(model), train)


@pytest.mark.parametrize(("train", "test"), [(SILENT, SIGNALS), (SIGNALS, SILENT)])
def test_an_operator_that_fails_on_a_sample_of_either_split_fails_the_step(model, train, test):
    with pytest.raises(StepError) as error:
        measured(model, train, test)
    assert str(error.value) == (
        "the model of the step 'ptq': the file fails on samples of the data at the operator DIV that makes "
        "'tf.math.truediv/truediv' (tflite/kernels/div.cc:262 data[i] != zero_point was not true); keep that operator "
        "in float, by another precision, or write it with other operations"
    )


def test_a_file_that_runs_on_both_splits_is_held_against_the_one_that_it_was_made_of(model):
    agreement = measured(model, SIGNALS, SIGNALS).agreement
    assert agreement.signal_to_noise > agreement.least
    assert 20 < agreement.signal_to_noise < 50


def test_a_model_that_mixes_the_samples_of_a_batch_is_held_against_itself_one_sample_a_call(tensorflow):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    signal = tf_keras.Input((16,), name="signal")
    mixing = tf_keras.Model(signal, tf_keras.layers.Dense(4, name="end")(tensorflow.math.l2_normalize(signal)))
    split = ArraySplit(SIGNALS, np.zeros((60, 4), np.float32))
    measurement = measure(to_litert(mixing), split, [ConfiguredMetric.of(MSE())], mixing)
    assert measurement.agreement.signal_to_noise > 100
    assert measurement.remarks[0].startswith("the Keras model mixes the samples of a batch at the layer")
