"""Runs third-party code: whatever it raises becomes one error that names it, and what it changed is put back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from compressor.base.errors import CompressorError
from compressor.base.process_state import process_state_kept
from compressor.base.text import words_of

_log = logging.getLogger(__name__)


@contextmanager
def fenced(
    subject: str,
    error: type[CompressorError],
    passing: tuple[type[Exception], ...] = (),
    tell: Callable[[str], None] = _log.warning,
    draws: bool = False,
) -> Iterator[None]:
    """Run a plugin's code in a `with` block, and turn whatever it raises into one kind of error.

    What the code changes for the whole process is put back afterwards (`process_state_kept`).

    Args:
        subject: the part of the plugin and where it came from; the message begins with it.
        error: the class of error to raise.
        passing: exceptions to let through unchanged, such as those that already say who is at fault.
        tell: is told if the code changed a setting of the process that results may depend on.
        draws: whether random numbers that the code draws are to be missing afterwards, since the code is the core's
            own, and what follows goes on from there.

    Raises:
        CompressorError: of class `error`, for anything else that the code raises, `SystemExit` included. A
            `KeyboardInterrupt` passes unchanged.
    """
    try:
        with process_state_kept(lambda what: tell(f"{subject} changed {what}, which was put back"), draws):
            yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except passing:
        raise
    except CompressorError as own:
        raise error(f"{subject}: {own.what}", own.remedy) from own
    except MemoryError as failure:
        raise error(f"{subject} ran out of memory", "use a smaller batch_size, or a larger machine") from failure
    # a plugin may raise anything, and may even try to end the process
    except BaseException as failure:
        reason = words_of(failure, 300)
        what = f"{subject} failed with {type(failure).__name__}" + (f": {reason}" if reason else "")
        raise error(what, "fix it, or report it to its author; --debug shows the traceback") from failure
