"""Files that each version of Keras wrote itself compute here what their models computed there."""

import numpy as np
import pytest
from version_table import compressed, difference, files_of, unpacked, versions

FILES = [(version, name) for version in versions() for name in files_of(version)]
QUICK = ("convolutions.keras", "nested.keras")
ODD = {("2.4", "attention.h5"), ("2.13", "recurrent.keras"), ("3.2", "recurrent.keras")}
LONG = [file for file in FILES if file[1] not in QUICK and file not in ODD]


@pytest.fixture(scope="module")
def folder_of(tensorflow, tmp_path_factory):
    """A function that unpacks the archive of a version, once."""
    folders = {}

    def unpack(version):
        if version not in folders:
            folders[version] = unpacked(version, tmp_path_factory.mktemp(version))
        return folders[version]

    return unpack


@pytest.mark.parametrize(
    ("version", "name"), [pytest.param(*file, marks=pytest.mark.long if file in LONG else ()) for file in FILES]
)
def test_a_file_computes_what_its_model_did_where_it_was_saved(folder_of, version, name):
    assert difference(folder_of(version) / name) <= 1e-5


@pytest.mark.parametrize(
    "version", [pytest.param(name, marks=() if name in ("2.13", "3.2") else pytest.mark.long) for name in versions()]
)
def test_a_file_is_pruned_and_quantized(folder_of, version):
    assert compressed(folder_of(version) / "convolutions.keras") == "works"


def test_the_samples_tell_models_apart(folder_of):
    for version in versions():
        for name in ("attention", "convolutions", "nested", "recurrent"):
            with np.load(folder_of(version) / f"{name}.npz") as arrays:
                assert np.ptp(arrays["outputs"], axis=0).max() > 0.01
