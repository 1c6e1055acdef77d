"""Runs third-party code so that whatever it raises becomes one error that names the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from compressor.base.errors import CompressorError
from compressor.base.text import shortened


@contextmanager
def fenced(subject: str, error: type[CompressorError], passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Run a plugin's code in a `with` block, and turn whatever it raises into one kind of error.

    Args:
        subject: the part of the plugin and where it came from; the message begins with it.
        error: the class of error to raise.
        passing: exceptions to let through unchanged, such as those that already say who is at fault.

    Raises:
        CompressorError: of class `error`, for anything else that the code raises, `SystemExit` included. A
            `KeyboardInterrupt` passes unchanged.
    """
    try:
        yield
    except passing:
        raise
    except CompressorError as own:
        raise error(f"{subject}: {own.what}", own.remedy) from own
    except MemoryError as failure:
        raise error(f"{subject} ran out of memory", "use a smaller batch_size, or a larger machine") from failure
    # a plugin may raise anything, and may even try to end the process
    except (Exception, SystemExit) as failure:
        reason = shortened(str(failure), 300)
        what = f"{subject} failed with {type(failure).__name__}" + (f": {reason}" if reason else "")
        raise error(what, "fix it, or report it to its author; --debug shows the traceback") from failure
