"""An HDF5 file brings in nothing from outside: no other file, and no plugin of the library."""

import io
import shutil
import zipfile

import h5py
import numpy as np
import pytest

from compressor.base.errors import ModelError
from compressor.models.files.code_in_file import names_in


@pytest.fixture(scope="module")
def whole(tensorflow, tmp_path_factory):
    """A folder with a model in both formats."""
    import tf_keras

    folder = tmp_path_factory.mktemp("whole")
    model = tf_keras.Sequential([tf_keras.Input((3,)), tf_keras.layers.Dense(2, name="dense")])
    model.save(folder / "m.h5")
    model.save(folder / "m.keras")
    return folder


@pytest.fixture(params=["h5", "keras"])
def refusal(request, whole, tmp_path):
    """A function that changes the weights of a file, and returns why it is refused."""
    secret = tmp_path / "secret"
    with h5py.File(secret, "w") as file:
        file["data"] = np.ones(3)

    def of(change):
        path = tmp_path / f"m.{request.param}"
        if request.param == "h5":
            shutil.copy(whole / "m.h5", path)
            with h5py.File(path, "a") as file:
                change(file["model_weights/dense"], secret)
        else:
            with zipfile.ZipFile(whole / "m.keras") as archive, zipfile.ZipFile(path, "w") as changed:
                weights = io.BytesIO(archive.read("model.weights.h5"))
                with h5py.File(weights, "a") as file:
                    change(file["layers/dense"], secret)
                for name in archive.namelist():
                    changed.writestr(name, weights.getvalue() if name.endswith(".h5") else archive.read(name))
        with pytest.raises(ModelError) as error:
            names_in(path)
        return error.value.what.replace(str(secret), "SECRET")

    return of


def test_a_whole_file_is_read(whole):
    for name in ("m.h5", "m.keras"):
        found = names_in(whole / name)
        assert (found.code, found.unknown, found.unknown_layers) == ([], [], [])


def test_a_link_to_another_file_is_not_followed_cve_2026_1669(refusal):
    def change(group, secret):
        group.create_group("deep/er")["words"] = h5py.ExternalLink(secret, "/data")

    assert refusal(change) == "it would read another file ('words')"


@pytest.mark.parametrize("target", ["/", "/nowhere"])
def test_a_link_within_the_file_is_not_followed(refusal, target):
    def change(group, _):
        group["loop"] = h5py.SoftLink(target)

    assert refusal(change) == "it holds a link in place of 'loop', which Keras never writes"


def test_values_in_another_file_are_not_read_cve_2026_1669(refusal):
    def change(group, secret):
        group.create_dataset("raw", (8,), "u1", external=[(str(secret), 0, 8)])

    assert refusal(change) == "it would read another file ('SECRET')"


def test_values_that_are_put_together_from_other_files_are_not_read(refusal):
    def change(group, secret):
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(secret, "data", (3,))
        group.create_virtual_dataset("put together", layout)

    assert refusal(change) == "it would read another file ('SECRET')"


def test_no_plugin_is_looked_for_to_unpack_values(refusal):
    def change(group, _):
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((4,))
        created.set_filter(307, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(group.id, b"packed", h5py.h5t.NATIVE_INT32, space, created)

    what = refusal(change)
    assert what.startswith("its values in '") and what.endswith(
        "/packed' are packed by filter 307, which HDF5 does not have built in"
    )
