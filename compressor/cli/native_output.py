"""Keeps what TensorFlow's and LiteRT's C++ code prints off the screen; it goes into a log file instead."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path


@contextmanager
def native_output_to(log: Path | None) -> Iterator[TextIOWrapper]:
    """Redirect file descriptor 2 to `log`, and yield a stream that still writes to the real standard error.

    If native code crashes, Python's stack is written to the log. Without a log, nothing is redirected.
    """
    sys.stderr.flush()
    real = os.fdopen(os.dup(2), "w", encoding=sys.stderr.encoding or "utf-8", errors="replace", buffering=1)
    if log is None:
        yield real
        return
    saved = os.dup(2)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(target, 2)
    was_enabled = faulthandler.is_enabled()
    faulthandler.enable(target)
    try:
        yield real
    finally:
        faulthandler.disable()
        if was_enabled:  # as pytest does
            faulthandler.enable()
        os.close(target)
        sys.stderr.flush()
        os.dup2(saved, 2)
        os.close(saved)
        real.close()
