"""Finds the inputs of a `.tflite` file that leave a size open."""

from __future__ import annotations

from compressor.models.litert.flatbuffer import read_model

Sizes = tuple[int | None, ...]


def open_inputs(content: bytes) -> dict[str, Sizes]:
    """The inputs of a file that leave a size of a sample open: its shape by the input's name, with None for that size.

    A size that is open, and has a value of its own that the file runs with, is none: converters write 1 where they know
    of no value.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    graph = model.subgraphs[0]
    signature = (model.signatureDefs or [None])[0]
    names = {entry.tensorIndex: entry.name for entry in (signature.inputs or ())} if signature else {}
    shapes: dict[str, Sizes] = {}
    for index in graph.inputs:
        tensor = graph.tensors[index]
        sizes = [] if tensor.shapeSignature is None else list(tensor.shapeSignature)[1:]
        sizes = [own if size < 0 and own > 1 else size for size, own in zip(sizes, tensor.shape[1:], strict=False)]
        if any(size < 0 for size in sizes):
            name = (names.get(index) or tensor.name or b"").decode(errors="replace")
            shapes[name] = tuple(None if size < 0 else int(size) for size in sizes)
    return shapes
