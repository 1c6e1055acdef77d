"""Finds the inputs of a `.tflite` file that leave a size open."""

from __future__ import annotations

from typing import Any

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import read_model

Sizes = tuple[int | None, ...]


def open_inputs(content: bytes) -> dict[str, Sizes]:
    """The inputs of a file that leave a size of a sample open: its shape by the input's name, with None for that size.

    A size that is open, and has a value of its own that the file runs with, is none: converters write 1 where they know
    of no value.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    try:
        return _open_inputs(read_model(content))
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def _open_inputs(model: Any) -> dict[str, Sizes]:
    graph = model.subgraphs[0]
    signature = (model.signatureDefs or [None])[0]
    names = {entry.tensorIndex: entry.name for entry in (signature.inputs or ())} if signature else {}
    shapes: dict[str, Sizes] = {}
    for index in () if graph.inputs is None else graph.inputs:
        tensor = graph.tensors[index]
        whole = () if tensor.shape is None else tensor.shape  # of a scalar
        sizes = [] if tensor.shapeSignature is None else list(tensor.shapeSignature)[1:]
        sizes = [own if size < 0 and own > 1 else size for size, own in zip(sizes, whole[1:], strict=False)]
        if any(size < 0 for size in sizes):
            name = (names.get(index) or tensor.name or b"").decode(errors="replace")
            shapes[name] = tuple(None if size < 0 else int(size) for size in sizes)
    return shapes
