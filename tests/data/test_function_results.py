"""What a function may return as data: splits, arrays, and whatever can only be read in order."""

import sys

import numpy as np
import pytest
from reading import inputs_of, labels_of, refusal, trained_on

from compressor.base.path_or_function import Reference
from compressor.data import ArraySplit
from compressor.data.from_source import load_splits
from compressor.data.function_results import splits_of
from compressor.data.split import Splits


@pytest.fixture
def splits(tmp_path):
    """A function that makes splits of what a user's function returned."""
    return lambda given: splits_of(given, tmp_path / "spool")


@pytest.fixture
def stream(tensorflow, few):
    """A function that makes a tf.data.Dataset of a part of the digits."""
    return lambda chosen=slice(None): tensorflow.data.Dataset.from_tensor_slices((few[0][chosen], few[1][chosen]))


def sizes(found):
    return [split and split.size for split in (found.train, found.validation, found.test)]


def test_splits_are_taken_as_they_are(splits):
    given = Splits(ArraySplit(np.zeros((3, 2)), np.zeros(3)))
    assert splits(given) is given


def test_pairs_of_arrays_are_the_training_and_the_test_split(splits, few):
    found = splits(((few[0][:100], few[1][:100]), (few[0][100:], few[1][100:])))
    assert sizes(found) == [100, None, 50]
    np.testing.assert_array_equal(inputs_of(found.test), few[0][100:].astype(np.float32) * np.float32(1 / 255))


def test_three_pairs_have_the_validation_split_in_the_middle(splits):
    found = splits(tuple((np.zeros((size, 2)), np.zeros(size)) for size in (5, 3, 4)))
    assert sizes(found) == [5, 3, 4]


@pytest.mark.parametrize("given", [(np.zeros((5, 2)), np.zeros(5)), {"x": np.zeros((5, 2)), "y": np.zeros(5)}])
def test_inputs_and_labels_alone_are_training_data(splits, given):
    assert sizes(splits(given)) == [5, None, None]


def test_a_dict_names_the_arrays_as_an_npz_file_does(splits):
    given = {f"{letter}_{part}": np.zeros((size,)) for letter in "xy" for part, size in (("train", 5), ("val", 2))}
    assert sizes(splits(given)) == [5, 2, None]


def test_several_inputs_and_outputs_are_dicts_by_name(splits):
    given = ({"a": np.zeros((5, 2)), "b": np.ones((5, 3))}, {"kind": np.zeros(5), "size": np.ones((5, 1))})
    inputs, labels = next(splits(given).train.batches(5))
    assert {name: array.shape for name, array in inputs.items()} == {"a": (5, 2), "b": (5, 3)}
    assert {name: array.shape for name, array in labels.items()} == {"kind": (5,), "size": (5, 1)}


@pytest.mark.parametrize("batch", [None, 32, 50])
@pytest.mark.parametrize("drop_remainder", [False, True])
def test_a_tf_data_dataset_is_read_whether_batched_or_not(splits, stream, few, batch, drop_remainder, budget):
    data = stream()
    if batch:
        data = data.batch(batch, drop_remainder=drop_remainder).prefetch(1)
    whole = 150 // batch * batch if batch and drop_remainder else 150
    train = splits(data).train
    assert train.samples.in_memory == (budget == "in memory")
    np.testing.assert_array_equal(train.samples.read(range(whole))[0], few[0][:whole])
    np.testing.assert_array_equal(labels_of(train), few[1][:whole])
    assert sorted(np.concatenate([labels for _, labels in trained_on(train)])) == sorted(few[1][:whole])


def test_a_pair_of_datasets_is_the_training_and_the_test_split(splits, stream):
    assert sizes(splits((stream(slice(0, 100)), stream(slice(100, 150)).batch(8)))) == [100, None, 50]
    named = {"train": stream(slice(0, 100)), "validation": stream(slice(100, 120)), "test": stream(slice(120, 150))}
    assert sizes(splits(named)) == [100, 20, 30]


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_keras_sequences_are_read_batch_by_batch(splits, few, library, budget, tensorflow):
    import keras
    import tf_keras

    base = keras.utils.PyDataset if library == "keras" else tf_keras.utils.Sequence

    class Digits(base):
        def __len__(self):
            return 5

        def __getitem__(self, number):
            part = slice(number * 30, number * 30 + 30)
            return few[0][part], few[1][part]

    train = splits(Digits()).train
    np.testing.assert_array_equal(train.samples.read(range(150))[0], few[0])
    assert labels_of(train).tolist() == few[1].tolist()


def test_a_generator_function_yields_batches(splits, few, budget):
    def batches():
        for start in range(0, 150, 40):
            yield few[0][start : start + 40], few[1][start : start + 40]

    train = splits(batches).train
    np.testing.assert_array_equal(train.samples.read(range(150))[0], few[0])
    assert train.fingerprint == splits(batches()).train.fingerprint


def test_the_same_data_by_another_way_has_the_same_fingerprint(splits, stream, few, monkeypatch):
    from compressor.data import samples

    held = splits(few).train.fingerprint
    monkeypatch.setattr(samples, "IN_MEMORY_BYTES", 1000)
    assert splits(stream()).train.fingerprint == held


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            5,
            "it returned int; return compressor.Splits, ((x_train, y_train), (x_test, y_test)), a dict with "
            "x_train and so on, or a tf.data.Dataset or a Keras PyDataset for each split",
        ),
        ((np.zeros(3), np.zeros(2)), "there are 3 inputs and 2 labels; give each input one label"),
        (
            ({"a": np.zeros(3), "b": np.zeros(4)}, np.zeros(3)),
            "the arrays of the data have different lengths (3, 4); give each one an entry for each sample",
        ),
        ((np.array(["a", "b"]), np.zeros(2)), "the data is of the type <U1; give numbers"),
        (
            {"train": np.zeros(3), "tset": np.zeros(3)},
            "it returned the split 'tset'; name them train, validation and test",
        ),
    ],
)
def test_what_is_no_data_is_refused(splits, given, message):
    assert refusal(splits, given) == message


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], "there are no samples; give at least one"),
        (
            [(np.zeros((2, 3)), np.zeros(2)), (np.zeros((2, 4)), np.zeros(2))],
            "samples differ in shape: (3,), then (4,); bring them to one shape where they are made",
        ),
        (
            [(np.zeros((2, 3)), np.zeros(2)), (np.zeros((2, 3), np.int8), np.zeros(2))],
            "samples differ in type: float64, then int8; bring them to one type where they are made",
        ),
        (
            [(np.zeros((2, 3)), np.zeros(2), np.ones(2)), (np.zeros((2, 3)), np.zeros(2))],
            "samples have x, y, and those before them x, y, w; give all of them the same inputs and labels",
        ),
        (
            [([np.zeros((2, 3)), np.zeros((2, 3))], np.zeros(2))],
            "the data comes as a list of several inputs; give a dict of them by the model's input names",
        ),
    ],
)
def test_batches_that_do_not_go_together_are_refused(splits, batches, message, budget):
    assert refusal(splits, lambda: iter(batches)) == message


def test_a_function_that_fails_while_it_is_read_is_named(tmp_path, monkeypatch):
    (tmp_path / "failing.py").write_text("def data():\n    def batches():\n        yield 1 / 0\n    return batches\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert refusal(load_splits, Reference("function", "failing:data")) == (
        "'failing:data' failed with ZeroDivisionError: division by zero; "
        "fix it, or report it to its author; --debug shows the traceback"
    )
    sys.modules.pop("failing", None)


def test_tfds_needs_tensorflow_datasets(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    assert refusal(load_splits, Reference("library", "tfds:mnist")) == (
        "'tfds:mnist' is read by tensorflow-datasets, which is not installed; pip install tensorflow-datasets"
    )


def test_a_function_that_returns_nothing_is_told_once(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "returns_nothing.py").write_text("def data():\n    pass\n")
    assert refusal(lambda: load_splits(Reference("function", "returns_nothing:data"))) == (
        "'returns_nothing:data': it returned NoneType; return compressor.Splits, ((x_train, y_train), "
        "(x_test, y_test)), a dict with x_train and so on, or a tf.data.Dataset or a Keras PyDataset for each split"
    )


def test_an_empty_split_is_named(splits):
    full, empty = ((np.zeros((size, 2)), np.zeros(size)) for size in (3, 0))
    assert refusal(splits, (full, empty)) == "the split 'test': there are no samples; give at least one"
    assert refusal(splits, {"train": full, "validation": iter([])}) == (
        "the split 'validation': there are no samples; give at least one"
    )
