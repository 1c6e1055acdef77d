"""Runs a command in a child process, so that native code that crashes or ignores an interrupt ends only the child."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TypeAlias

from compressor.base.errors import CompressorError, ExitCode
from compressor.base.file_limits import MEMORY_VARIABLE, chosen_memory
from compressor.base.machine_memory import memory_of, whole_memory
from compressor.base.parent_process import die_with
from compressor.base.sizes import format_size
from compressor.base.standard_output import show_cursor, tell
from compressor.cli.interrupts import heeded, raise_once
from compressor.cli.temporary_folder import temporary_folder

KEPT = "finished steps are kept, and the same command resumes from there"

Tell: TypeAlias = Callable[[str], None]
Kept: TypeAlias = Callable[[str], str]

SENDING = "sending word of how the run ended"
PUBLISHING = "publishing what the run left"
CLUSTER = "the work on the cluster"
"""Reported by a child that needs some seconds more after an interrupt, as `SENDING` is."""

_DONE = "done "  # reported with the exit code when the work is done
_NOTHING_TOLD = "the run"
_PATIENCE = 1.5  # seconds that the child has to end after an interrupt
_MORE_PATIENCE = {SENDING: 5.0, PUBLISHING: 12.0, CLUSTER: 12.0}  # seconds, where it tells others of that
_SHARE = 0.95  # of the machine's memory, beyond which the system may kill anything
_LOOKS = 0.5  # seconds between two looks at the child's memory
_TOO_LARGE, _UNRESPONSIVE = 256, 257  # in place of an exit code


def ended_with(code: int) -> str:
    """The report of a child that ends at once: its exit code. It has said why by then."""
    return f"{_DONE}{int(code)}"


def supervised(
    work: Callable[[Tell], int],
    died: Callable[[str, bool], None] = lambda _message, _interrupted: None,
    kept: Kept | None = None,
) -> int:
    """Run `work` and return its exit code, in a child process if the system can fork and tell who sent a signal.

    `work` gets a function to report what it is doing, as the start of a message: if native code crashes the child, this
    process can still say in which step. A child that takes more memory than `COMPRESSOR_MAX_MEMORY`, or nearly all that
    the machine has, is ended. Whatever the child leaves in the temporary folder is removed. `died` is told why a child
    could not end its work, and whether it was interrupted. `kept` says what such a child leaves and how to go on, by
    what it was doing; without it, that is what a run leaves.
    """
    if not (hasattr(os, "fork") and hasattr(signal, "sigtimedwait")):
        return work(lambda _: None)
    try:
        most = min(filter(None, (chosen_memory(), int(_SHARE * (whole_memory() or 0)))), default=0)
    except CompressorError as error:
        tell(f"error: {error}")
        return error.exit_code
    ending = heeded()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*ending, signal.SIGCHLD})
    with temporary_folder():
        sys.stdout.flush()
        sys.stderr.flush()
        reading, writing = os.pipe()
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            os.close(reading)
            return _in_child(work, writing, ending, parent, mask, kept)
        os.close(writing)
        reports = _Reports(reading)
        code, interrupted = _exit_code_of(child, set(ending), most, reports)
        last = reports.last()
    for number in ending:  # one more that came since would end this process on the spot
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if last.startswith(_DONE):  # whatever happens to the process after that
        return int(last.removeprefix(_DONE))
    show_cursor()
    if interrupted:  # a crash after that is one of the ending alone
        tell("")  # after the ^C of the terminal
        ended = "did not respond and was killed" if code == _UNRESPONSIVE else "did not end by itself"
        message = f"interrupted; {last} {ended}; {kept(last) if kept else KEPT}"
        tell(message)
    else:
        left = kept(last) if kept else ""
        message = _memory_message(last, most, left) if code == _TOO_LARGE else _crash_message(last, code, left)
        tell(f"error: {message}")
    died(message, interrupted)
    return ExitCode.INTERRUPTED if interrupted else ExitCode.STEP


def _in_child(
    work: Callable[[Tell], int],
    writing: int,
    ending: Sequence[int],
    parent: int,
    mask: Collection[int],
    kept: Kept | None,
) -> int:
    """Do the work and report its exit code; signals are heeded only meanwhile."""
    die_with(parent)
    try:
        raise_once(ending)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        result = work(lambda doing: _report(writing, doing))
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    except KeyboardInterrupt:  # just before or after the work
        tell("")
        tell(f"interrupted; {kept('') if kept else KEPT}")
        result = ExitCode.INTERRUPTED
    _report(writing, ended_with(result))
    return result


def _exit_code_of(child: int, ending: Collection[int], most: int, reports: _Reports) -> tuple[int, bool]:
    """The child's exit code, and whether it was interrupted; `_UNRESPONSIVE` if it had to be killed after that.

    Signals that would end this process are passed on to the child. If it takes more than `most` bytes of memory, it is
    killed, and the code is `_TOO_LARGE`; 0 sets no limit.
    """
    interrupted: float | None = None  # when
    while True:
        reports.read()
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), interrupted is not None
        if 0 < most < memory_of(child):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return _TOO_LARGE, interrupted is not None
        timeout = _LOOKS
        if interrupted is not None:
            patience = reports.patience()
            timeout = min(_LOOKS, interrupted + patience - time.monotonic())
        if timeout <= 0:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return _UNRESPONSIVE, True
        received = signal.sigtimedwait({*ending, signal.SIGCHLD}, timeout)
        if received is not None and received.si_signo in ending:
            interrupted = interrupted or time.monotonic()
            if received.si_code <= 0:  # from another process; a terminal's own interrupt reaches the child as well
                with suppress(ProcessLookupError):
                    os.kill(child, received.si_signo)


def _report(writing: int, doing: str) -> None:
    with suppress(OSError):
        os.write(writing, f"{doing}\0".encode())


class _Reports:
    """What the child reports. It is read as it comes, since the child waits when the pipe is full."""

    def __init__(self, reading: int) -> None:
        os.set_blocking(reading, False)
        self._reading = reading
        self._told = b""

    def read(self) -> None:
        with suppress(BlockingIOError):
            while part := os.read(self._reading, 1 << 16):
                self._told += part

    def patience(self) -> float:
        """Seconds that the child has to end after an interrupt, by what it has last reported that it does."""
        told = reversed(self._told.decode(errors="replace").split("\0"))
        last = next((doing for doing in told if doing and not doing.startswith(_DONE)), "")
        return next((seconds for doing, seconds in _MORE_PATIENCE.items() if last.startswith(doing)), _PATIENCE)

    def last(self) -> str:
        """The last event, when nothing more is to come."""
        self.read()
        os.close(self._reading)
        reports = self._told.decode(errors="replace").split("\0")
        return reports[-2] if len(reports) > 1 else _NOTHING_TOLD


def _memory_message(doing: str, most: int, kept: str) -> str:
    remedy = f"use less data or a smaller batch_size, or set {MEMORY_VARIABLE} to more"
    return f"{doing} took more than {format_size(most)} of memory and was stopped; {remedy}; {kept or KEPT}"


def _crash_message(doing: str, code: int, kept: str) -> str:
    """How a child ended that did not finish its work; `kept` says what it leaves, unless it was a run."""
    own = f"; {kept}" if kept else ""
    remedy = f"{'' if kept else 'finished steps are kept; '}fix it, or report it to its author{own}"
    if code >= 0:
        return f"{doing} ended the process (exit code {code}); {remedy}"
    number = -code
    name = signal.Signals(number).name
    if number == signal.SIGKILL:
        return f"{doing} was killed ({name}); if memory ran out, use a smaller batch_size or a larger machine{own}"
    stack = ", whose stack is in run.log" if doing != _NOTHING_TOLD and "--debug" not in sys.argv else ""
    return f"{doing} crashed the process ({name}){stack}; {remedy}"
