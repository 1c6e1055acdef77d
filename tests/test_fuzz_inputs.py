"""Inputs that fuzzing once found to fail are read, or refused in one line."""

import time
from pathlib import Path

import pytest

from compressor.base.errors import DataError, ModelError
from compressor.data.npy_files import open_npy
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.reading.open_sizes import open_inputs
from compressor.models.packing.package import unpack

INPUTS = Path(__file__).parent / "fuzz_inputs"


def test_a_litert_file_with_an_input_that_has_no_shape_leaves_no_size_open():
    content = (INPUTS / "litert-input-without-shape").read_bytes()
    assert open_inputs(content) == {}
    anatomy = dissect(content)
    assert (anatomy.bytes, anatomy.multiplications) == (652, None)


def test_a_package_whose_tables_lead_on_and_on_is_refused_soon():
    start = time.process_time()
    with pytest.raises(ModelError) as error:
        unpack((INPUTS / "package-long-walk").read_bytes())
    assert str(error.value) == "the package is damaged (it was cut or changed); make it again"
    assert time.process_time() - start < 5


def test_an_array_of_nothing_whose_other_size_no_array_has_is_refused(tmp_path):
    path = tmp_path / "array.npy"
    path.write_bytes((INPUTS / "npy-nothing-of-too-much").read_bytes())
    with pytest.raises(DataError) as error:
        open_npy(path, text=True)
    assert str(error.value) == (
        f"{path} is not an array (its header gives it the shape (0, 88888888888888888888888)); "
        "save it with numpy.save(path, array), and not as objects"
    )
