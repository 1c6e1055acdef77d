"""Inputs that fuzzing once found to fail are read, or refused in one line."""

import time
from pathlib import Path

import pytest

from compressor.base.errors import ModelError
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
    assert str(error.value) == "the package is damaged (it holds more than it should); make it again"
    assert time.process_time() - start < 5
