"""Arrays in `.npz` files and in folders of `.npy` files."""

import io
import zipfile

import numpy as np
import pytest
from reading import inputs_of, labels_of, refusal, trained_on

from compressor.base.errors import DataError
from compressor.base.path_or_function import Reference
from compressor.data.arrays import npy_splits
from compressor.data.from_source import load_splits


def opened(path, **options):
    return load_splits(Reference("path", str(path), options))


@pytest.fixture
def folder(few, tmp_path):
    place = tmp_path / "my arrays ü"
    place.mkdir()
    for name, chosen in (("train", slice(0, 100)), ("val", slice(100, 120)), ("test", slice(120, 150))):
        np.save(place / f"x_{name}.npy", few[0][chosen])
        np.save(place / f"y_{name}.npy", few[1][chosen])
    return place


def test_npy_files_in_a_folder_are_the_splits(folder, few, budget):
    splits = opened(folder)
    assert splits.train.samples.in_memory == (budget == "in memory")
    assert (splits.train.size, splits.validation.size, splits.test.size) == (100, 20, 30)
    np.testing.assert_array_equal(inputs_of(splits.test), few[0][120:].astype(np.float32) * np.float32(1 / 255))
    np.testing.assert_array_equal(labels_of(splits.train), few[1][:100])


def test_files_train_as_arrays_in_memory_do(folder, monkeypatch):
    from compressor.data import samples

    held = trained_on(opened(folder).train, epochs=2)
    monkeypatch.setattr(samples, "IN_MEMORY_BYTES", 0)
    read = trained_on(opened(folder).train, epochs=2)
    assert opened(folder).train.fingerprint is not None
    for (inputs, labels), (same_inputs, same_labels) in zip(held, read, strict=True):
        np.testing.assert_array_equal(inputs, same_inputs)
        np.testing.assert_array_equal(labels, same_labels)


def test_parts_of_parts_of_files_are_the_samples_asked_for(folder, few, tiny_budget):
    train = opened(folder).train
    drawn = train.part(np.array([9, 3, 50, 7, 8])).take(4).part(np.array([2, 0]))
    assert labels_of(drawn).tolist() == few[1][[50, 9]].tolist()
    assert drawn.labels().tolist() == few[1][[50, 9]].tolist()
    assert labels_of(train.take(20).part(range(5, 8))).tolist() == few[1][5:8].tolist()
    assert labels_of(train.part(range(10, 20)).part(np.array([1, 0]))).tolist() == few[1][[11, 10]].tolist()
    assert train.take(20).fingerprint != train.take(21).fingerprint


def test_an_npz_file_may_have_a_validation_split(few, tmp_path):
    arrays = {f"{letter}_{part}": few[i][:9] for i, letter in enumerate("xy") for part in ("train", "val", "test")}
    np.savez(tmp_path / "a.npz", **arrays)
    splits = opened(tmp_path / "a.npz")
    assert (splits.train.size, splits.validation.size, splits.test.size) == (9, 9, 9)


def test_inputs_and_labels_alone_are_training_data(few, tmp_path):
    np.savez(tmp_path / "a.npz", x=few[0], y=few[1])
    splits = opened(tmp_path / "a.npz")
    assert (splits.train.size, splits.test, splits.validation) == (150, None, None)


def test_a_folder_with_other_names_is_refused(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros(3))
    assert refusal(opened, tmp_path) == (
        f"{tmp_path} is not a data set (it has images, and no x_train); "
        "name them x_train.npy, y_train.npy, x_test.npy and y_test.npy"
    )


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.array([{}, {}], dtype=object), "it holds objects"),
        (np.float32(3), "it holds a single number"),
        (np.asfortranarray(np.zeros((3, 2))), "it is in Fortran order; save numpy.ascontiguousarray(array)"),
    ],
)
def test_arrays_that_cannot_be_read_in_pieces_are_refused(tmp_path, array, reason):
    np.save(tmp_path / "x_train.npy", array, allow_pickle=True)
    assert refusal(opened, tmp_path) == (
        f"{tmp_path / 'x_train.npy'} is not an array ({reason}); "
        "save it with numpy.save(path, array), and not as objects"
    )


def test_a_cut_file_is_named(folder):
    path = folder / "x_test.npy"
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(opened, folder) == (
        f"{path} is not an array (it is cut short); save it with numpy.save(path, array), and not as objects"
    )


def test_files_that_are_cut_while_they_are_read_are_named(folder, tiny_budget):
    train = opened(folder).train
    path = folder / "x_train.npy"
    path.write_bytes(path.read_bytes()[:500])
    assert refusal(lambda: inputs_of(train)) == (
        f"{path} changed while it was read (it became shorter); leave it as it is during a run"
    )


def test_what_is_of_no_known_kind_is_refused(tmp_path):
    (tmp_path / "data.bin").write_bytes(b"0")
    assert refusal(opened, tmp_path / "data.bin") == (
        f"{tmp_path / 'data.bin'} is not a known kind of data; "
        "use .csv tables, .npy files, .npz files, .parquet tables, TFRecord files or folders of images"
    )


def test_an_empty_array_is_named_with_its_file(tmp_path):
    full, empty = np.zeros((3, 2)), np.zeros((0, 2))
    np.savez(tmp_path / "a.npz", x_train=full, y_train=full, x_test=empty, y_test=empty)
    assert refusal(lambda: opened(tmp_path / "a.npz")) == "a.npz: x_test: there are no samples; give at least one"


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (5, "a.npz: y: the data is a single number; give an array with an entry for each sample"),
        (np.array(["cat", " "]), "a.npz: y: the label of sample 1 is missing; fill it in, or remove the sample"),
        (np.array([1j, 2]), "a.npz: y: the data is of the type complex128; give numbers"),
    ],
)
def test_labels_in_an_npz_file_that_are_no_numbers_are_refused(tmp_path, labels, reason):
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 3)), y=labels)
    assert refusal(opened, tmp_path / "a.npz") == reason


def test_text_in_an_npy_file_is_refused(tmp_path):
    np.save(tmp_path / "x_train.npy", np.array(["a", "b"]))
    assert refusal(opened, tmp_path) == (
        f"{tmp_path / 'x_train.npy'} is not an array (it holds <U1, not numbers); "
        "save it with numpy.save(path, array), and not as objects"
    )


def test_a_header_that_numpy_cannot_read_is_told(tmp_path):
    for name, opened_as in (("x_train.npy", tmp_path), ("x.npy", tmp_path / "a.npz")):
        np.save(tmp_path / name, np.zeros((5, 3)))
        damaged = (tmp_path / name).read_bytes().replace(b"}", b" ")
        (tmp_path / name).write_bytes(damaged)
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr(name, damaged)
        assert "EOF in multi-line statement" in refusal(npy_splits if opened_as == tmp_path else opened, opened_as)


def test_every_flipped_byte_of_an_npz_file_is_told_or_harmless(tmp_path):
    path = tmp_path / "a.npz"
    generator = np.random.default_rng(0)
    np.savez_compressed(path, x=generator.random((20, 4)), y=np.arange(20))
    whole = path.read_bytes()
    told = 0
    for place in generator.integers(0, len(whole), 200):
        damaged = bytearray(whole)
        damaged[place] ^= generator.integers(1, 256)
        path.write_bytes(damaged)
        try:
            opened(path)
        except DataError:
            told += 1
    assert told > 150


def test_an_npz_file_that_is_something_else_is_told_without_advice_to_trust_it(tmp_path):
    (tmp_path / "a.npz").write_text("x_train,y_train\n")
    assert refusal(opened, tmp_path / "a.npz").startswith(
        f"{tmp_path / 'a.npz'} is not a data set (it is no archive of arrays); save it with numpy.savez_compressed(path"
    )


def test_an_array_that_claims_terabytes_is_refused(tmp_path):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": (10**13, 8)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", stream.getvalue())
    assert refusal(opened, tmp_path / "a.npz") == (
        f"{tmp_path / 'a.npz'} is not a data set ('x.npy' holds 0 bytes, and its shape (10000000000000, 8) needs "
        "320,000,000,000,000); save it with numpy.savez_compressed(path, x_train=..., y_train=..., x_test=..., "
        "y_test=...)"
    )


def test_an_npz_file_in_a_folder_is_found_by_any_spelling_and_must_be_alone(few, tmp_path):
    np.savez(tmp_path / "a.npz", x=few[0], y=few[1])
    (tmp_path / "a.npz").rename(tmp_path / "A.NPZ")
    assert opened(tmp_path).train.size == 150
    (tmp_path / "b.npz").write_bytes(b"")
    assert refusal(opened, tmp_path) == f"{tmp_path} holds 2 .npz files; name one of them"
