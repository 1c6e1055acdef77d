"""What `compressor inspect` reads of the file in mixed_litert_file.py."""

import tempfile
from functools import cache
from pathlib import Path

from mixed_litert_file import with_an_island

from compressor.inspecting.read_contents import read_contents


@cache
def contents_of_mixed_file(prefix=""):
    """The contents of the file, whose tensors' names begin with the prefix."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mixed.tflite"
        path.write_bytes(with_an_island(prefix))
        return read_contents(path)
