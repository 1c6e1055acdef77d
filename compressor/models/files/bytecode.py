"""Refuses bytecode of another Python in Lambda layers, which may crash this one when it runs."""

from __future__ import annotations

import binascii
import dis
import marshal
import sys
from collections.abc import Iterator
from types import CodeType
from typing import Any

from compressor.base.errors import ModelError
from compressor.models.files.config_entries import entries

_DECODING_ERRORS = (EOFError, SystemError, TypeError, ValueError)
"""From `marshal`, for what another version wrote."""
_CODE_AT = 21
"""Where the instructions of a marshalled function begin, behind five numbers: a type, a size, and the bytes. They are
read from there, since `co_code` shows them as this version would have written them."""
_REMEDY = "load it with the Python that saved it, put a layer class in its place, and save it again"


def refuse_other_bytecode(config: Any) -> None:
    """Refuse a file's configuration with bytecode that is not of this version of Python.

    Raises:
        ModelError: there is some.
    """
    for code in _bytecodes(config):
        if not _is_of_this_python(code):
            version = f"Python {sys.version_info.major}.{sys.version_info.minor}"
            what = f"it holds a Lambda layer with the bytecode of another Python, which {version} cannot run"
            raise ModelError(what, _REMEDY)


def _bytecodes(config: Any) -> Iterator[str]:
    """The functions in a configuration that are bytecode, as text: of HDF5 files, and of `.keras` files."""
    for entry in entries(config):
        inner = entry.get("config")
        function = entry.get("function")
        if entry.get("function_type") == "lambda" and isinstance(function, list) and function:
            yield str(function[0])
        if entry.get("class_name") == "__lambda__" and isinstance(inner, dict):
            yield str(inner.get("code", inner.get("value")))


def _is_of_this_python(text: str) -> bool:
    try:
        content = binascii.a2b_base64(text)
        code = marshal.loads(content)
    except _DECODING_ERRORS:
        return False
    if not isinstance(code, CodeType) or content[_CODE_AT] & 0x7F != ord("s"):
        return False
    size = int.from_bytes(content[_CODE_AT + 1 : _CODE_AT + 5], "little")
    return _fits(content[_CODE_AT + 5 : _CODE_AT + 5 + size])


def _fits(instructions: bytes) -> bool:
    """Whether all instructions are known, and as far apart as this version sets them.

    Later versions have the same layout with other instructions, and an instruction is followed by empty ones for the
    interpreter's notes, whose number changes from version to version.
    """
    counts: Any = getattr(dis, "_inline_cache_entries", {})
    operations, at = instructions[::2], 0
    while at < len(operations):
        operation = operations[at]
        name = dis.opname[operation]
        if name == "CACHE" or name.startswith("<"):
            return False
        notes = counts.get(name, 0) if isinstance(counts, dict) else counts[operation]
        if any(operations[at + 1 : at + 1 + notes]):
            return False
        at += 1 + notes
    return True
