"""Standard output belongs to the tool: what plugins, native code and child processes print goes to standard error.

`say` and its siblings write to standard output, `tell` to standard error. What they write passes the gate, and a
stream that is closed or full never stops the work; `failure` then says what went wrong.
"""

from __future__ import annotations

import codecs
import errno
import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from compressor.base.event_log import is_open, log_message
from compressor.base.outgoing import json_text, message_lines, one_line, stand_in, xml_text

if TYPE_CHECKING:
    from xml.etree import ElementTree

_FALLBACK = "compressor.stand_in"
_own: TextIO | None = None


class ForgivingStream(io.TextIOWrapper):
    """Writes text to a file descriptor. The first error is remembered, and everything after it is dropped.

    Characters that the encoding lacks are written as stand-ins or escapes.
    """

    def __init__(self, descriptor: int, encoding: str | None) -> None:
        raw = io.FileIO(descriptor, "w", closefd=descriptor > 2)
        codecs.register_error(_FALLBACK, _stand_ins)
        super().__init__(io.BufferedWriter(raw), encoding or "utf-8", _FALLBACK, line_buffering=True)
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Write the text, or drop it."""
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Write what is buffered, or drop it."""
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.failure = self.failure or error
        with suppress(OSError):  # so that what is buffered still has somewhere to go
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


class LogFormatter(logging.Formatter):
    """Formats what the tool logs as messages that nothing in them can break out of."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, and below it the traceback if there is one."""
        return "\n".join(message_lines(super().format(record)))


def claim() -> None:
    """Take standard output for the tool, for the rest of the process: file descriptor 1 becomes standard error.

    What the tool logs passes the gate as well.
    """
    encodings = [stream.encoding if stream else None for stream in (sys.stdout, sys.stderr)]
    was_open = _open_if_closed()
    real = os.dup(1) if was_open else os.open(os.devnull, os.O_RDONLY)  # which fails when written to, as 1 would
    if isinstance(sys.stdout, io.TextIOWrapper):  # which plugins find as sys.__stdout__
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    os.dup2(2, 1)
    sys.stdout, sys.stderr = ForgivingStream(real, encodings[0]), ForgivingStream(2, encodings[1])
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter())
    logger = logging.getLogger("compressor")
    logger.addHandler(handler)
    logger.propagate = False


def keep_to_messages() -> None:
    """Let nothing but the tool's own messages reach standard error any more: what native code prints there is lost.

    For the end of a process, where `claim` was called, after which libraries would tell anew what was told.
    """
    if isinstance(sys.stderr, ForgivingStream) and sys.stderr.fileno() == 2:
        sys.stderr.flush()
        sys.stderr = ForgivingStream(os.dup(2), sys.stderr.encoding)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):  # 1 has been standard error as well, since `claim`
            os.dup2(nowhere, descriptor)
        os.close(nowhere)


@contextmanager
def owned() -> Iterator[None]:
    """Keep standard output to the tool while a command runs: `print` writes to standard error."""
    global _own
    before, _own = _own, sys.stdout
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout, _own = _own, before


def output() -> TextIO:
    """The tool's standard output."""
    return _own or sys.stdout


def failure() -> OSError | None:
    """Why standard output could not be written, if it could not."""
    stream = output()
    return stream.failure if isinstance(stream, ForgivingStream) else None


def reason_of(error: OSError) -> str:
    """Why a standard stream could not be written, in words."""
    return "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)


def say(text: str) -> None:
    """Write one line to standard output."""
    _write(output(), [one_line(text, _encoding(output()))])


def say_json(data: Any) -> None:
    """Write one JSON document to standard output."""
    _write(output(), [json_text(data)])


def say_xml(root: ElementTree.Element) -> None:
    """Write one XML document to standard output."""
    _write(output(), [xml_text(root)])


def say_command(command: str) -> None:
    """Write a line that a CI system acts on, which the gate has made."""
    _write(output(), [command])


def say_document(text: str) -> None:
    """Write a document of several lines to standard output, which the gate has made."""
    _write(output(), [text], end="" if text.endswith("\n") else "\n")


def tell(text: str) -> None:
    """Write a message of one or several lines to standard error, or as an event where the log is JSON."""
    if is_open():
        log_message(text)
    elif sys.stderr is not None:
        _write(sys.stderr, message_lines(text, _encoding(sys.stderr)))


def show_cursor() -> None:
    """Show the cursor, which a process that was killed may have left hidden, if standard error is a terminal."""
    if not is_open() and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        _write(sys.stderr, ["\x1b[?25h"], end="")


def _write(stream: TextIO, lines: list[str], end: str = "\n") -> None:
    with suppress(OSError):  # there is nowhere left to say so; the tool's own stream remembers it
        stream.write("\n".join(lines) + end)
        stream.flush()


def _encoding(stream: TextIO) -> str:
    return stream.encoding or "utf-8"


def _open_if_closed() -> bool:
    """Open the standard descriptors that are closed, so that no other file gets their numbers; whether 1 was open."""
    was_open = True
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            was_open = was_open and descriptor != 1
    return was_open


def _stand_ins(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(stand_in(char) for char in error.object[error.start : error.end]), error.end
