"""A file in float32 is held against its Keras model: rounding is taken, and anything else names the layer at fault."""

import numpy as np
import pytest

from compressor.base.errors import StepError
from compressor.data import ArraySplit
from compressor.measure.float_file import refuse_other_outputs
from compressor.measure.typical_samples import typical_samples
from compressor.models.litert.conversion.converter import to_litert

GENERATOR = np.random.default_rng(0)
SAMPLES = GENERATOR.normal(size=(12, 3, 4)).astype(np.float32)


@pytest.fixture
def columns_in_turn(tensorflow):
    """A layer that the converter gets wrong: it is hidden in a function, where it is not rewritten."""
    import tf_keras

    tf = tensorflow

    class ColumnsInTurn(tf_keras.layers.Layer):
        @tf.function
        def call(self, x):
            return tf.concat(tf.unstack(x, axis=2), axis=1)

    return ColumnsInTurn


def model_of(*layers, name=None):
    import tf_keras

    inputs = outputs = tf_keras.Input(SAMPLES.shape[1:], name="grid")
    for layer in layers:
        outputs = layer(outputs)
    return tf_keras.Model(inputs, outputs, name=name)


def checked(model, content=None, samples=SAMPLES):
    return refuse_other_outputs(content or to_litert(model), model, samples, "the model 'net'")


def dense(units, name, **options):
    from tf_keras import layers

    return layers.Dense(units, name=name, **options)


def test_a_layer_that_the_converter_gets_wrong_is_named_with_the_operator_it_became(columns_in_turn):
    model = model_of(dense(4, "before"), columns_in_turn(name="columns"), dense(2, "after"))
    with pytest.raises(StepError) as error:
        checked(model)
    first, rest = str(error.value).split(" differ by ")
    assert first == "the model 'net': the file computes something else than the Keras model; outputs"
    assert rest.endswith(
        " of the largest, and rounding explains 0.01 %; they part at the layer 'columns', which the file computes by "
        "RESHAPE; write that layer with other operations, or take it out"
    )
    assert error.value.exit_code == 4


def test_a_layer_within_a_model_within_the_model_is_named_by_its_path(columns_in_turn):
    inner = model_of(columns_in_turn(name="columns"), name="backbone")
    with pytest.raises(
        StepError, match="they part at the layer 'backbone/columns', which the file computes by RESHAPE;"
    ):
        checked(model_of(dense(4, "before"), inner, dense(2, "after")))


def test_outputs_are_held_against_their_own_size_however_small(columns_in_turn):
    model = model_of(columns_in_turn(name="columns"), dense(2, "tiny"))
    model.set_weights([weight * 1e-9 for weight in model.get_weights()])
    with pytest.raises(StepError, match="they part at the layer 'columns', which the file computes by RESHAPE;"):
        checked(model)


def test_a_file_of_other_weights_is_refused_though_no_layer_is_at_fault(tensorflow):
    model = model_of(dense(2, "only"))
    content = to_litert(model)
    model.set_weights([-weight for weight in model.get_weights()])
    with pytest.raises(StepError) as error:
        checked(model, content)
    assert str(error.value) == (
        "the model 'net': the file computes something else than the Keras model; outputs differ by 200 % of the "
        "largest, and rounding explains 0.01 %; take layers out of the model, to find the one that the LiteRT "
        "converter gets wrong"
    )


def test_outputs_that_are_not_finite_in_the_file_alone_are_refused(tensorflow):
    model = model_of(dense(2, "only"))
    weights = model.get_weights()
    model.set_weights([weights[0] * np.nan, weights[1]])
    content = to_litert(model)
    model.set_weights(weights)
    with pytest.raises(StepError, match="outputs are not finite in the file; take layers out"):
        checked(model, content)


def test_what_a_deep_model_makes_of_rounding_is_taken(tensorflow):
    from tf_keras import layers

    sharp = layers.Lambda(lambda x: tensorflow.sin(5_000 * x))
    model = model_of(dense(256, "wide"), dense(64, "narrow"), sharp, dense(1, "end"))
    assert checked(model) == ()


def test_a_decision_that_rounding_tips_is_not_judged(tensorflow):
    from tf_keras import layers

    model = model_of(dense(64, "scores"), layers.Lambda(lambda x: tensorflow.cast(tensorflow.argmax(x, -1), "float32")))
    assert checked(model) == ()


def test_a_model_that_draws_random_numbers_cannot_be_judged_and_says_so(tensorflow):
    from tf_keras import layers

    noise = layers.Lambda(lambda x: x + tensorflow.random.normal(tensorflow.shape(x)))
    assert checked(model_of(dense(4, "first"), noise)) == (
        "the file cannot be held against the Keras model, whose outputs rounding or random numbers decide",
    )


def test_a_layer_that_mixes_the_samples_of_a_batch_is_named(tensorflow):
    from tf_keras import layers

    together = layers.Lambda(lambda x: tensorflow.math.l2_normalize(x), name="together")
    assert checked(model_of(dense(4, "first"), together, dense(2, "last"))) == (
        "the Keras model mixes the samples of a batch at the layer 'together', so that its outputs depend on the batch "
        "size; the file is measured with one sample a call",
    )


def test_a_sample_that_a_layer_refuses_is_left_out(tensorflow):
    from tf_keras import layers

    def positive(x):
        with tensorflow.control_dependencies([tensorflow.debugging.assert_positive(x)]):
            return tensorflow.identity(x)

    model = model_of(layers.Lambda(positive), dense(2, "end"))
    content, samples = to_litert(model_of(model.layers[-1])), np.abs(SAMPLES) + 1
    samples[3] = -1
    assert checked(model, content, samples) == ()


def test_random_samples_stay_within_the_range_of_each_column_and_are_whole_where_the_data_is():
    table = np.stack([GENERATOR.uniform(5, 6, 100), GENERATOR.integers(0, 3, 100)], 1).astype(np.float32)
    samples = typical_samples(ArraySplit({"a": table, "b": np.round(table)}, np.zeros(100)), also=[99])
    assert {name: len(array) for name, array in samples.items()} == {"a": 9, "b": 9}
    np.testing.assert_array_equal(samples["a"][:5], table[[0, 1, 2, 3, 99]])
    random = samples["a"][5:]
    assert ((random[:, 0] >= 5) & (random[:, 0] <= 6) & (random[:, 1] >= 0) & (random[:, 1] <= 3)).all()
    np.testing.assert_array_equal(samples["b"], np.round(samples["b"]))
    again = typical_samples(ArraySplit({"a": table, "b": np.round(table)}, np.zeros(100)), also=[99])
    np.testing.assert_array_equal(again["a"], samples["a"])
