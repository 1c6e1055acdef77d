"""Keeps what plugins and native code print off the screen while they work; it goes into a log file instead."""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from compressor.base.standard_output import ForgivingStream


@contextmanager
def native_output_to(log: Path | None) -> Iterator[ForgivingStream]:
    """Redirect file descriptors 1 and 2 to `log`, and yield a stream that still writes to the real standard error.

    If native code crashes, Python's stack is written to the log. Without a log, nothing is redirected. The tool's own
    standard output has a descriptor of its own.
    """
    sys.stderr.flush()
    real = ForgivingStream(os.dup(2), sys.stderr.encoding)
    if log is None:
        yield real
        return
    saved = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor, _ in saved:
        os.dup2(target, descriptor)
    was_enabled = faulthandler.is_enabled()
    faulthandler.enable(target)
    try:
        yield real
    finally:
        faulthandler.disable()
        os.close(target)
        sys.stderr.flush()
        for descriptor, copy in saved:
            os.dup2(copy, descriptor)
            os.close(copy)
        real.close()
        if was_enabled:  # as pytest does
            faulthandler.enable(2)


@contextmanager
def native_output_dropped(debug: bool) -> Iterator[ForgivingStream]:
    """Redirect file descriptors 1 and 2 to a log that nobody keeps, but not what the tool itself logs, as of plugins.

    Args:
        debug: whether nothing is to be redirected.

    Yields:
        A stream that still writes to the real standard error.
    """
    with TemporaryDirectory() as folder, native_output_to(None if debug else Path(folder) / "log") as real:
        handlers = [each for each in logging.getLogger("compressor").handlers if type(each) is logging.StreamHandler]
        before = [handler.setStream(real) for handler in handlers]
        try:
            yield real
        finally:
            for handler, stream in zip(handlers, before, strict=True):
                handler.setStream(stream or handler.stream)
