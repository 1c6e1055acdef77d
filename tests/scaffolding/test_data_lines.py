"""The section on data has the options that the source needs, and the labels of files are looked at."""

import numpy as np
import pytest

from compressor.base.errors import DataError
from compressor.scaffolding.data_lines import KnownData
from compressor.scaffolding.recipe_text import laid_out


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def section(data):
    return laid_out(data.lines(data.source)).splitlines()


@pytest.mark.parametrize(
    ("columns", "label"),
    [
        ("a,target,b", "target  # the column of the labels"),
        ("a,b,species", "species  # the last column; name the one of the labels"),
        ("a,b,no", '"no"  # the last column; name the one of the labels'),
    ],
)
def test_a_table_has_its_label_named(here, registry, columns, label):
    (here / "t.csv").write_text(f"{columns}\n1,0,3\n2,1,4\n")
    data = KnownData("t.csv", registry)
    assert section(data) == ["  source: t.csv", "  with:", f"    label: {label}"]
    assert len(data.labels()) == 2


def test_a_table_without_a_line_of_names_is_left_to_be_filled_in(here, registry):
    (here / "t.csv").write_text("")
    assert section(KnownData("t.csv", registry))[2].startswith("    label: label ")


@pytest.mark.parametrize(("channels", "color"), [(1, "grayscale"), (3, "rgb")])
def test_images_come_as_the_model_takes_them(here, registry, channels, color):
    (here / "photos" / "cat").mkdir(parents=True)
    lines = section(KnownData("./photos", registry, ((32, 48, channels),)))
    assert [line.partition("#")[0].rstrip() for line in lines] == [
        "  source: ./photos",
        "  with:",
        "    size: [32, 48]",
        f"    color: {color}",
    ]
    assert section(KnownData("./photos", registry, ((None, None, channels),)))[2:] == [
        f"    color: {color}  # as the model takes them"
    ]


def test_arrays_need_no_options(here, registry):
    np.savez(here / "d.npz", x=np.zeros((10, 4)), y=np.arange(10))
    data = KnownData("d.npz", registry)
    assert section(data) == ["  source: d.npz"]
    assert list(data.labels()) == list(range(10))


def test_labels_that_would_take_long_to_read_are_not_looked_at(registry):
    assert KnownData("mnist", registry).labels() is None
    assert KnownData("my.module:data", registry).labels() is None
    assert section(KnownData("tfds:mnist", registry)) == ['  source: "tfds:mnist"']


def test_records_have_features_to_be_renamed(here, registry):
    (here / "a.tfrecord").write_bytes(b"")
    data = KnownData("a.tfrecord", registry, ((8, 8, 1),))
    assert data.labels() is None
    assert section(data)[2:] == [
        "    features: {input: {dtype: float32, shape: [8, 8, 1]}, label: {dtype: int64, shape: []}}"
        "  # as your records have them",
        "    inputs: [input]                         # what the model gets",
        "    label: label",
    ]


@pytest.mark.parametrize("source", ["no.npz", "./nowhere", "no/*.tfrecord"])
def test_data_that_is_not_there_is_told(registry, source):
    with pytest.raises(DataError) as error:
        KnownData(source, registry)
    assert str(error.value) == f"there is no data at {source}; check the path"


def test_a_folder_that_is_named_as_a_data_set_is_told_how_to_name_it(here, registry):
    (here / "photos/ant").mkdir(parents=True)
    (here / "photos/ant/1.png").touch()
    with pytest.raises(DataError) as error:
        KnownData("photos", registry)
    assert str(error.value) == "there is no data set 'photos'; write './photos' for the file or folder"


def test_a_file_of_another_kind_is_told(here, registry):
    (here / "data.txt").write_text("1 2 3")
    with pytest.raises(DataError) as error:
        KnownData("data.txt", registry)
    assert str(error.value) == (
        "data.txt is not a known kind of data; use .csv tables, .npy files, .npz files, .parquet tables, TFRecord "
        "files or folders of images"
    )
