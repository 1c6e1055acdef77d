"""Declared steps: what each does, the same for training as for evaluation, and told where they do not fit."""

import numpy as np
import pytest
from reading import inputs_of, refusal, trained_on

from compressor.data import ArraySplit
from compressor.data.prepared_splits import run_data
from compressor.data.split import Split, Splits

IMAGES = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)


@pytest.fixture
def after(section):
    """A function: what the model gets of some inputs after the steps."""

    def prepare(inputs, *steps, labels=None):
        labels = np.arange(len(inputs)) if labels is None else labels
        split = ArraySplit(inputs, labels)
        data = run_data("d", Splits(split, split, split), section(preprocess=list(steps)), seed=0, smoke=False)
        return next(data.test.batches(len(inputs)))

    return prepare


def test_rescale_multiplies_and_then_adds(after):
    assert after(np.array([[0], [4]]), {"rescale": {"scale": 0.5, "offset": -1}})[0].tolist() == [[-1.0], [1.0]]
    assert after(np.array([[0], [4]]), {"rescale": 0.25})[0].tolist() == [[0.0], [1.0]]


def test_normalize_takes_a_number_or_one_for_each_channel(after):
    table = np.array([[1.0, 10.0], [3.0, 30.0]])
    assert after(table, {"normalize": {"mean": 1, "std": 2}})[0].tolist() == [[0.0, 4.5], [1.0, 14.5]]
    assert after(table, {"normalize": {"mean": [1, 10], "std": [2, 20]}})[0].tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_normalize_adapts_to_the_training_split_after_the_steps_before_it(section):
    generator = np.random.default_rng(0)
    train = ArraySplit(generator.normal(5, 3, (500, 4)).astype(np.float32), np.zeros(500))
    test = ArraySplit(np.full((3, 4), 10.0), np.zeros(3))
    steps = [{"rescale": 2.0}, {"normalize": "adapt"}]
    data = run_data("d", Splits(train, test, test), section(preprocess=steps), seed=0, smoke=False)
    seen = inputs_of(data.train)
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(seen.std(axis=0), 1, atol=1e-6)
    own = 2 * np.asarray(train.samples.inputs, np.float64)
    np.testing.assert_allclose(inputs_of(data.test)[0], (20 - own.mean(axis=0)) / own.std(axis=0), rtol=1e-5)


def test_normalize_leaves_a_column_that_never_changes_at_zero(after):
    assert after(np.array([[7.0, 1.0], [7.0, 3.0]]), {"normalize": "adapt"})[0].tolist() == [[0.0, -1.0], [0.0, 1.0]]


def test_normalize_measures_colors_one_by_one_and_grey_images_as_a_whole(section):
    for inputs, count in ((IMAGES, 3), (IMAGES[..., 0], 1)):
        split = ArraySplit(inputs, np.zeros(2))
        data = run_data("d", Splits(split, split, split), section(preprocess=[{"normalize": "adapt"}]), 0, False)
        (step,) = data.train.preprocessing
        assert len(step.mean) == len(step.std) == count


def test_resize_works_with_and_without_channels(after):
    assert after(IMAGES, {"resize": [2, 6]})[0].shape == (2, 2, 6, 3)
    assert after(IMAGES[..., 0], {"resize": {"size": [8, 8], "method": "nearest"}})[0].shape == (2, 8, 8)


def test_pad_goes_to_a_shape_at_both_ends_or_at_the_end(after):
    assert after(np.array([[5, 6]]), {"pad": [5]})[0].tolist() == [[0.0, 5.0, 6.0, 0.0, 0.0]]
    assert after(np.array([[5, 6]]), {"pad": {"to": [4], "where": "end", "value": -1}})[0].tolist() == [[5, 6, -1, -1]]


def test_cast_rounds_and_cuts_off_at_the_ends_of_the_type(after):
    assert after(np.array([[-3.2, 1.5, 2.5, 300.0]]), {"cast": "uint8"})[0].tolist() == [[0.0, 2.0, 2.0, 255.0]]
    assert after(np.array([[1.0001]]), {"cast": "float16"})[0].tolist() == [[1.0]]


def test_expand_and_squeeze_add_and_take_away_an_axis(after):
    assert after(IMAGES[..., 0], {"expand": -1})[0].shape == (2, 4, 4, 1)
    assert after(IMAGES[..., 0], {"expand": 1})[0].shape == (2, 1, 4, 4)
    assert after(IMAGES[..., :1], {"squeeze": -1})[0].shape == (2, 4, 4)


def test_one_hot_works_on_the_labels(after):
    inputs, labels = after(np.array([[1.0], [2.0]]), {"one_hot": 3}, labels=np.array([2, 0], np.uint8))
    assert inputs.tolist() == [[1.0], [2.0]]
    assert labels.tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def test_a_step_may_be_for_one_of_several_inputs(after):
    inputs = {"image": IMAGES, "tokens": np.array([[1, 2], [3, 4]])}
    found, _ = after(
        inputs, {"resize": {"size": [2, 2], "only": "image"}}, {"rescale": {"scale": 2.0, "only": "tokens"}}
    )
    assert found["image"].shape == (2, 2, 2, 3)
    assert found["tokens"].tolist() == [[2.0, 4.0], [6.0, 8.0]]


@pytest.mark.parametrize(
    "steps",
    [
        [{"rescale": 0.0039}],
        [{"rescale": {"scale": 0.0039, "offset": 0.1}}, {"normalize": {"mean": [0.4, 0.5, 0.6], "std": 0.3}}],
        [
            {"normalize": "adapt"},
            {"rescale": {"scale": 1.7, "offset": 0.3}},
            {"rescale": {"scale": 0.9, "offset": 0.7}},
        ],
        [{"resize": [5, 7]}, {"rescale": 0.0039}, {"cast": "float16"}],
        [{"resize": {"size": [9, 3], "method": "bicubic"}}, {"cast": "uint8"}, {"pad": [9, 9]}, {"normalize": "adapt"}],
    ],
    ids=["rescale", "offset and mean", "chain", "resize", "all"],
)
def test_training_calibration_and_evaluation_see_the_same_bits(tensorflow, section, steps):
    images = np.random.default_rng(1).integers(0, 256, (40, 8, 8, 3), np.uint8)
    split = ArraySplit(images, np.arange(40))
    data = run_data("d", Splits(split, split, split), section(preprocess=steps), seed=0, smoke=False)
    whole, _ = next(data.train.batches(40))
    alone = np.concatenate([inputs for inputs, _ in data.train.batches(1)])
    by_keras = np.concatenate([inputs for inputs, _ in data.train.evaluation_batches(16).as_numpy_iterator()])
    np.testing.assert_array_equal(alone, whole)
    np.testing.assert_array_equal(by_keras, whole)
    for inputs, labels in trained_on(data.train, batch_size=16):
        np.testing.assert_array_equal(inputs, whole[labels])


def test_bytes_are_scaled_to_0_1_unless_steps_are_declared(section):
    split = Split(ArraySplit(IMAGES, np.zeros(2)).samples)
    splits = Splits(split, split, split)
    assert inputs_of(run_data("d", splits, section(), 0, False).test).max() == np.float32(95) * np.float32(1 / 255)
    assert inputs_of(run_data("d", splits, section(preprocess=[]), 0, False).test).max() == 95.0


def test_steps_come_after_those_that_a_data_set_has_of_its_own(section):
    split = ArraySplit(np.array([[2.0]]), np.zeros(1), scale=0.5)
    splits = Splits(split, split, split)
    declared = section(preprocess=[{"rescale": {"scale": 10.0, "offset": 1}}])
    assert inputs_of(run_data("d", splits, declared, 0, False).test).tolist() == [[11.0]]


def test_steps_are_part_of_the_fingerprint(section):
    split = ArraySplit(IMAGES, np.zeros(2))

    def fingerprints(**values):
        data = run_data("d", Splits(split, split, split), section(**values), seed=0, smoke=False)
        return data.training_fingerprint, data.test.fingerprint

    plain, scaled = fingerprints(), fingerprints(preprocess=[{"rescale": 2.0}])
    flipped = fingerprints(augment=[{"flip": "horizontal"}])
    assert plain == fingerprints()
    assert plain[0] != scaled[0]
    assert plain[1] != scaled[1]
    assert plain[0] != flipped[0]
    assert plain[1] == flipped[1]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"resize": [4, 4]},
            "'resize' takes images of shape (height, width) or (height, width, channels), not samples of (3,); "
            "remove it, or name the input that holds the images with 'only'",
        ),
        (
            {"pad": [2]},
            "'pad' fills up to [2], which does not hold samples of shape (3,); pad to at least that, or resize first",
        ),
        ({"squeeze": -1}, "'squeeze' removes an axis of size 1, and the samples have the shape (3,); remove it"),
        (
            {"normalize": {"mean": [1, 2], "std": [1, 2]}},
            "'normalize' has 2 numbers, and the samples have 3 channels or columns; "
            "give one number for each, or one for all",
        ),
        (
            {"rescale": {"scale": 2.0, "only": "image"}},
            "a step is only for 'image', and the data has one array, without a name; correct 'only', or leave it out",
        ),
        (
            {"normalize": {"mean": "adapt", "only": "image"}},
            "a step is only for 'image', and the data has one array, without a name; correct 'only', or leave it out",
        ),
    ],
)
def test_a_step_that_does_not_fit_the_data_says_so(after, step, message):
    assert refusal(after, np.zeros((2, 3)), step) == message
