"""Work in a child process, so that native code that crashes, or hears no interrupt, takes only that with it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import click

from compressor.base.errors import ExitCode

KEPT = "finished steps are kept, and the same command goes on from there"

Tell: TypeAlias = Callable[[str], None]

_DONE = "done "  # said with the exit code when the work has come to its end
_PATIENCE = 1.5  # seconds that the child has to leave once it is interrupted
_PR_SET_PDEATHSIG = 1


def supervised(work: Callable[[Tell], int]) -> int:
    """The exit code of `work`, which runs in a child process where the system can fork and tell who sent a signal.

    `work` gets a function to say what it is doing, in words that begin a message: if native code takes the child down,
    this process still says which step it was.
    """
    if not (hasattr(os, "fork") and hasattr(signal, "sigtimedwait")):
        return work(lambda _: None)
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    # a shell that starts a job in the background may have it ignore interrupts
    ending = {one for one in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(one) != signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {*ending, signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        os.close(reading)
        _die_with_parent()
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        result = work(lambda doing: _say(writing, doing))
        _say(writing, f"{_DONE}{int(result)}")
        return result
    os.close(writing)
    code = _exit_code_of(child, ending)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    said = _said(reading)
    if code is None:
        click.echo(f"\ninterrupted while {said} heard nothing; {KEPT}", err=True)
        return ExitCode.INTERRUPTED
    if said.startswith(_DONE):  # whatever becomes of the process after that
        return int(said.removeprefix(_DONE))
    click.echo(f"error: {_ended(said, code)}", err=True)
    return ExitCode.STEP


def _exit_code_of(child: int, ending: set[signal.Signals]) -> int | None:
    """The child's exit code, or None where it was interrupted and had to be killed.

    Signals that end this process are handed on to the child.
    """
    deadline: float | None = None
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        left = 3600.0 if deadline is None else max(0.0, deadline - time.monotonic())
        heard = signal.sigtimedwait({*ending, signal.SIGCHLD}, left)
        if heard is None and deadline is not None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        if heard is not None and heard.si_signo in ending:
            deadline = deadline or time.monotonic() + _PATIENCE
            if heard.si_code <= 0:  # from another process; a terminal's own interrupt reaches the child as well
                with suppress(ProcessLookupError):
                    os.kill(child, heard.si_signo)


def _die_with_parent() -> None:
    """Have the system end this process with its parent; elsewhere than on Linux it ends by itself, later."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _say(writing: int, doing: str) -> None:
    with suppress(OSError):
        os.write(writing, f"{doing}\0".encode())


def _said(reading: int) -> str:
    """What the child said last."""
    with os.fdopen(reading, "rb") as stream:
        said = stream.read().decode(errors="replace").split("\0")
    return said[-2] if len(said) > 1 else "the run"


def _ended(doing: str, code: int) -> str:
    """How a child ended that did not come to its end by itself."""
    remedy = "finished steps are kept; mend it, or report it to its author"
    if code >= 0:
        return f"{doing} ended the process (exit code {code}); {remedy}"
    number = -code
    name = signal.Signals(number).name
    if number == signal.SIGKILL:
        return f"{doing} was killed ({name}); if memory ran out, use a smaller batch_size or a larger machine"
    return f"{doing} crashed the process ({name}); {remedy}"
