"""Binds a process to the one that started it, so that nothing is left running when that one is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress

from compressor.base.errors import ExitCode

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Have Linux kill this process when its parent dies; on other systems, it ends by itself later."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before that
            os._exit(ExitCode.INTERRUPTED)
