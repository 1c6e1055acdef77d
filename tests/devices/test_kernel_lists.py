"""The lists of kernels are what the installed runtimes have."""

import sys

import kernel_lists
import pytest

ON_311 = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="tflite-micro has wheels for Python 3.11 alone")


@pytest.mark.parametrize("name", ["ethos-u55", pytest.param("tflm", marks=ON_311)])
def test_a_list_is_what_the_installed_package_says(name):
    assert (kernel_lists.FOLDER / f"{name}.yaml").read_text() == kernel_lists.LISTS[name]()


@pytest.mark.long
@pytest.mark.parametrize("name", ["litert", "xnnpack"])
def test_a_longer_list_is_what_the_installed_package_says(name):
    assert (kernel_lists.FOLDER / f"{name}.yaml").read_text() == kernel_lists.LISTS[name]()
