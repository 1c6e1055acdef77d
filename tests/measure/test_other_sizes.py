"""A file keeps open what its model left open, if it computes the same at another size, and else says why not."""

import numpy as np
import pytest

from compressor.measure.other_sizes import with_open_sizes
from compressor.models.files.fixed_sizes import resized
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.reading.open_sizes import open_inputs
from compressor.models.litert.running.interpreter import LiteRTModel

DRAW = np.random.default_rng(0)


def opened(model, *shape):
    """The file of a model that is built for samples of a shape, with open sizes where it can, and the note on it."""
    (name,) = model.input_names
    fixed, was_open = resized(model, {name: shape}, "the model"), {name: model.input_shape[1:]}
    samples = DRAW.random((2, *shape), np.float32)
    return with_open_sizes(to_litert(fixed), fixed, was_open, samples, {})


def image_model(build):
    import tf_keras

    image = tf_keras.Input((None, None, 3), name="image")
    return tf_keras.Model(image, build(image))


def up(interpolation):
    from tf_keras import layers

    return lambda x: layers.UpSampling2D((2, 3), interpolation=interpolation)(layers.Conv2D(2, 3, 2, "same")(x))


def transposed(padding, size, stride):
    from tf_keras import layers

    return lambda x: layers.Conv2DTranspose(2, size, stride, padding, activation="relu")(x)


def scaled(x):
    """A map of features times their means, and any size resized to one."""
    from tf_keras import layers

    x = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.Multiply()([x, layers.GlobalAveragePooling2D(keepdims=True)(x)])
    return layers.Resizing(12, 12)(x)


@pytest.mark.parametrize(
    ("build", "tried"),
    [
        (lambda: up("nearest"), "16 x 20"),
        (lambda: up("bilinear"), "16 x 20"),
        (lambda: transposed("same", 3, 2), "16 x 20"),
        (lambda: transposed("valid", 3, 2), "16 x 20"),
        (lambda: transposed("valid", 2, (1, 3)), "16 x 20"),
        (lambda: scaled, "16 x 20"),
    ],
)
def test_a_file_computes_at_other_sizes_what_the_model_computes_there(tensorflow, build, tried):
    model = image_model(build())
    content, note = opened(model, 8, 10, 3)
    assert note == f"the file takes other sizes, too; held against the Keras model with 'image' at {tried} x 3"
    file = LiteRTModel(content)
    assert file.inputs[0].shape == (1, 8, 10, 3)
    for shape in ((3, 8, 10, 3), (1, 12, 6, 3), (2, 20, 32, 3)):
        samples = DRAW.random(shape, np.float32)
        np.testing.assert_allclose(file.run(samples), model(samples), atol=1e-5)


def test_convolutions_over_any_number_of_steps_stay_open(tensorflow):
    import tf_keras
    from tf_keras import layers

    steps = tf_keras.Input((None, 4), name="steps")
    model = tf_keras.Model(steps, layers.Conv1D(3, 3)(layers.Conv1D(4, 3, padding="causal", dilation_rate=2)(steps)))
    content, note = opened(model, 10, 4)
    assert note == "the file takes other sizes, too; held against the Keras model with 'steps' at 20 x 4"
    for shape in ((3, 10, 4), (2, 7, 4), (1, 33, 4)):
        samples = DRAW.random(shape, np.float32)
        np.testing.assert_allclose(LiteRTModel(content).run(samples), model(samples), atol=1e-5)


def test_the_signature_of_an_open_file_says_so(tensorflow):
    from ai_edge_litert.interpreter import Interpreter

    content, _ = opened(image_model(up("nearest")), 8, 10, 3)
    interpreter = Interpreter(model_content=content)
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert taken["shape_signature"].tolist() == [1, -1, -1, 3]
    assert given["shape_signature"].tolist() == [1, -1, -1, 2]
    assert open_inputs(content) == {}  # it runs as it is, with the sizes that it was made for


def test_large_sizes_are_tried_at_half(tensorflow):
    _, note = opened(image_model(transposed("same", 2, 2)), 128, 192, 3)
    assert note.endswith("held against the Keras model with 'image' at 64 x 96 x 3")


def test_a_file_that_cannot_take_other_sizes_stays_as_it_is_and_says_why(tensorflow):
    import tf_keras
    from tf_keras import layers

    steps = tf_keras.Input((None, 4), name="steps")
    model = tf_keras.Model(steps, layers.LSTM(3)(layers.Conv1D(4, 3, padding="same")(steps)))
    content, note = opened(model, 10, 4)
    assert note == (
        "the file takes 'steps' at 10 x 4 alone; with 'steps' at 20 x 4 it fails at the operator "
        "UNIDIRECTIONAL_SEQUENCE_LSTM that makes 'tfl.unidirectional_sequence_lstm'"
    )
    assert LiteRTModel(content).run(DRAW.random((1, 10, 4), np.float32)).shape == (1, 3)


def test_a_model_that_has_a_size_of_its_own_inside_is_told_by_its_layer(tensorflow):
    import tf_keras
    from tf_keras import layers

    steps = tf_keras.Input((None, 4), name="steps")
    model = tf_keras.Model(steps, layers.Reshape((5, 8), name="pairs")(steps))
    assert opened(model, 10, 4)[1] == (
        "the file takes 'steps' at 10 x 4 alone, since a layer has a size of its own "
        '(Exception encountered when calling layer "pairs" (type Reshape))'
    )
