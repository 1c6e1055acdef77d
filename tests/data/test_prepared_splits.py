"""Splits: order, shuffling, what is drawn from training, and the errors of data that does not fit."""

import numpy as np
import pytest

from compressor.base.errors import DataError
from compressor.base.path_or_function import Reference
from compressor.data import ArraySplit
from compressor.data.from_source import load_splits
from compressor.data.prepared_splits import run_data
from compressor.data.samples import ArraySamples
from compressor.data.section import DataSection
from compressor.data.split import Split, Splits


def split(size=10, scale=1.0):
    return ArraySplit(np.arange(size, dtype=np.uint8).reshape(size, 1), np.arange(size), scale)


def epochs_of(data, size, batch_size, seed, first, epochs):
    batches = list(data.training_batches(batch_size, seed, first, epochs).as_numpy_iterator())
    labels = np.concatenate([labels for _, labels in batches])
    return labels.reshape(epochs - first, size)


def test_batches_come_in_order_scaled_and_the_last_may_be_smaller():
    batches = list(split(5, scale=0.5).batches(2))
    assert [features[:, 0].tolist() for features, _ in batches] == [[0.0, 0.5], [1.0, 1.5], [2.0]]
    assert [labels.tolist() for _, labels in batches] == [[0, 1], [2, 3], [4]]


def test_every_epoch_has_every_sample_once_in_an_order_of_its_own(tensorflow):
    epochs = epochs_of(split(50), 50, 7, seed=3, first=0, epochs=3)
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_order_of_an_epoch_depends_on_the_seed_and_the_epoch_alone(tensorflow):
    whole = epochs_of(split(50), 50, 7, seed=3, first=0, epochs=3)
    late = epochs_of(split(50), 50, 7, seed=3, first=2, epochs=3)
    other = epochs_of(split(50), 50, 7, seed=4, first=2, epochs=3)
    assert late[0].tolist() == whole[2].tolist()
    assert other[0].tolist() != whole[2].tolist()


def test_training_and_evaluation_see_the_same_numbers(tensorflow, mnist):
    images = mnist.test.take(64)
    by_numpy = next(images.batches(64))[0]
    by_tensorflow = next(iter(images.evaluation_batches(64)))[0].numpy()
    np.testing.assert_array_equal(by_numpy, by_tensorflow)


def test_validation_is_taken_from_training_by_the_seed():
    splits = Splits(split(100), split(10))
    data, again = (
        run_data("d", splits, DataSection(source="d", validation_split=0.2), seed=1, smoke=False) for _ in range(2)
    )
    other = run_data("d", splits, DataSection(source="d", validation_split=0.2), seed=2, smoke=False)
    assert (data.train.size, data.validation.size, data.test.size) == (80, 20, 10)
    assert not set(data.train.labels()) & set(data.validation.labels())
    assert data.validation.labels().tolist() == again.validation.labels().tolist()
    assert data.validation.labels().tolist() != other.validation.labels().tolist()


def test_a_smoke_run_sees_a_few_hundred_samples(mnist):
    data = run_data("mnist", mnist, DataSection(source="d"), seed=0, smoke=True)
    assert (data.train.size, data.validation.size, data.test.size) == (384, 64, 256)


def test_the_fingerprint_is_of_the_content():
    assert split().fingerprint == split().fingerprint
    assert split().fingerprint != split(scale=0.5).fingerprint
    assert split(9).fingerprint != split(10).fingerprint


def test_empty_data_is_refused():
    with pytest.raises(DataError) as error:
        split(0)
    assert str(error.value) == "there are no samples; give at least one"


def test_inputs_without_labels_are_refused():
    with pytest.raises(DataError) as error:
        ArraySplit(np.zeros((3, 2)), np.zeros(2))
    assert str(error.value) == "there are 3 inputs and 2 labels; give each input one label"


def test_one_training_sample_cannot_give_any_to_validation():
    with pytest.raises(DataError) as error:
        run_data("d", Splits(split(1), split(1)), DataSection(source="d"), seed=0, smoke=False)
    assert str(error.value) == (
        "a validation split cannot be drawn: 10% of 1 training sample is none; give more samples"
    )


@pytest.mark.parametrize(
    ("count", "options", "reason", "advice"),
    [
        (3, {}, "10% of 3 training samples is none", {"validation_split": 0.33}),
        (4, {"validation_split": 0.9}, "90% of 4 training samples is all of them", {"validation_split": 0.75}),
    ],
)
def test_a_split_of_too_few_samples_is_refused_with_a_share_that_works(count, options, reason, advice):
    whole = Splits(split(count), split(count))
    with pytest.raises(DataError) as error:
        run_data("d", whole, DataSection(source="d", **options), seed=0, smoke=False)
    assert str(error.value) == (
        f"a validation split cannot be drawn: {reason}; give more samples, or validation data of its own, or write "
        f"'validation_split: {advice['validation_split']:g}' under data"
    )
    drawn = run_data("d", whole, DataSection(source="d", **advice), seed=0, smoke=False)
    assert drawn.train.size + drawn.validation.size == count


def test_steps_that_leave_values_alone_keep_the_default_scale(section):
    pixels = (np.arange(10 * 16).reshape(10, 4, 4) % 256).astype(np.uint8)
    read = {}
    for steps in (
        None,
        [{"expand": -1}],
        [{"resize": [4, 4]}, {"pad": [4, 4]}],
        [{"one_hot": 2}],
        [],
        [{"rescale": 2}],
    ):
        given = {} if steps is None else {"preprocess": steps}
        train = run_data("d", Splits((pixels, np.arange(10) % 2)), section(**given), 0, smoke=False).train
        read[str(steps)] = train.read(range(7))[0].reshape(7, 16)
    default, *same, raw, doubled = read.values()
    assert default.max() <= 1
    for other in same:
        np.testing.assert_array_equal(default, other)
    np.testing.assert_allclose(raw, default * 255, rtol=1e-6)
    np.testing.assert_array_equal(doubled, raw * 2)


def test_an_input_whose_values_no_step_changes_keeps_its_default_scale(section):
    pixels = np.full((10, 4, 4), 255, np.uint8)
    steps = [{"rescale": {"scale": 2, "only": "a"}}]
    given = Splits(({"a": pixels, "b": pixels}, np.zeros(10)))
    inputs = run_data("d", given, section(preprocess=steps), 0, smoke=False).train.read(range(1))[0]
    assert (inputs["a"].max(), inputs["b"].max()) == (510, 1)


def test_an_npz_file_of_bytes_is_scaled(tmp_path):
    path = tmp_path / "my data.npz"
    images = np.full((4, 2, 2), 255, np.uint8)
    np.savez_compressed(path, x_train=images, y_train=np.zeros(4), x_test=images[:2], y_test=np.zeros(2))
    splits = load_splits(Reference("path", str(path)))
    assert next(splits.test.batches(2))[0].max() == 1.0


def test_a_missing_npz_file_is_named(tmp_path):
    with pytest.raises(DataError) as error:
        load_splits(Reference("path", str(tmp_path / "no.npz")))
    assert str(error.value) == (
        f"there is no data at {tmp_path / 'no.npz'}; check the path; it starts at the recipe's folder"
    )


def test_an_npz_file_with_other_arrays_is_refused_with_the_way_to_save_it(tmp_path):
    path = tmp_path / "odd.npz"
    np.savez(path, images=np.zeros(3))
    with pytest.raises(DataError, match=r"is not a data set .*; save it with numpy.savez_compressed\(path, x_train="):
        load_splits(Reference("path", str(path)))


def test_a_file_with_pickles_in_it_is_refused(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, x_train=np.array([{"a": 1}], dtype=object), y_train=[0], x_test=[0], y_test=[0])
    with pytest.raises(DataError, match="is not a data set"):
        load_splits(Reference("path", str(path)))


def test_a_test_split_is_drawn_before_the_validation_split_where_there_is_none():
    section = DataSection(source="d", test_split=0.25, validation_split=0.2)
    data = run_data("d", Splits(split(100)), section, seed=0, smoke=False)
    drawn = [set(part.labels().tolist()) for part in (data.train, data.validation, data.test)]
    assert [len(part) for part in drawn] == [60, 15, 25]
    assert set.union(*drawn) == set(range(100))


def test_stratified_splits_hold_each_class_by_its_share():
    labels = np.repeat([0, 1, 2], [700, 200, 100])
    whole = ArraySplit(np.arange(1000)[:, None], labels)
    section = DataSection(source="d", test_split=0.2, validation_split=0.1, stratify=True)
    first, again, other = (run_data("d", Splits(whole), section, seed, smoke=False) for seed in (0, 0, 1))
    assert np.bincount(first.test.labels()).tolist() == [140, 40, 20]
    assert np.bincount(first.validation.labels()).tolist() == [56, 16, 8]
    assert first.test.fingerprint == again.test.fingerprint != other.test.fingerprint


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.linspace(0, 1, 20), "'stratify' needs class numbers, and the labels are not whole numbers; remove it"),
        (np.zeros((20, 3)), "'stratify' needs one class number for each sample; remove it"),
    ],
)
def test_labels_without_classes_cannot_be_stratified(labels, message):
    whole = ArraySplit(np.zeros((20, 1)), labels)
    with pytest.raises(DataError) as error:
        run_data("d", Splits(whole), DataSection(source="d", stratify=True), seed=0, smoke=False)
    assert str(error.value) == message


def test_data_without_labels_is_for_autoencoders():
    whole = ArraySplit(np.arange(20, dtype=np.uint8)[:, None], None, scale=0.5)
    with pytest.raises(DataError) as error:
        run_data("d", Splits(whole), DataSection(source="d"), seed=0, smoke=False)
    assert str(error.value) == (
        "the data has no labels; name them under data.with, or write 'targets: inputs' under data for an autoencoder"
    )
    data = run_data("d", Splits(whole), DataSection(source="d", targets="inputs"), seed=0, smoke=False)
    inputs, labels = next(data.train.batches(5))
    np.testing.assert_array_equal(inputs, labels)
    assert inputs.max() <= 9.5


@pytest.mark.parametrize(("declared", "by_default"), [({}, True), ({"preprocess": []}, False)])
def test_drawn_splits_still_tell_whether_anybody_declared_their_steps(declared, by_default):
    bytes_alone = Split(ArraySamples(np.arange(20, dtype=np.uint8)[:, None], np.arange(20)))
    data = run_data("d", Splits(bytes_alone), DataSection(source="d", **declared), seed=0, smoke=True)
    assert data.by_default is by_default
    assert not run_data("d", Splits(split()), DataSection(source="d"), seed=0, smoke=True).by_default


def test_one_training_sample_for_each_split_is_enough():
    data = run_data("d", Splits(split(3), split(1)), DataSection(source="d", validation_split=0.3), 0, smoke=True)
    assert (data.train.size, data.validation.size, data.test.size) == (2, 1, 1)


def test_several_inputs_and_outputs_go_through_training_by_name(tensorflow):
    inputs = {"b": np.arange(12)[:, None], "a": np.arange(24, dtype=np.uint8).reshape(12, 2)}
    train = ArraySplit(inputs, {"kind": np.arange(12), "size": np.arange(12) / 2})
    for features, labels in train.training_batches(4, 0, 0, 1).as_numpy_iterator():
        assert features["b"].dtype == features["a"].dtype == np.float32
        np.testing.assert_array_equal(features["b"][:, 0], labels["kind"])
        np.testing.assert_array_equal(features["a"][:, 0], 2 * labels["kind"])
        np.testing.assert_array_equal(labels["size"] * 2, labels["kind"])
