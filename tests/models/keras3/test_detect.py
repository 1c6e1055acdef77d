"""Which Keras wrote a file is told in milliseconds, whatever the file is."""

import subprocess
import sys
import zipfile

import pytest

from compressor.models.keras3.detect import is_keras3


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_files_of_keras_3_are_known(model_files, suffix):
    assert is_keras3(model_files / f"sequential.{suffix}")


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_files_of_keras_2_are_not_taken_for_them(tensorflow, tmp_path, suffix):
    import tf_keras

    path = tmp_path / f"m.{suffix}"
    tf_keras.Sequential([tf_keras.layers.InputLayer((2,)), tf_keras.layers.Dense(1)]).save(path)
    assert not is_keras3(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_damaged_file_is_not_one(model_files, tmp_path, suffix, share):
    whole, path = (model_files / f"sequential.{suffix}").read_bytes(), tmp_path / f"m.{suffix}"
    path.write_bytes(whole[: int(share * len(whole))])
    assert is_keras3(path) is False


@pytest.mark.parametrize("metadata", ["", "{}", "[]", "null", '{"keras_version": null}', '{"keras_version": "x"}'])
def test_an_archive_that_does_not_say_is_not_one(tmp_path, metadata):
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", metadata)
    assert is_keras3(path) is False


def test_what_is_no_file_is_not_one(tmp_path):
    assert is_keras3(tmp_path) is False
    assert is_keras3(tmp_path / "gone.keras") is False


def test_asking_needs_no_tensorflow(model_files):
    code = (
        "import sys; from pathlib import Path; from compressor.models.keras3 import is_keras3; "
        f"found = is_keras3(Path({str(model_files / 'sequential.h5')!r})); "
        "print(found, {'tensorflow', 'tf_keras', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True set()\n"
