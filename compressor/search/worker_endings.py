"""How the process of a worker has ended: by a signal that somebody else sent, by a crash, or by its own code."""

from __future__ import annotations

import signal
from typing import Final

_FROM_OUTSIDE: Final = {"SIGKILL", "SIGTERM", "SIGINT", "SIGHUP"}  # which a process is not sent by its own fault
_ASKED: Final = 130  # the exit code of a worker that was asked to end


def killer_of(code: int) -> str:
    """The signal by which somebody else has ended a worker; empty where it has ended by its own code."""
    name = "SIGTERM" if code == _ASKED else signal.Signals(-code).name if code < 0 else ""
    return name if name in _FROM_OUTSIDE else ""


def reason_of(worker: int, code: int, is_second: bool) -> str:
    """How a worker ended that had a trial to run, and whether it was the second one."""
    if killed_by := killer_of(code):
        twice = ", as was the one that ran the trial before" if is_second else ""
        remedy = "if memory ran out, use fewer workers or a smaller batch_size"
        return f"worker {worker} was killed ({killed_by}){twice}; {remedy}"
    if code >= 0:
        return f"worker {worker} was ended by its own code (exit code {code}); what it printed is in run.log"
    return f"worker {worker} crashed ({signal.Signals(-code).name}), and its stack is in run.log"
