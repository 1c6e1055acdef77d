"""Brings out the errors that TensorFlow's converter keeps to itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from compressor.base.disk_faults import disk_fault


@contextmanager
def disk_faults_raised() -> Iterator[None]:
    """Raise the fault of a disk that the converter met, in place of what it made of it.

    The converter saves the graph in a temporary folder first. Where that fails it says nothing, and goes on with a
    graph that has lost its names and signature.

    Raises:
        OSError: the graph could not be saved.
    """
    from tensorflow.lite.python import lite

    save, met = lite._save.save, list[OSError]()

    def saving(*arguments: Any, **options: Any) -> Any:
        try:
            return save(*arguments, **options)
        # TensorFlow's own errors have no number
        except Exception as error:
            if fault := disk_fault(error):
                met.append(fault)
            raise

    lite._save.save = saving
    try:
        yield
    finally:
        lite._save.save = save
        if met:
            raise met[0]
