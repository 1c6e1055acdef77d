"""Versions of Python and of the libraries that make and measure models, on which results depend."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Mapping, Sequence
from functools import cache

_LIBRARIES = (
    "tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "litert-quantizer", "numpy",
    "brotli", "zstandard",
)  # fmt: skip


@cache
def versions() -> Mapping[str, str]:
    """Versions of the libraries and of Python, to its minor release only: a patch release changes no result."""
    return {"python": f"{sys.version_info.major}.{sys.version_info.minor}", **_versions_of(_LIBRARIES)}


def full_versions() -> Mapping[str, str]:
    """Versions for a report: those of the libraries, Python's in full, and this tool's own."""
    return {"python": platform.python_version(), **_versions_of(("compressor", *_LIBRARIES))}


def _versions_of(distributions: Sequence[str]) -> Mapping[str, str]:
    known = {}
    for name in distributions:
        try:
            known[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            known[name] = "not installed"
    return known
