"""Versions of what decides the bytes of a result: Python, and the libraries that make and measure models."""

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
    """Versions of the libraries, and of Python's minor release: a patch release of Python changes no result."""
    return {"python": f"{sys.version_info.major}.{sys.version_info.minor}", **_versions_of(_LIBRARIES)}


def full_versions() -> Mapping[str, str]:
    """The same for a report: Python's version in full, and this tool's own beside it."""
    return {"python": platform.python_version(), **_versions_of(("compressor", *_LIBRARIES))}


def _versions_of(distributions: Sequence[str]) -> Mapping[str, str]:
    found = {}
    for name in distributions:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
