"""A Keras model's outputs: those of `predict`, from one trace for batches of all sizes."""

import gc
import weakref

import numpy as np
import pytest

from compressor.measure.keras_outputs import keras_outputs, keras_outputs_alone


@pytest.fixture
def model(tensorflow):
    """A model of two inputs and two outputs, whose layer counts how often Python calls it."""
    import tf_keras

    tf_keras.utils.set_random_seed(0)

    class Counted(tf_keras.layers.Dense):
        calls = 0

        def call(self, inputs):
            Counted.calls += 1
            return super().call(inputs)

    left, right = tf_keras.Input((4,), name="left"), tf_keras.Input((), dtype="int32", name="right")
    hidden = Counted(3, name="hidden")(left)
    last = tf_keras.layers.Dense(2, name="last")(hidden * tf_keras.backend.cast(right, "float32")[:, None])
    return tf_keras.Model([left, right], [hidden, last])


def samples(count, dtype="float32"):
    draw = np.random.default_rng(count)
    return {"left": draw.random((count, 4)).astype(dtype), "right": draw.integers(0, 5, count)}


def test_it_is_traced_once_whatever_the_size_and_the_type_of_the_batch(model):
    cls = type(model.get_layer("hidden"))
    before, batches = cls.calls, [samples(5), samples(1), samples(7, "float64"), samples(3, "float16")]
    found = [keras_outputs(model, batch) for batch in batches]
    keras_outputs_alone(model, samples(6))
    assert cls.calls == before + 1
    for batch, outputs in zip(batches, found, strict=True):
        expected = model.predict(list(batch.values()), verbose=0)
        for name, values in zip(["hidden", "last"], expected, strict=True):
            np.testing.assert_allclose(outputs[name], values, atol=1e-6)


def test_new_weights_count(model):
    before = keras_outputs(model, samples(2))["last"]
    model.get_layer("last").bias.assign([1.0, -1.0])
    np.testing.assert_allclose(keras_outputs(model, samples(2))["last"], before + np.array([1, -1]), atol=1e-6)


def test_a_model_that_nobody_needs_is_not_kept(tensorflow):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.InputLayer((2,)), tf_keras.layers.Dense(1)])
    keras_outputs(model, np.zeros((1, 2)))
    seen = weakref.ref(model)
    del model
    gc.collect()
    assert seen() is None
