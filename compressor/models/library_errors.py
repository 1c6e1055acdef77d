"""What libraries raise for a file or a layer that they cannot take.

Keras, h5py, LiteRT and the readers of flatbuffers have no exceptions of their own for that, and let through whatever
their code runs into.
"""

from __future__ import annotations

import struct
import zipfile
import zlib

LAYER_ERRORS = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""From Keras, for a layer that cannot be made, or called with these arguments."""

FILE_ERRORS = (*LAYER_ERRORS, EOFError, OSError, OverflowError, struct.error, zipfile.BadZipFile, zlib.error)
"""From the readers of HDF5, JSON and ZIP, for a file that is not whole."""

LOADING_ERRORS = (*FILE_ERRORS, AssertionError, ImportError, MemoryError)
"""From Keras and TensorFlow, for a file that they cannot make a model of, beside TensorFlow's own `OpError`."""

INTERPRETER_ERRORS = (RuntimeError, ValueError)
"""From LiteRT's interpreter, for a file that it cannot open or run."""

FLATBUFFER_ERRORS = (AttributeError, LookupError, OverflowError, TypeError, ValueError, struct.error)
"""From code that walks the flatbuffer of a damaged file."""
