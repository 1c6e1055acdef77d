"""One list of libraries: the cache's keys and the report name the same ones."""

import importlib.metadata
import platform
import sys

import numpy

from compressor.base.versions import full_versions, versions


def test_the_keys_know_the_libraries_and_python_s_minor_release():
    found = versions()
    assert found["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found["numpy"] == numpy.__version__
    assert "not installed" not in found.values()


def test_the_report_names_the_same_libraries_with_python_s_full_version_and_the_tool_s_own():
    own = {"python": platform.python_version(), "compressor": importlib.metadata.version("compressor")}
    assert full_versions() == {**versions(), **own}
