"""Augmentation: for training alone, and the same whenever the training is cut and goes on."""

import numpy as np
import pytest
from reading import inputs_of, trained_on

from compressor.data import ArraySplit
from compressor.data.prepared_splits import run_data
from compressor.data.split import Splits

ALL = [
    {"flip": "both"},
    {"shift": 0.1},
    {"rotate": 10},
    {"zoom": {"share": 0.1, "fill": "reflect"}},
    {"contrast": 0.2},
    {"noise": 0.05},
]


@pytest.fixture
def augmented(tensorflow, section):
    """A function: a training split with these steps."""

    def make(inputs, *steps, labels=None, **values):
        labels = np.arange(len(inputs)) if labels is None else labels
        split = ArraySplit(inputs, labels)
        return run_data("d", Splits(split, split, split), section(augment=list(steps), **values), 0, False)

    return make


def in_order(split, **how):
    """What a training sees of each sample, in the order of the labels."""
    batches = trained_on(split, **how)
    inputs, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return inputs[np.argsort(labels)]


def test_evaluation_and_calibration_see_nothing_of_it(augmented, few):
    data = augmented(few[0][:20].astype(np.float32), *ALL)
    np.testing.assert_array_equal(inputs_of(data.train), few[0][:20])
    np.testing.assert_array_equal(inputs_of(data.validation), few[0][:20])
    assert (in_order(data.train) != few[0][:20]).any(axis=(1, 2)).all()


def test_an_epoch_is_the_same_whenever_it_comes_and_unlike_the_others(augmented, few):
    train = augmented(few[0][:40], *ALL).train
    whole = trained_on(train, batch_size=16, epochs=3)
    late = trained_on(train, batch_size=16, first=2, epochs=3)
    for (inputs, _), (again, _) in zip(whole[6:], late, strict=True):
        np.testing.assert_array_equal(inputs, again)
    first, second = in_order(train), in_order(train, first=1, epochs=2)
    assert (first != second).any(axis=(1, 2)).all()
    assert (in_order(train, seed=1) != first).any(axis=(1, 2)).all()


def test_two_steps_of_one_kind_draw_apart(augmented):
    blank = np.zeros((4, 8, 8), np.float32)
    once, twice = (
        in_order(augmented(blank, {"noise": 1.0}).train),
        in_order(augmented(blank, *2 * [{"noise": 1.0}]).train),
    )
    assert abs(once.std() - 1) < 0.1
    assert abs(twice.std() - 2**0.5) < 0.15


@pytest.mark.parametrize(("direction", "axis"), [("horizontal", 2), ("vertical", 1)])
def test_flip_mirrors_about_half_of_the_images(augmented, few, direction, axis):
    images = few[0][:100].astype(np.float32)
    found = in_order(augmented(images, {"flip": direction}).train)
    same = (found == images).all(axis=(1, 2))
    mirrored = (found == np.flip(images, axis)).all(axis=(1, 2))
    assert (same | mirrored).all()
    assert 30 < mirrored.sum() < 70


def test_shift_moves_by_no_more_than_its_share(augmented):
    images = np.zeros((60, 20, 20, 1), np.float32)
    images[:, 10, 10] = 1
    found = in_order(augmented(images, {"shift": 0.1}).train)[..., 0]
    rows, columns = (found.sum(axis=axis) @ np.arange(20) for axis in (2, 1))
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 1, atol=1e-4)
    for places in (rows, columns):
        assert np.abs(places - 10).max() <= 2.001
        assert places.std() > 0.5


def test_rotate_and_zoom_keep_the_middle(augmented):
    images = np.zeros((30, 21, 21), np.float32)
    images[:, 10, 10] = 1
    for step in ({"rotate": 90}, {"zoom": 0.3}):
        assert in_order(augmented(images, step).train)[:, 10, 10] == pytest.approx(1, abs=1e-3)


def test_contrast_keeps_the_mean_of_an_image(augmented, few):
    images = few[0][:20].astype(np.float32)
    found = in_order(augmented(images, {"contrast": 0.5}).train)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), images.mean(axis=(1, 2)), rtol=1e-4)
    spread = found.std(axis=(1, 2)) / images.std(axis=(1, 2))
    assert spread.min() >= 0.499
    assert spread.max() <= 1.501
    assert spread.std() > 0.1


def test_masks_move_with_their_images_and_keep_their_classes(augmented, few):
    images = few[0][:30].astype(np.float32)
    masks = (few[0][:30] > 100).astype(np.uint8) * 3
    train = augmented(images, {"flip": "horizontal"}, {"shift": 0.2}, labels=masks).train
    for inputs, labels in trained_on(train):
        assert labels.dtype == np.uint8
        assert set(np.unique(labels)) == {0, 3}
        assert np.corrcoef(inputs.ravel(), labels.ravel())[0, 1] > 0.8


def test_an_autoencoder_learns_to_undo_noise_and_not_moves(augmented, few):
    images = few[0][:10].astype(np.float32)
    train = augmented(images, {"shift": 0.2}, {"noise": 0.5}, targets="inputs").train
    ((inputs, labels),) = trained_on(train)
    assert (inputs - labels).std() == pytest.approx(0.5, rel=0.1)
    assert not any((labels == image).all(axis=(1, 2)).any() for image in images)
    evaluated = next(train.batches(10))
    np.testing.assert_array_equal(evaluated[0], evaluated[1])
