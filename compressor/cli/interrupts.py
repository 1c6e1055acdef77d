"""Interrupts: the first one ends what is going on, and those after it do not disturb the ending."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from types import TracebackType

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""The signals that ask a process to end: Ctrl-C, a termination, and a terminal that was closed."""

_APART = 1.0  # seconds after which another signal means that the first one has had no effect
_raised: list[float] = []  # when, by the monotonic clock


def heeded() -> list[signal.Signals]:
    """Those of `ENDING` that this process does not ignore; a shell may have it ignore some, as `nohup` does."""
    return [number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN]


def raise_once(numbers: Collection[int]) -> None:
    """Have the first of some signals raise a KeyboardInterrupt, and those that follow at once do nothing."""
    for number in numbers:
        signal.signal(number, _raise)


def was_interrupted() -> bool:
    """Whether a signal has come; libraries may have turned its KeyboardInterrupt into an error of another kind."""
    return bool(_raised)


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is a signal that has come, or what a library has turned it into."""
    return isinstance(error, KeyboardInterrupt) or was_interrupted()


def quiet_interrupts() -> None:
    """Have an interrupt that comes before the command line is ready end the process without a traceback."""
    shown = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            shown(kind, error, trace)
            return
        with suppress(OSError):
            os.write(2, b"\ninterrupted; nothing was changed\n")
        os._exit(130)

    sys.excepthook = show


def _raise(*_: object) -> None:
    now = time.monotonic()
    if not _raised or now - _raised[-1] > _APART:
        _raised.append(now)
        raise KeyboardInterrupt
