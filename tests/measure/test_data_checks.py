"""Data is held against the model before anything is trained, and the mend is in the message."""

import numpy as np
import pytest
from small_litert_files import litert_file, tensor

from compressor.base.errors import DataError
from compressor.data import ArraySplit
from compressor.data.prepared_splits import RunData, run_data
from compressor.data.preprocess import Rescale
from compressor.data.samples import ArraySamples
from compressor.data.section import DataSection
from compressor.data.split import Split, Splits
from compressor.measure.data_checks import check_fit
from compressor.models.files.inputs_and_outputs import Ends, ends_of

SPARSE, ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"


def data(inputs, labels, test_labels=None, **steps):
    train = Split(ArraySamples(inputs, labels), **steps) if steps else ArraySplit(inputs, labels)
    test = ArraySplit(inputs, labels if test_labels is None else test_labels)
    return RunData("d", train, train, test, by_default=train.steps is None)


def images(*shape, count=8):
    return np.linspace(0, 1, count * int(np.prod(shape)), dtype=np.float32).reshape(count, *shape)


def ends(inputs=(28, 28, 1), outputs=(10,), **more):
    return Ends({"image": inputs}, {"dense": outputs}, **more)


def refusal(*arguments, **named):
    with pytest.raises(DataError) as caught:
        check_fit(*arguments, **named)
    return str(caught.value)


CLASSES = np.arange(8) % 3
SEVERAL = np.eye(10)[CLASSES] + np.eye(10)[CLASSES + 1]


def test_data_that_fits_passes_without_a_word():
    assert check_fit(ends(), data(images(28, 28, 1), CLASSES), SPARSE, batch_size=8) == []


def test_the_ends_of_a_keras_model_are_read(small_cnn):
    assert ends_of(small_cnn()) == Ends({"image": (28, 28)}, {"dense": (10,)}, endings={"dense": "linear"})


def test_a_model_with_several_ends_and_a_rescaling_is_read(tensorflow):
    import tf_keras
    from tf_keras import layers

    a, b = layers.Input((4, 4, 1), name="a"), layers.Input((None,), name="b")
    x = layers.Flatten()(layers.Rescaling(1 / 255)(a))
    model = tf_keras.Model({"a": a, "b": b}, [layers.Dense(2, name="kind")(x), layers.Dense(1, name="size")(x)])
    endings = {"kind": "linear", "size": "linear"}
    assert ends_of(model) == Ends({"a": (4, 4, 1), "b": (None,)}, {"kind": (2,), "size": (1,)}, "of pixels", endings)


@pytest.mark.parametrize(("spread", "scaling"), [(70, "of pixels"), (0.3, "own")])
def test_a_normalization_tells_by_its_variance_whether_it_is_for_pixels(tensorflow, spread, scaling):
    import tf_keras
    from tf_keras import layers

    normalization = layers.Normalization(mean=[spread] * 3, variance=[spread**2] * 3)
    model = tf_keras.Sequential([layers.InputLayer((4, 4, 3)), normalization, layers.Flatten(), layers.Dense(2)])
    assert ends_of(model).scaling == scaling


def test_a_file_does_not_tell_whether_it_rescales_pixels():
    pixels = np.tile(np.arange(256, dtype=np.float32).reshape(16, 16, 1), (8, 1, 1, 1))
    assert check_fit(ends((16, 16, 1), scaling="untold"), data(pixels, CLASSES), None) == [
        "the inputs are whole numbers from 0 to 255, like pixels, and the model does not tell whether it rescales "
        "them; most models are trained for 0..1: add 'preprocess: [{rescale: 0.00392156862745098}]' under data"
    ]


@pytest.mark.parametrize(
    ("found", "wanted", "mend"),
    [
        ((28, 28), (28, 28, 1), "add 'preprocess: [{expand: -1}]' under data"),
        ((28, 28, 1), (28, 28), "add 'preprocess: [{squeeze: -1}]' under data"),
        ((28, 28, 3), (96, 96, 3), "add 'preprocess: [{resize: [96, 96]}]' under data"),
        (
            (28, 28, 3),
            (28, 28, 1),
            "make them grayscale (an image folder: 'with: {color: grayscale}' under data), "
            "or give the model 3 channels",
        ),
        (
            (28, 28, 1),
            (28, 28, 3),
            "make them rgb (an image folder: 'with: {color: rgb}' under data), or give the model 1 channel",
        ),
        (
            (28, 28),
            (28, 28, 3),
            "they have no channels: repeat each pixel where the data is made, as numpy.stack([x, x, x], axis=-1) does",
        ),
        ((5,), (7,), "choose as many columns as the model has inputs, or build the model for the data"),
        ((5, 2, 2), (7,), "bring the data to that shape, or build the model for this one"),
    ],
)
def test_a_shape_that_does_not_fit_is_told_with_the_mend(found, wanted, mend):
    spelt = str(wanted)
    assert refusal(ends(wanted), data(images(*found), CLASSES), SPARSE) == (
        f"the training data has samples of shape {found}, and the model wants {spelt}; {mend}"
    )


def test_a_size_that_may_vary_takes_any():
    assert check_fit(ends((None, None, 3)), data(images(5, 6, 3), CLASSES), SPARSE) == []
    assert refusal(ends((None, 3)), data(images(5), CLASSES), SPARSE).startswith(
        "the training data has samples of shape (5,), and the model wants (any, 3); "
    )


def test_fractions_for_an_input_of_whole_numbers_are_refused_with_the_mend():
    whole = ends(whole={"image": "uint8"})
    pixels = np.arange(8 * 784, dtype=np.float32).reshape(8, 28, 28, 1) % 256
    assert check_fit(whole, data(pixels, CLASSES), SPARSE) == []
    what = "the model takes whole numbers for 'image' (uint8), and the training data has 0.00392157"
    assert refusal(whole, data(pixels / 255, CLASSES), SPARSE) == f"{what}; give whole numbers"
    stored = ArraySplit(pixels.astype(np.uint8), CLASSES, 1 / 255)
    scaled = RunData("d", stored, stored, stored, by_default=True)
    mend = "add 'preprocess: []' under data, which leaves bytes as they are"
    assert refusal(whole, scaled, SPARSE) == f"{what}; {mend}"


def test_the_type_of_an_input_of_whole_numbers_is_read(tensorflow):
    import tf_keras

    inputs = [tf_keras.Input((3,), dtype="uint8", name="a"), tf_keras.Input((3,), name="b")]
    model = tf_keras.Model(inputs, tf_keras.layers.Add()([tf_keras.backend.cast(inputs[0], "float32"), inputs[1]]))
    assert ends_of(model).whole == {"a": "uint8"}
    plain, quantized = (tensor("x", (1, 4), scales=scales) for scales in ((), [0.5]))
    for end, whole in ((plain, {"x": "int8"}), (quantized, {})):
        assert ends_of(litert_file([end, tensor("y", (1, 4))], [("RELU", [0], [1])], [0], [1])).whole == whole


def test_several_inputs_go_by_their_names():
    two = Ends({"a": (2,), "b": (3, 3, 1)}, {"out": (10,)})
    found = {"a": images(2), "b": images(3, 3)}
    assert refusal(two, data(found, CLASSES), SPARSE) == (
        "the training data has samples of shape (3, 3) for 'b', and the model wants (3, 3, 1); "
        "add 'preprocess: [{expand: {axis: -1, only: b}}]' under data"
    )
    assert refusal(two, data({"a": images(2), "c": images(3)}, CLASSES), SPARSE) == (
        "the model has the inputs 'a', 'b', and the data has 'a', 'c'; give both the same names"
    )
    assert refusal(two, data(images(2), CLASSES), SPARSE) == (
        "the model has the inputs 'a', 'b', and the data has one, without a name; give a dict of arrays by these names"
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_with_their_place(value):
    broken = images(5)
    broken[3, 2] = value
    assert refusal(ends((5,)), data(broken, CLASSES), SPARSE) == (
        "the inputs of sample 3 of the training data (the first is 0) hold NaN or infinity; "
        "remove that sample, or fill it in"
    )


@pytest.mark.parametrize(
    ("labels", "loss", "message"),
    [
        (
            np.arange(8) * 14,
            SPARSE,
            "the training labels have gaps (0, 14, 28, 42, 56, 70, 84, 98), and the model has 10 outputs, for 0 to 9; "
            "number these 8 classes 0 to 7, as y = numpy.unique(y, return_inverse=True)[1] does; "
            "or give the model 99 outputs",
        ),
        (
            np.arange(8) + 3,
            SPARSE,
            "the training labels go from 3 to 10, and the model has 10 outputs, for 0 to 9; number them from 0",
        ),
        (
            np.array([0, 1, -1, 1, 0, 1, 0, 1]),
            SPARSE,
            "the training labels go down to -1, and classes count from 0; number them from 0",
        ),
        (
            np.eye(10)[CLASSES],
            SPARSE,
            "the labels are one-hot, (10,), and 'sparse_categorical_crossentropy' takes class numbers; "
            "set 'training.loss: categorical_crossentropy', or give class numbers",
        ),
        (
            CLASSES,
            ONE_HOT,
            "the labels are class numbers, and 'categorical_crossentropy' takes one-hot ones; set 'training.loss: "
            "sparse_categorical_crossentropy', or add 'preprocess: [{one_hot: 10}]' under data",
        ),
        (
            np.eye(4)[CLASSES],
            ONE_HOT,
            "the labels have 4 classes, and the model has 10 outputs; "
            "give the model as many outputs as there are classes",
        ),
        (
            CLASSES + 0.5,
            SPARSE,
            "the labels are not whole numbers, and 'sparse_categorical_crossentropy' takes class numbers; "
            "set 'training.loss: mean_squared_error', or another loss for numbers",
        ),
        (
            SEVERAL,
            SPARSE,
            "the labels are a 0 or a 1 for each output, with several classes in a sample or none, (10,), and "
            "'sparse_categorical_crossentropy' takes class numbers; "
            "set 'training.loss: binary_crossentropy', or give class numbers",
        ),
        (
            SEVERAL,
            ONE_HOT,
            "the labels are a 0 or a 1 for each output, with several classes in a sample or none, and "
            "'categorical_crossentropy' takes one-hot ones; set 'training.loss: binary_crossentropy'",
        ),
        (
            images(10) * 5,
            ONE_HOT,
            "the labels are a number for each output, and 'categorical_crossentropy' takes one-hot ones; "
            "set 'training.loss: mean_squared_error'",
        ),
        (
            images(3),
            "mse",
            "the labels have the shape (3,), and the model gives (10,); "
            "give labels of that shape, or choose another loss",
        ),
        (
            images(10) * 5,
            "binary_crossentropy",
            "the labels go from 0 to 5, and 'binary_crossentropy' takes 0 to 1; number the two classes 0 and 1, "
            "or set 'training.loss: sparse_categorical_crossentropy' for more of them",
        ),
    ],
)
def test_labels_that_do_not_fit_the_loss_or_the_outputs_are_refused(labels, loss, message):
    assert refusal(ends((5,)), data(images(5), labels), loss) == message


def test_a_softmax_of_one_number_is_refused_for_training():
    lone = ends((5,), (1,), endings={"dense": "softmax"})
    assert refusal(lone, data(images(5), CLASSES % 2), "binary_crossentropy") == (
        "the output 'dense' of the model is a softmax of one number, which is always 1; "
        "end the model in a sigmoid, or in two outputs"
    )
    assert check_fit(lone, data(images(5), CLASSES % 2), None) == []


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (
            CLASSES % 2,
            "go from 0 to 1, and the model has 1 output, for 0 alone; "
            "set 'training.loss: binary_crossentropy', or give the model 2 outputs",
        ),
        (
            CLASSES * 50,
            "go from 0 to 100, and the model has 1 output, for 0 alone; "
            "set 'training.loss: mean_squared_error', or give the model 101 outputs",
        ),
    ],
)
def test_a_model_with_one_output_is_trained_with_another_loss(labels, told):
    assert refusal(ends((5,), (1,)), data(images(5), labels), SPARSE) == f"the training labels {told}"


def test_every_split_s_labels_are_looked_at():
    late = np.array([0, 1, 2, 0, 1, 2, 0, 10])
    assert refusal(ends((5,)), data(images(5), CLASSES, late), SPARSE) == (
        "the test labels have gaps (0, 1, 2, 10), and the model has 10 outputs, for 0 to 9; "
        "number these 4 classes 0 to 3, as y = numpy.unique(y, return_inverse=True)[1] does; "
        "or give the model 11 outputs"
    )


@pytest.mark.parametrize(
    ("output", "labels", "loss"),
    [
        ((10,), np.eye(10)[CLASSES], ONE_HOT),
        ((10,), np.eye(10, dtype=np.float32)[CLASSES] * 0.9 + np.float32(0.01), ONE_HOT),
        ((6, 6, 3), np.zeros((8, 6, 6, 3)) + np.eye(3)[CLASSES][:, None, None], ONE_HOT),
        ((10,), SEVERAL, "binary_crossentropy"),
        ((10,), CLASSES[:, None], SPARSE),
        ((1,), CLASSES / 2, "mse"),
        ((1,), CLASSES % 2, "binary_crossentropy"),
        ((4,), images(4), "binary_crossentropy"),
        ((6, 6, 3), np.zeros((8, 6, 6), np.uint8) + np.arange(8, dtype=np.uint8)[:, None, None] % 3, SPARSE),
        ((10,), np.arange(8) + 90, None),
    ],
)
def test_labels_of_other_tasks_pass(output, labels, loss):
    assert check_fit(ends((5,), output), data(images(5), labels), loss) == []


def test_labels_for_several_outputs_go_by_their_names():
    two = Ends({"a": (5,)}, {"kind": (3,), "size": (1,)})
    assert check_fit(two, data(images(5), {"kind": CLASSES, "size": images(1)}), None) == []
    assert refusal(two, data(images(5), {"kind": CLASSES}), None) == (
        "the model has the outputs 'kind', 'size', and the data has labels for 'kind'; give both the same names"
    )


def test_pixels_that_nobody_scales_are_a_warning():
    pixels = np.arange(8 * 28 * 28, dtype=np.float32).reshape(8, 28, 28, 1) % 256
    assert check_fit(ends(), data(pixels, CLASSES), SPARSE) == [
        "the inputs are whole numbers from 0 to 255, like pixels, and the model does not rescale them; "
        "most models are trained for 0..1: add 'preprocess: [{rescale: 0.00392156862745098}]' under data"
    ]
    assert check_fit(ends(scaling="of pixels"), data(pixels, CLASSES), SPARSE) == []


def test_a_model_that_divides_pixels_is_not_given_divided_ones_without_a_word():
    bright = np.arange(8 * 28 * 28).reshape(8, 28, 28, 1) % 256
    dividing = ends(scaling="of pixels")
    divided = Rescale(scale=1 / 255)
    told = "the inputs go from 0 to 1, and the model divides pixels of 0 to 255 by itself; "
    assert check_fit(dividing, data(bright.astype(np.uint8), CLASSES, steps=None), SPARSE) == [
        f"{told}add 'preprocess: []' under data, which leaves bytes as they are"
    ]
    assert check_fit(dividing, data(bright.astype(np.float32), CLASSES, steps=(divided,)), SPARSE) == [
        f"{told}add '{{rescale: 255}}' at the end of 'preprocess' under data, or take out what divides them"
    ]
    assert check_fit(dividing, data(bright.astype(np.float32) / 255, CLASSES), SPARSE) == [
        f"{told}add 'preprocess: [{{rescale: 255}}]' under data"
    ]


def test_one_class_and_less_than_a_batch_are_warnings():
    assert check_fit(ends((5,)), data(images(5), np.full(8, 2)), SPARSE, batch_size=32) == [
        "all training labels are of class 2; a model learns nothing from one class",
        "all validation labels are of class 2; a model learns nothing from one class",
        "all test labels are of class 2; a model learns nothing from one class",
        "there are 8 training samples, fewer than a batch of 32; lower training.batch_size",
    ]


@pytest.mark.parametrize("loss", ["SparseCategoricalCrossentropy", SPARSE])
def test_a_loss_goes_by_any_of_its_names(loss):
    assert check_fit(ends(), data(images(28, 28, 1), CLASSES), loss) == []
    assert refusal(ends(outputs=(2,)), data(images(28, 28, 1), CLASSES), loss) == (
        "the training labels go from 0 to 2, and the model has 2 outputs, for 0 to 1; give the model 3 outputs"
    )


def test_all_values_in_memory_are_looked_at():
    inputs, labels = images(2, count=700), np.zeros((700, 1), np.float32)
    labels[690] = np.nan
    assert refusal(ends((2,), (1,)), data(inputs, labels), "mse") == (
        "the labels of sample 690 of the training data (the first is 0) hold NaN or infinity; "
        "remove that sample, or fill it in"
    )
    inputs[600] = np.inf
    assert refusal(ends((2,), (1,)), data(inputs, labels), "mse").startswith("the inputs of sample 600 of the training")


def test_labels_that_would_fill_the_memory_are_looked_at_in_part(monkeypatch):
    from compressor.data import samples

    masks = np.zeros((700, 4, 4), np.int64)
    masks[690] = 3  # which no model of two outputs has
    given = data(images(4, 4, 1, count=700), masks)
    assert refusal(ends((4, 4, 1), (4, 4, 2)), given, SPARSE).endswith(
        "number these 2 classes 0 to 1, as y = numpy.unique(y, return_inverse=True)[1] does; "
        "or give the model 4 outputs"
    )
    monkeypatch.setattr(samples, "IN_MEMORY_BYTES", 1000)
    assert check_fit(ends((4, 4, 1), (4, 4, 2)), given, SPARSE) == [
        f"all {name} labels are of class 0; a model learns nothing from one class"
        for name in ("training", "validation", "test")
    ]


def test_classes_with_gaps_that_are_more_than_the_outputs_need_both():
    labels = np.array([0, 1, 7, 9] * 2)
    assert refusal(ends((5,), (3,)), data(images(5), labels), SPARSE) == (
        "the training labels have gaps (0, 1, 7, 9), and the model has 3 outputs, for 0 to 2; "
        "number these 4 classes 0 to 3, as y = numpy.unique(y, return_inverse=True)[1] does, and give the model 4 "
        "outputs; or give the model 10 outputs"
    )


@pytest.mark.parametrize("bad", ["train", "test"])
def test_a_value_that_is_not_finite_is_told_by_its_place_before_any_draw(bad):
    inputs = np.linspace(0, 1, 120, dtype=np.float32).reshape(60, 2)
    inputs[37] = np.nan
    whole, good = (inputs, np.zeros(60)), (images(2, count=60), np.zeros(60))
    splits = Splits(whole) if bad == "train" else Splits(good, whole)
    messages = {
        refusal(ends((2,), (1,)), run_data("d", splits, DataSection(source="d"), seed, smoke=False), "mse")
        for seed in range(4)  # which draw it into each of the splits
    }
    of = "training" if bad == "train" else "test"
    assert messages == {
        f"the inputs of sample 37 of the {of} data (the first is 0) hold NaN or infinity; "
        "remove that sample, or fill it in"
    }


def test_bad_sample_weights_are_told_by_their_place():
    weights = np.ones(60)
    weights[12] = -1
    splits = Splits((images(2, count=60), np.zeros(60), weights))
    given = run_data("d", splits, DataSection(source="d"), 0, smoke=False)
    assert refusal(ends((2,), (1,)), given, "mse") == (
        "the weight of sample 12 of the training data (the first is 0) is -1.0; "
        "give numbers from 0 up; a sample of weight 1 counts once"
    )
    splits = Splits((images(2, count=60), np.zeros(60), np.zeros(60)))
    assert refusal(ends((2,), (1,)), run_data("d", splits, DataSection(source="d"), 0, smoke=False), "mse") == (
        "all sample weights of the training data are 0; give some that are above 0"
    )


def test_an_input_that_never_changes_is_told():
    assert check_fit(ends((2,), (1,)), data(np.full((8, 2), 0.5, np.float32), np.zeros(8)), "mse") == [
        "all inputs are 0.5 in all 8 training samples; a model learns nothing from that, and calibration sees no range"
    ]
    two = Ends({"a": (2,), "b": (2,)}, {"out": (1,)})
    given = data({"a": images(2, count=600), "b": np.zeros((600, 2), np.float32)}, np.zeros(600))
    assert check_fit(two, given, "mse") == [
        "the input 'b' is 0 in the first 512 training samples; a model learns nothing from that, and calibration sees "
        "no range"
    ]


def test_images_of_16_bits_in_a_narrow_range_are_told():
    pixels = np.linspace(29_952, 30_207, 8 * 16).astype(np.uint16).reshape(8, 4, 4, 1)
    labels = np.zeros(8)
    given = run_data("d", Splits((pixels, labels), (pixels, labels)), DataSection(source="d"), 0, smoke=False)
    assert check_fit(ends((4, 4, 1), (1,)), given, "mse") == [
        "the inputs go from 29,952 to 30,207 of 65,535, so that images hardly differ once scaled to 0..1: "
        "add 'preprocess: [{normalize: adapt}]' under data"
    ]
    wide = (np.linspace(0, 65_535, 128).astype(np.uint16).reshape(8, 4, 4, 1), labels)
    assert (
        check_fit(ends((4, 4, 1), (1,)), run_data("d", Splits(wide, wide), DataSection(source="d"), 0, False), "mse")
        == []
    )


def test_an_output_that_nothing_uses_needs_no_labels():
    two = Ends({"image": (2,)}, {"age": (3,), "state": (4,)})
    given = data(images(2), {"age": CLASSES})
    assert check_fit(two, given, None, used={"age"}) == []
    assert refusal(two, given, SPARSE, used={"age", "state"}) == (
        "the output 'state' has a loss, and the data has labels for 'age'; give labels for it, or name the outputs "
        "that learn: 'training.loss: {age: sparse_categorical_crossentropy}'"
    )
    assert refusal(two, data(images(2), {"ages": CLASSES}), None, used={"age"}) == (
        "the model has the outputs 'age', 'state', and the data has labels for 'ages'; give both the same names"
    )


def test_a_model_with_another_number_of_outputs_than_classes_is_told():
    labels = np.array(["bee", "cow"] * 4)
    given = run_data("d", Splits((images(5), labels), (images(5), labels)), DataSection(source="d"), 0, smoke=False)
    assert check_fit(ends((5,), (2,)), given, SPARSE) == []
    assert check_fit(ends((5,), (3,)), given, SPARSE) == [
        "the data has 2 classes (bee, cow), which are numbered from 0 in this order, and the model has 3 outputs; "
        "if it learned other classes too, give the training data along"
    ]
