"""The layers of a `.keras` file, read from its configuration without Keras or TensorFlow."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from compressor.models.files.config_entries import entries
from compressor.models.library_errors import FILE_ERRORS

_CONFIG = "config.json"
_MOST_BYTES = 50_000_000  # of the configuration, unpacked


def stored_layers(path: Path) -> list[tuple[str, str]]:
    """Name and class of each layer, those within other layers included; empty if the file does not tell."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(_CONFIG).file_size > _MOST_BYTES:
                return []
            config = json.loads(archive.read(_CONFIG))
    except FILE_ERRORS:
        return []  # building the model will say what is wrong
    return [
        (entry["config"]["name"], entry["class_name"])
        for entry in entries(config)
        if isinstance(entry.get("config"), dict)
        and isinstance(entry["config"].get("name"), str)
        and isinstance(entry.get("class_name"), str)
    ]
