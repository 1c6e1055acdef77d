"""Which kind of data a source is of, told by its name and, of a folder, by what is in it."""

import sys
from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest
from reading import labels_of, refusal

from compressor.base.path_or_function import Reference
from compressor.data.from_source import load_splits
from compressor.data.kinds import kind_of, kinds


def name_of(path):
    kind = kind_of(Reference("path", str(path)))
    return kind and kind.name


@pytest.fixture
def folder(tmp_path):
    """A function that makes a folder of empty files."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.npz", ".npz files"),
        ("A.NPZ", ".npz files"),
        ("x_train.npy", ".npy files"),
        ("table.csv", ".csv tables"),
        ("table.parquet", ".parquet tables"),
        ("a.tfrecord", "TFRecord files"),
        ("train.tfrecord-00000-of-00002", "TFRecord files"),
        ("tfrecords.csv", ".csv tables"),
        ("photo.png", None),
        ("nothing_like_it", None),
    ],
)
def test_the_name_of_a_file_tells_its_kind_whether_or_not_it_is_there(name, kind):
    assert name_of(f"/nowhere/{name}") == kind


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["notes.txt", "train.csv"], ".csv tables"),
        (["digits.tfrecord", "index_of_tfrecords.csv"], "TFRecord files"),
        (["train/a.parquet", "test/b.parquet"], ".parquet tables"),
        (["train/a.npz", "test/b.npz"], "folders of images"),
        (["cats/1.png"], "folders of images"),
        (["notes.txt"], "folders of images"),
    ],
)
def test_a_folder_is_of_the_kind_of_the_first_file_in_it_that_one_recognises(folder, names, kind):
    assert name_of(folder(*names)) == kind


def test_the_prefix_of_a_library_tells_its_kind():
    assert kind_of(Reference("library", "tfds:mnist")).name == "tensorflow-datasets"
    assert kind_of(Reference("library", "keras_applications:MobileNetV2")) is None
    assert kind_of(Reference("function", "my.module:data")) is None


def test_no_suffix_is_of_two_kinds():
    suffixes = list(chain.from_iterable(kind.suffixes for kind in kinds()))
    assert sorted(set(suffixes)) == sorted(suffixes)
    assert sum(kind.any_folder for kind in kinds()) == 1


def test_a_folder_without_a_file_of_its_kind_in_reach_is_told(folder):
    place = folder("train/deep/notes.txt")
    assert refusal(load_splits, place / "no.csv") == (
        f"there is no data at {place / 'no.csv'}; check the path; it starts at the recipe's folder"
    )


def test_a_data_set_of_tensorflow_datasets_comes_with_its_splits(tensorflow, monkeypatch):
    asked = []

    def load(name, **options):
        asked.append((name, options))
        part = tensorflow.data.Dataset.from_tensor_slices((np.zeros((3, 2), np.float32), np.arange(3)))
        return {"train": part, "test": part.take(2), "unlabelled": part}

    monkeypatch.setitem(sys.modules, "tensorflow_datasets", SimpleNamespace(load=load))
    splits = load_splits(Reference("library", "tfds:digits", {"data_dir": "sets"}))
    assert labels_of(splits.train).tolist() == [0, 1, 2]
    assert (splits.test.size, splits.validation) == (2, None)
    options = {"as_supervised": True, "data_dir": "sets", "download": True, "shuffle_files": False}
    assert asked == [("digits", options)]


def test_a_data_set_that_tensorflow_datasets_does_not_have_is_named(monkeypatch):
    def load(name, **options):
        raise LookupError("no such data set")

    monkeypatch.setitem(sys.modules, "tensorflow_datasets", SimpleNamespace(load=load))
    assert refusal(load_splits, Reference("library", "tfds:digit")) == (
        "tfds:digit: tensorflow-datasets cannot load 'digit' (no such data set); "
        "correct the name, or connect to the network"
    )
