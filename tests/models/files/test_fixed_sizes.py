"""Models that leave sizes open, built for fixed ones: the same layers and weights, or one clear refusal."""

import numpy as np
import pytest

from compressor.base.errors import ModelError
from compressor.models.files.fixed_sizes import chosen_sizes, input_sizes, resized


def message_of(action):
    with pytest.raises(ModelError) as caught:
        action()
    return str(caught.value)


@pytest.fixture
def nested(tensorflow):
    """A network of any height and width, with a model within a model in it, one layer frozen, and plain arithmetic."""
    import tf_keras

    layers = tf_keras.layers
    deep = tf_keras.Input((None, None, 4))
    deepest = tf_keras.Model(deep, layers.Conv2D(4, 3, padding="same", trainable=False)(deep), name="deepest")
    outer = tf_keras.Input((None, None, 4))
    inner = tf_keras.Model(outer, deepest(outer), name="inner")
    image = tf_keras.Input((None, None, 3), name="image")
    x = inner(layers.Conv2D(4, 3, 2, padding="same")(image))
    x = layers.Concatenate()([layers.UpSampling2D()(x) * 2.0, image])
    return tf_keras.Model(image, layers.Conv2D(1, 1)(x))


def test_a_model_keeps_its_layers_and_weights_at_the_size_that_it_is_built_for(nested):
    built = resized(nested, {"image": (8, 16, 3)}, "the model")
    assert built.input_shape == (None, 8, 16, 3)
    assert built.output_shape == (None, 8, 16, 1)
    assert [layer.name for layer in built._flatten_layers()] == [layer.name for layer in nested._flatten_layers()]
    assert built.get_layer("inner").get_layer("deepest").input_shape == (None, 4, 8, 4)
    assert [weight.name for weight in built.trainable_weights] == [weight.name for weight in nested.trainable_weights]
    samples = np.random.default_rng(0).random((2, 8, 16, 3), np.float32)
    np.testing.assert_array_equal(built(samples), nested(samples))
    assert nested.input_shape == (None, None, None, 3)


def test_a_sequence_model_gets_its_length(tensorflow):
    import tf_keras

    tf_keras.backend.clear_session()  # or the input would have another number in its name
    model = tf_keras.Sequential([tf_keras.layers.Conv1D(4, 3), tf_keras.layers.GRU(3)], name="steps")
    model.build((None, None, 8))
    built = resized(model, {"conv1d_input": (12, 8)}, "the model")
    assert (built.input_shape, built.name) == ((None, 12, 8), "steps")
    assert input_sizes(built) == {"conv1d_input": (12, 8)}
    samples = np.random.default_rng(0).random((2, 12, 8), np.float32)
    np.testing.assert_allclose(built(samples), model(samples), atol=1e-6)


def test_a_size_that_the_layers_cannot_take_is_refused_with_their_reason(nested):
    assert message_of(lambda: resized(nested, {"image": (15, 16, 3)}, "the model 'mine'")) == (
        "the model 'mine' cannot be built for inputs of 15 x 16 x 3 (A `Concatenate` layer requires inputs with "
        "matching shapes except for the concatenation axis. "
        "Received: input_shape=[(None, 16, 16, 4), (None, 15, 16, 3)]); "
        "choose sizes that its layers can halve and join again, such as multiples of 32, for the data too"
    )


def test_a_class_that_nobody_named_is_not_blamed_on_the_size(tensorflow):
    import tf_keras

    class Own(tf_keras.layers.Layer):
        def call(self, inputs):
            return inputs

    tokens = tf_keras.Input((None,))
    model = tf_keras.Model(tokens, Own()(tokens))
    assert message_of(lambda: resized(model, {model.input_names[0]: (4,)}, "the model 'mine'")) == (
        "the model 'mine' holds 'Own', which Keras does not know; "
        "name the module of your own classes under 'model.custom_objects', or save it again with tf_keras"
    )
    built = resized(model, {model.input_names[0]: (4,)}, "the model 'mine'", {"Own": Own})
    assert built.output_shape == (None, 4)


ONE, TWO = {"image": (None, None, 3)}, {"image": (None, None, 3), "age": (1,)}


@pytest.mark.parametrize(
    ("given", "own", "expected"),
    [
        ([64, 48, 3], ONE, {"image": (64, 48, 3)}),
        ({"image": [64, 48, 3]}, TWO, {"image": (64, 48, 3), "age": (1,)}),
        ([64, 48, 3], {"image": (64, 48, 3)}, {"image": (64, 48, 3)}),
    ],
)
def test_sizes_that_fit_are_taken(given, own, expected):
    assert chosen_sizes(given, own, "the model", "'model.input_shape'") == expected


@pytest.mark.parametrize(
    ("given", "own", "message"),
    [
        (
            [64, 48, 1],
            ONE,
            "the input 'image' of the model takes any x any x 3, and 'model.input_shape' gives 64 x 48 x 1; "
            "change only sizes that are open ('any')",
        ),
        (
            [64, 48],
            {"image": (32, 32)},
            "the input 'image' of the model takes 32 x 32, and 'model.input_shape' gives 64 x 48; "
            "remove 'model.input_shape'",
        ),
        (
            [64, 48, 3],
            TWO,
            "the model has the inputs 'image', 'age', and 'model.input_shape' gives one shape; "
            "give 'model.input_shape' by these names",
        ),
        (
            {"picture": [8]},
            TWO,
            "the model has no input 'picture', which 'model.input_shape' names; name one of image, age",
        ),
        (
            {"age": [1]},
            TWO,
            "the model leaves a size of its input 'image' open (any x any x 3), and 'model.input_shape' does not give "
            "it; add the shape of 'image' to 'model.input_shape'",
        ),
    ],
)
def test_sizes_that_do_not_fit_are_refused(given, own, message):
    assert message_of(lambda: chosen_sizes(given, own, "the model", "'model.input_shape'")) == message
