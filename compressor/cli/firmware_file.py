"""Reads the file that firmware is to hold, for the commands that write it as C."""

from __future__ import annotations

from pathlib import Path

from compressor.base.errors import ModelError
from compressor.base.file_limits import content_of, refuse_special
from compressor.models.litert.format.flatbuffer import IDENTIFIER
from compressor.models.packing.package import is_package, unpack


def stored_model(file: Path) -> bytes:
    """Read the content of a `.tflite` file or a package.

    Raises:
        ModelError: it is neither, or not there, or a damaged package.
    """
    refuse_special(file)
    if file.is_dir():
        raise ModelError(f"{file} is a folder", f"name a model file, such as {file / 'model.tflite'}")
    if not file.is_file():
        raise ModelError(f"there is no file {file}", "check the path")
    stored = content_of(file)
    if not (is_package(stored) or stored[4:8] == IDENTIFIER):
        remedy = "give a model file that a run wrote, or that `compressor convert` made"
        raise ModelError(f"{file} is neither a .tflite file nor a package", remedy)
    if is_package(stored):
        unpack(stored)  # which finds out whether it is damaged; a device that has it would find out too late
    return stored
