"""`--log-format json`: everything on standard error as one JSON object a line, from the first word to the last."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from compressor.base.event_log import events_to, log
from compressor.base.standard_output import ForgivingStream

OPTION = "--log-format"


@contextmanager
def log_as_asked(arguments: Sequence[str]) -> Iterator[Callable[[int], None]]:
    """Log as the command line asks for; it is looked at before click reads it, whose errors are logged as well.

    With JSON, file descriptors 1 and 2 lead into a temporary file, for good, so that nothing else stands in the log.

    Yields:
        What to call with the exit code when the command has ended. It does nothing in a child process.
    """
    if values_of(OPTION, arguments)[-1:] != ["json"]:
        yield lambda _: None
        return
    own = os.getpid()
    with tempfile.TemporaryFile() as printed, ForgivingStream(os.dup(2), "utf-8") as real, events_to(real):
        for descriptor in (1, 2):
            os.dup2(printed.fileno(), descriptor)

        def ended(code: int) -> None:
            if os.getpid() == own:
                printed.seek(0)
                for line in printed:
                    log("output", message=line.decode("utf-8", "replace").rstrip("\r\n"))
                log("ended", exit_code=int(code))

        try:
            yield ended
        except BaseException:  # whose traceback must not be lost
            os.dup2(real.fileno(), 2)
            raise


def values_of(option: str, arguments: Sequence[str]) -> list[str]:
    """The values that a command line gives to an option, before click has read it."""
    values: list[str] = []
    for place, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == option:
            values += arguments[place + 1 : place + 2]
        elif argument.startswith(f"{option}="):
            values.append(argument.partition("=")[2])
    return values
