"""Reads a `.tflite` file as the objects of the LiteRT schema, and writes them."""

from __future__ import annotations

from typing import Any

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS

IDENTIFIER = b"TFL3"


def read_model(content: bytes) -> Any:
    """The file as a `ModelT` of the LiteRT schema.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    from ai_edge_litert import schema_py_generated as schema

    if len(content) < 8 or content[4:8] != IDENTIFIER:
        raise ModelError("this is not a LiteRT file", "give a .tflite file")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    except (*FLATBUFFER_ERRORS, MemoryError) as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None
    if not model.subgraphs or model.buffers is None:
        raise ModelError("the LiteRT file holds no graph", "make it again")
    return model


def operator_of(code: Any) -> int:
    """The number of an `OperatorCodeT`'s operator. Old files, and those that 'slim' wrote, fill one field of two."""
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def write_model(model: Any) -> bytes:
    """The bytes of a `ModelT`."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
