"""Labels that are text: the same classes in the same order, whatever holds them."""

import numpy as np
import pytest
from reading import labels_of, refusal, trained_on

import compressor
from compressor.base.path_or_function import Reference
from compressor.data import ArraySplit
from compressor.data.from_source import load_splits
from compressor.data.function_results import splits_of

ANIMALS = ["cow", "ant", "bee", "cow", "ant", "ant"]
NUMBERS = [2, 0, 1, 2, 0, 0]


def inputs(count=6):
    return np.arange(count * 2, dtype=np.float32).reshape(count, 2)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(ANIMALS),
        np.array(ANIMALS, dtype="S"),
        np.array(ANIMALS, dtype=object),
        np.array([name.encode() for name in ANIMALS], dtype=object),
        np.array([f" {name} " for name in ANIMALS]),
    ],
    ids=["text", "bytes", "objects of text", "objects of bytes", "blanks around"],
)
def test_text_in_arrays_becomes_class_numbers_in_the_order_of_the_names(tmp_path, labels):
    for given in ((inputs(), labels), {"x": inputs(), "y": labels}, compressor.Splits(ArraySplit(inputs(), labels))):
        splits = splits_of(given, tmp_path)
        assert splits.classes == ("ant", "bee", "cow")
        assert splits.train.labels().tolist() == NUMBERS
        assert splits.train.labels().dtype == np.int64


def test_every_split_is_numbered_by_the_classes_of_the_training_data(tmp_path):
    splits = splits_of(((inputs(), np.array(ANIMALS)), (inputs(2), np.array(["cow", "bee"]))), tmp_path)
    assert splits.test.labels().tolist() == [2, 1]


def test_files_of_arrays_may_hold_text(tmp_path, budget):
    arrays = {
        "x_train": inputs(),
        "y_train": np.array(ANIMALS),
        "x_test": inputs(2),
        "y_test": np.array(["cow", "bee"]),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    (tmp_path / "folder").mkdir()
    for name, array in arrays.items():
        np.save(tmp_path / "folder" / f"{name}.npy", array)
    for path in (tmp_path / "a.npz", tmp_path / "folder"):
        splits = load_splits(Reference("path", str(path)))
        assert splits.classes == ("ant", "bee", "cow")
        assert labels_of(splits.train).tolist() == NUMBERS
        assert labels_of(splits.test).tolist() == [2, 1]


def test_batches_of_text_are_numbered_as_a_whole(tmp_path, budget, tensorflow):
    from compressor.data import samples

    x, names = inputs(200), np.array([f"name {number % 7}" for number in range(200)])[::-1]
    data = tensorflow.data.Dataset.from_tensor_slices((x, names)).batch(30)
    splits = splits_of(data, tmp_path)
    assert splits.train.samples.in_memory == (samples.IN_MEMORY_BYTES > 1000)
    assert splits.classes == tuple(f"name {number}" for number in range(7))
    expected = [number % 7 for number in range(200)][::-1]
    assert labels_of(splits.train).tolist() == expected
    seen = {float(row[0]): label for x, y in trained_on(splits.train) for row, label in zip(x, y, strict=True)}
    assert [seen[first] for first in x[:, 0].tolist()] == expected


def test_texts_that_are_all_numbers_stand_for_these_as_in_a_table(tmp_path):
    splits = splits_of((inputs(3), np.array(["10", "9", "2"])), tmp_path)
    assert (splits.classes, splits.train.labels().tolist()) == ((), [10, 9, 2])
    splits = splits_of((inputs(2), np.array(["0.5", "2"], dtype=object)), tmp_path)
    assert (splits.classes, splits.train.labels().tolist()) == ((), [0.5, 2.0])


def test_one_of_several_labels_may_be_text(tmp_path):
    labels = {"kind": np.array(ANIMALS), "age": np.arange(6)}
    splits = splits_of((inputs(), labels), tmp_path)
    assert splits.classes == ("ant", "bee", "cow")
    assert {name: array.tolist() for name, array in splits.train.labels().items()} == {
        "kind": NUMBERS,
        "age": [0, 1, 2, 3, 4, 5],
    }


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            ["ant", "bee"], ["bee", "fox"],
            "the label of sample 1 of the test data: the class 'fox' is not among the training data's; "
            "correct it, or train with some of that class",
        ),
        (
            ["1", "2"], ["1", "two"],
            "the label of sample 1 of the test data: 'two' is not a number, as the labels of the training data are; "
            "correct it, or train with some of that class",
        ),
        (
            [1, 2], ["a", "b"],
            "the test labels are text, and the training data's are numbers; give both as text, or both as numbers",
        ),
    ],
)  # fmt: skip
def test_a_label_that_training_does_not_know_is_refused(tmp_path, train, test, message):
    given = ((inputs(2), np.array(train)), (inputs(2), np.array(test)))
    assert refusal(splits_of, given, tmp_path) == message


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_a_missing_label_is_named(tmp_path, missing):
    labels = np.array(["a", missing, "b"], dtype=object)
    assert refusal(splits_of, (inputs(3), labels), tmp_path) == (
        "the label of sample 1 is missing; fill it in, or remove the sample"
    )


def test_records_may_hold_text_as_their_label(tmp_path, tensorflow, budget):
    train = tensorflow.train
    with tensorflow.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        for row, name in zip(inputs(60), ANIMALS * 10, strict=True):
            feature = {
                "x": train.Feature(float_list=train.FloatList(value=row)),
                "animal": train.Feature(bytes_list=train.BytesList(value=[name.encode()])),
            }
            writer.write(train.Example(features=train.Features(feature=feature)).SerializeToString())
    features = {"x": {"dtype": "float32", "shape": [2]}, "animal": {"dtype": "string", "shape": []}}
    options = {"features": features, "inputs": ["x"], "label": "animal"}
    splits = load_splits(Reference("path", str(tmp_path / "a.tfrecord"), options))
    assert splits.classes == ("ant", "bee", "cow")
    assert labels_of(splits.train).tolist() == NUMBERS * 10
    assert labels_of(splits.train.part(np.array([4, 0]))).tolist() == [0, 2]
    assert len(trained_on(splits.train)) == 1
    options["inputs"] = ["animal"]
    assert refusal(load_splits, Reference("path", str(tmp_path / "a.tfrecord"), options)) == (
        "a.tfrecord: the input 'animal' is text, and a model takes numbers; give another input"
    )


def test_parquet_columns_of_bytes_are_text(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"x": [1.0, 2.0], "animal": pyarrow.array([b"bee", b"ant"], pyarrow.binary())}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    splits = load_splits(Reference("path", str(tmp_path / "a.parquet"), {"label": "animal"}))
    assert (splits.classes, labels_of(splits.train).tolist()) == (("ant", "bee"), [1, 0])


def test_splits_take_pairs_of_arrays():
    x, y = inputs(), np.array(NUMBERS)
    splits = compressor.Splits((x, y), (x[:2], y[:2]), validation=(x[2:], y[2:]))
    assert [split.size for split in (splits.train, splits.test, splits.validation)] == [6, 2, 4]
    assert labels_of(splits.train).tolist() == NUMBERS
    assert splits == compressor.Splits(splits.train, splits.test, splits.validation)
    assert refusal(compressor.Splits, [1, 2]) == (
        "the split 'train': compressor.Splits takes arrays, and not list; "
        "give (x, y) of arrays, or return a dict of what you have by split"
    )


def test_numbers_as_objects_are_numbers_and_labels_of_no_array_are_refused(tmp_path):
    splits = splits_of((inputs(3), np.array([2, 0, 1], dtype=object)), tmp_path)
    assert (splits.classes, splits.train.labels().tolist()) == ((), [2, 0, 1])
    ragged = np.empty(2, dtype=object)
    ragged[:] = [[1], [2, 3]]
    assert refusal(splits_of, (inputs(2), ragged), tmp_path).startswith("the data is not an array (")


def test_a_split_without_labels_stays_so_beside_text(tmp_path):
    splits = splits_of({"x_train": inputs(), "y_train": np.array(ANIMALS), "x_test": inputs(2)}, tmp_path)
    assert (splits.train.labels().tolist(), splits.test.labels()) == (NUMBERS, None)
