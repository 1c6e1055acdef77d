"""Gives the `.tflite` file that any model file would ship as."""

from __future__ import annotations

from pathlib import Path

from compressor.base.path_or_function import Reference
from compressor.models.files.loading import build_model, refuse_foreign
from compressor.models.files.tensorflow_setup import prepare_tensorflow
from compressor.models.files.untrusted import refuse_harmful_litert
from compressor.models.litert.converter import to_litert
from compressor.models.packing.package import unpacked


def shipped_bytes(path: Path, trusted: bool = False) -> bytes:
    """The bytes of a `.tflite` file, out of its package if it is in one, or of a Keras model or SavedModel converted.

    A model is converted as it is, without quantization.

    Args:
        path: of the model file or of a SavedModel's folder.
        trusted: the user vouches for the file, so code in it may run.

    Raises:
        ModelError: it is no such file, or damaged.
    """
    refuse_foreign(path)
    if not path.is_dir() and path.suffix not in (".keras", ".h5", ".hdf5"):
        refuse_harmful_litert(path)
        return unpacked(path.read_bytes())
    prepare_tensorflow(seed=0)
    model = build_model(Reference("path", str(path)), trusted).model
    return model if isinstance(model, bytes) else to_litert(model)
