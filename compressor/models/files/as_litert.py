"""Gives the `.tflite` file that any model file would ship as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from compressor.base.errors import ModelError
from compressor.base.file_limits import content_of, refuse_special
from compressor.base.path_or_function import Reference
from compressor.models.files.fixed_sizes import chosen_sizes, input_sizes, leaves_open, resized, text_of
from compressor.models.files.loading import build_model, refuse_foreign
from compressor.models.files.tensorflow_setup import prepare_tensorflow
from compressor.models.files.untrusted import refuse_harmful_litert
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.packing.package import unpacked

InputShape: TypeAlias = Sequence[int] | Mapping[str, Sequence[int]]
"""The shape of a sample, or shapes by the names of inputs."""

OPTION = "--input-shape"


@dataclass(frozen=True)
class ShippedModel:
    """The bytes of a `.tflite` file, and the tf_keras model that it was converted from; None for any other file."""

    content: bytes
    keras: Any = None


def shipped_bytes(
    path: Path, trusted: bool = False, shape: InputShape | None = None, of_data: InputShape | None = None
) -> bytes:
    """The bytes of a `.tflite` file, out of its package if it is in one, or of a Keras model or SavedModel converted.

    Arguments and errors are those of `shipped_model`.
    """
    return shipped_model(path, trusted, shape, of_data).content


def shipped_model(
    path: Path, trusted: bool = False, shape: InputShape | None = None, of_data: InputShape | None = None
) -> ShippedModel:
    """The same with the Keras model, where there is one.

    A model is converted as it is, without quantization.

    Args:
        path: of the model file or of a SavedModel's folder.
        trusted: the user vouches for the file, so code in it may run.
        shape: what the user chose for a model with open sizes.
        of_data: what the data has, for such a model.

    Raises:
        ModelError: it is no such file, damaged, or cannot be built for these sizes.
    """
    refuse_foreign(path)
    refuse_special(path)
    if not path.is_dir() and path.suffix not in (".keras", ".h5", ".hdf5"):
        if shape is not None:
            raise ModelError(f"{path} is a LiteRT file, whose sizes stay as they are", f"leave out {OPTION}")
        refuse_harmful_litert(path)
        return ShippedModel(unpacked(content_of(path)))
    prepare_tensorflow(seed=0)
    model = build_model(Reference("path", str(path)), trusted).model
    if isinstance(model, bytes):
        return ShippedModel(model)
    sized = with_sizes(model, str(path), trusted, shape, of_data)
    return ShippedModel(to_litert(sized), sized)


def with_sizes(
    model: Any, who: str, trusted: bool = False, shape: InputShape | None = None, of_data: InputShape | None = None
) -> Any:
    """A tf_keras model with fixed sizes: those that the user chose or the data has, where it leaves any open.

    Args:
        model: the model.
        who: the model, as the start of a message.
        trusted: code in the model may run.
        shape: what the user chose.
        of_data: what the data has.

    Raises:
        ModelError: it cannot be built for them, they do not fit it, or nothing tells them.
    """
    if not getattr(model, "inputs", None):
        return model
    own = input_sizes(model)
    if not leaves_open(own):
        if shape is not None:
            chosen_sizes(shape, own, who, OPTION)
        return model
    chosen, by = (of_data, "the data") if shape is None else (shape, OPTION)
    if chosen is None:
        name, open_shape = next((name, sizes) for name, sizes in own.items() if None in sizes)
        example = ",".join(str(size or (96 if len(open_shape) > 2 else 128)) for size in open_shape)
        what = f"{who} leaves a size of its input '{name}' open ({text_of(open_shape)}), and a file needs it"
        raise ModelError(what, f"pass {OPTION} {f'{name}=' if len(own) > 1 else ''}{example}")
    return resized(model, chosen_sizes(chosen, own, who, by), who, trusted=trusted)
