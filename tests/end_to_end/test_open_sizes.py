"""Models with open height, width or length go through all steps, at the size that the recipe or the data gives."""

import numpy as np
import pytest

import compressor
from compressor.base.errors import CompressorError
from compressor.models.files.fixed_sizes import resized
from compressor.models.files.keras_files import load_keras
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.recipe.problems import RecipeError
from compressor.run.cache.store import Cache
from compressor.run.forecast import forecast
from compressor.session import Session
from compressor_plugins.qat.qat import QAT

CHAIN = [{"uses": "prune"}, {"uses": "qat"}, {"uses": "ptq"}, {"uses": "slim"}, {"uses": "pack"}]
DRAW = np.random.default_rng(0)
IMAGES = DRAW.random((64, 16, 16, 3), np.float32)


def unet():
    import tf_keras
    from tf_keras import layers

    def block(x, filters):
        return layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(x)))

    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((None, None, 3), name="image")
    first = block(image, 4)
    second = block(layers.MaxPooling2D()(first), 6)
    up = layers.UpSampling2D()(block(layers.MaxPooling2D()(second), 8))
    up = layers.Conv2DTranspose(4, 2, 2, padding="same")(block(layers.Concatenate()([up, second]), 6))
    mask = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(layers.Concatenate()([up, first]))
    return tf_keras.Model(image, mask)


def steps():
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    convolution = layers.Conv1D(8, 3, padding="same", activation="relu")
    return tf_keras.Sequential([tf_keras.Input((None, 8), name="steps"), convolution, layers.LSTM(4), layers.Dense(3)])


def convolutions():
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    first = layers.Conv1D(8, 3, padding="same", activation="relu")
    second = layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu")
    given = tf_keras.Input((None, 8), name="steps")
    return tf_keras.Sequential([given, first, second, layers.GlobalAveragePooling1D(), layers.Dense(3)])


def upscaler():
    import tensorflow as tf
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    low = tf_keras.Input((None, None, 1), name="low")
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(low)
    return tf_keras.Model(low, tf.nn.depth_to_space(layers.Conv2D(4, 3, padding="same")(x), 2))


DATA = {
    "unet": (IMAGES, IMAGES.mean(-1, keepdims=True).round()),
    "steps": (DRAW.random((64, 10, 8), np.float32), DRAW.integers(0, 3, (64, 3))),
    "convolutions": (DRAW.random((64, 10, 8), np.float32), DRAW.random((64, 3), np.float32)),
    "upscaler": (IMAGES[..., :1], IMAGES[..., :1].repeat(2, 1).repeat(2, 2)),
}
SIZES = {
    "unet": "the input 'image' is built for 16 x 16 x 3, as the data has it",
    "steps": "the input 'steps' is built for 10 x 8, as the data has it",
    "upscaler": "the input 'low' is built for 16 x 16 x 1, as the data has it",
}


@pytest.fixture
def recipe_for(tensorflow, tmp_path):
    def recipe(build, *chain, **model):
        path = tmp_path / f"{build.__name__}.h5"
        build().save(path)
        x, y = DATA[build.__name__]
        np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x[:16], y_test=y[:16])
        return {
            "version": 1,
            "name": "open",
            "model": {"source": str(path), **model},
            "data": {"source": str(tmp_path / "data.npz")},
            "training": {"loss": "mse"},
            "evaluation": {"metrics": ["mse"]},
            "steps": [*chain],
        }

    return recipe


def load(path):
    return load_keras(path, objects())


def objects():
    return QAT(QAT.Params()).custom_objects()


def apply(recipe, folder, smoke=True):
    return compressor.apply(recipe, output=folder, smoke=smoke)[0]


def test_a_u_net_goes_through_all_steps(recipe_for, tmp_path):
    report = apply(recipe_for(unet, *CHAIN), tmp_path / "run")
    assert [row.id for row in report.stages] == ["baseline", "prune", "qat", "ptq", "slim", "pack"]
    assert report.stages[0].notes[0] == SIZES["unet"]
    assert report.stages[-1].sparsity > 0.45
    assert report.stages[-1].bytes < report.stages[0].bytes / 4
    inputs, labels = DATA["unet"]
    file = LiteRTModel((tmp_path / "run" / "model.tflite").read_bytes())
    assert file.run(inputs[:1]).shape == labels[:1].shape
    assert file.run(DRAW.random((1, 20, 36, 3), np.float32)).shape == (1, 20, 36, 1)


def test_a_recurrent_model_of_any_length_keeps_one_and_its_report_says_so(recipe_for, tmp_path):
    report = apply(recipe_for(steps, {"uses": "qat"}), tmp_path / "run")
    assert report.stages[0].notes[0] == SIZES["steps"]
    reason = (
        "the file takes 'steps' at 10 x 8 alone; with 'steps' at 20 x 8 it fails at the operator "
        "UNIDIRECTIONAL_SEQUENCE_LSTM that makes 'tfl.unidirectional_sequence_lstm'"
    )
    assert [note for note in report.stages[1].notes if note.startswith("the file takes")] == [reason]


def test_convolutions_of_any_length_stay_open_in_integers(recipe_for, tmp_path):
    report = apply(recipe_for(convolutions, {"uses": "qat"}), tmp_path / "run")
    assert report.stages[1].float_operators == 0
    file = LiteRTModel((tmp_path / "run" / "model.tflite").read_bytes())
    for length in (10, 7, 33):
        longer = DRAW.random((3, length, 8), np.float32)
        qat = resized(load(tmp_path / "run" / "stages" / "1-qat.h5"), {"steps": (length, 8)}, "it", objects())
        np.testing.assert_allclose(file.run(longer), qat(longer), atol=0.02)


def assert_open(run):
    """Hold the float and the int8 file of a run against the model, at a size that neither was made for."""
    larger = DRAW.random((2, 24, 40, 3), np.float32)
    expected = unet()(larger).numpy()
    exact, rounded = (
        LiteRTModel((run / "stages" / name).read_bytes()).run(larger) for name in ("0-baseline.tflite", "1-ptq.tflite")
    )
    np.testing.assert_allclose(exact, expected, atol=1e-5)
    assert 0 < np.sqrt(np.mean((rounded - expected) ** 2) / np.mean(expected**2)) < 0.01


def test_a_packed_file_keeps_its_sizes_open(recipe_for, tmp_path):
    report = apply(recipe_for(upscaler, *CHAIN), tmp_path / "run")
    assert report.stages[0].notes[0] == SIZES["upscaler"]
    larger = DRAW.random((3, 24, 40, 1), np.float32)
    trained, packed = (
        LiteRTModel((tmp_path / "run" / name).read_bytes()).run(larger)
        for name in ("stages/2-qat.tflite", "model.tflite")
    )
    assert trained.shape == (3, 48, 80, 1)
    np.testing.assert_array_equal(packed, trained)


def test_the_second_run_takes_all_from_the_cache_and_another_size_none(recipe_for, tmp_path):
    recipe = recipe_for(unet, {"uses": "ptq"})
    apply(recipe, tmp_path / "first")
    told = forecast(compressor.plan(recipe, smoke=True), Cache(tmp_path / "cache"))
    assert [(one.step_id, one.cached) for one in told] == [("ptq", True)]
    assert_open(tmp_path / "first")
    again = apply(recipe, tmp_path / "second")
    assert again.stages[1].cached
    assert again.stages[0].notes[0] == SIZES["unet"]
    np.savez(tmp_path / "data.npz", x_train=IMAGES[:, :8], y_train=IMAGES[:, :8, :, :1], x_test=IMAGES[:, :8],
             y_test=IMAGES[:, :8, :, :1])  # fmt: skip
    other = apply(recipe, tmp_path / "third")
    assert not other.stages[1].cached
    assert other.stages[0].notes[0] == "the input 'image' is built for 8 x 16 x 3, as the data has it"


def test_the_recipe_gives_the_size(recipe_for, tmp_path):
    report = apply(recipe_for(unet, input_shape=[16, 16, 3]), tmp_path / "run")
    assert report.stages[0].notes[0] == "the input 'image' is built for 16 x 16 x 3, as 'model.input_shape' says"


def test_a_session_takes_the_size_of_its_data(tensorflow):
    with Session(unet(), {"train": DATA["unet"], "test": DATA["unet"]}, metrics="mse", smoke=True, progress=False) as s:
        s.apply("ptq")
        assert s.report().stages[0].notes[0] == SIZES["unet"]


def refused(recipe, folder):
    with pytest.raises(CompressorError) as caught:
        apply(recipe, folder, smoke=False)
    return str(caught.value)


def test_what_cannot_work_is_refused_before_training(recipe_for, tmp_path):
    assert refused(recipe_for(unet, *CHAIN, input_shape=[14, 14, 3]), tmp_path / "a") == (
        "the model 'unet.h5' cannot be built for inputs of 14 x 14 x 3 (A `Concatenate` layer requires inputs with "
        "matching shapes except for the concatenation axis. Received: input_shape=[(None, 6, 6, 8), (None, 7, 7, 6)]); "
        "choose sizes that its layers can halve and join again, such as multiples of 32, for the data too"
    )
    assert refused(recipe_for(unet, *CHAIN, input_shape=[32, 32, 3]), tmp_path / "b") == (
        "the training data has samples of shape (16, 16, 3), and the model wants (32, 32, 3); "
        "add 'preprocess: [{resize: [32, 32]}]' under data"
    )
    recipe = recipe_for(unet, *CHAIN)
    np.savez(tmp_path / "data.npz", x_train=IMAGES[..., 0], y_train=IMAGES, x_test=IMAGES[..., 0], y_test=IMAGES)
    assert refused(recipe, tmp_path / "c") == (
        "the training data has samples of shape (16, 16), and the model wants (any, any, 3); they have no channels: "
        "repeat each pixel where the data is made, as numpy.stack([x, x, x], axis=-1) does"
    )


@pytest.mark.parametrize("shape", [[], [0, 16, 3], [16, None, 3], 16, {"image": 16}, {}, [16.0, 16, 3]])
def test_a_shape_that_is_none_is_a_problem_of_the_recipe(recipe_for, shape):
    with pytest.raises(RecipeError) as caught:
        compressor.plan(recipe_for(unet, input_shape=shape))
    assert str(caught.value) == (
        "error: 'model.input_shape': give the size of each axis of a sample, such as [64, 64, 3], "
        "or a mapping of these by input"
    )
