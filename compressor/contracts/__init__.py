"""The contracts with plugins: base classes to derive from, the objects passed to them, and hooks to implement."""

from compressor.base import process_start as _process_start  # noqa: F401 - every plugin imports this room, and notes the time
