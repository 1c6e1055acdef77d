"""Ends code that takes too long, where the system can interrupt it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN = 1.0  # seconds, in case the code swallows the first interrupt


class _TooLong(BaseException):
    """Not an `Exception`, so that the code that takes too long does not take it for one of its own."""


class OverdueError(Exception):
    """Code took longer than it may."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block if it takes longer.

    Only the main thread can be interrupted, and only on systems with SIGALRM; elsewhere there is no limit. Native code
    is interrupted when it returns to Python.

    Raises:
        OverdueError: the block took too long.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise _TooLong

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    except _TooLong:
        raise OverdueError(f"it took more than {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
