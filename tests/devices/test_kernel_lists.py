"""The lists of kernels are what the installed runtimes have."""

import kernel_lists
import pytest


@pytest.mark.parametrize("name", ["ethos-u55", "tflm"])
def test_a_list_is_what_the_installed_package_says(name):
    assert (kernel_lists.FOLDER / f"{name}.yaml").read_text() == kernel_lists.LISTS[name]()


@pytest.mark.long
@pytest.mark.parametrize("name", ["litert", "xnnpack"])
def test_a_longer_list_is_what_the_installed_package_says(name):
    assert (kernel_lists.FOLDER / f"{name}.yaml").read_text() == kernel_lists.LISTS[name]()
