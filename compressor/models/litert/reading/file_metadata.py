"""Reads what a `.tflite` file says of itself: its description, and its metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import read_model

_MOST_TEXT = 100  # bytes of an entry that is shown as text


@dataclass(frozen=True)
class MetadataEntry:
    """An entry of a file's metadata; `text` is what it holds where that is a short text, such as a version."""

    name: str
    bytes: int
    text: str


@dataclass(frozen=True)
class FileMetadata:
    """What a file says of itself; the description is empty where there is none."""

    description: str
    entries: tuple[MetadataEntry, ...]


def metadata_of(content: bytes) -> FileMetadata:
    """The metadata of a LiteRT file.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    model = read_model(content)
    try:
        entries = tuple(_entry(model, entry) for entry in model.metadata or [])
        return FileMetadata((model.description or b"").decode(errors="replace"), entries)
    except FLATBUFFER_ERRORS as error:
        raise ModelError(f"the LiteRT file is damaged ({error})", "make it again") from None


def _entry(model: Any, entry: Any) -> MetadataEntry:
    data = model.buffers[entry.buffer].data
    content = b"" if data is None else bytes(data)
    text = content.rstrip(b"\0").decode(errors="replace") if len(content) <= _MOST_TEXT else ""
    name = (entry.name or b"").decode(errors="replace")
    return MetadataEntry(name, len(content), text if text.isprintable() and "\ufffd" not in text else "")
