"""A fence around strangers' code: whatever comes out of a plugin becomes one error that names the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from compressor.base.errors import CompressorError


@contextmanager
def fenced(who: str, error: type[CompressorError], passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Run a plugin's code.

    Args:
        who: the plugin's part and where it came from, to begin the message with.
        error: the class to raise.
        passing: errors to leave as they are, such as those that name who is at fault by themselves.

    Raises:
        CompressorError: of that class, for anything else the code raises, `sys.exit` included; an interrupt passes.
    """
    try:
        yield
    except passing:
        raise
    except CompressorError as own:
        raise error(f"{who}: {own.what}", own.remedy) from own
    except MemoryError as failure:
        raise error(f"{who} ran out of memory", "use a smaller batch_size, or a larger machine") from failure
    # a plugin may raise anything, and may even try to end the process
    except (Exception, SystemExit) as failure:
        reason = " ".join(str(failure).split())[:300]
        what = f"{who} failed with {type(failure).__name__}" + (f": {reason}" if reason else "")
        raise error(what, "mend it, or report it to its author; --debug shows the traceback") from failure
