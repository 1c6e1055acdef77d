"""Puts back what other code changed for the whole process: working directory, environment, random numbers and others.

Libraries are looked at only if they have been imported.
"""

from __future__ import annotations

import locale
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, NoReturn

Restore = Callable[[], str]
"""Puts a setting back, and says what it was; empty if it had not changed, or if it matters to nobody."""

_random_numbers_kept = ContextVar("random_numbers_kept", default=False)

_SIGNALS = [
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGCHLD", "SIGPIPE", "SIGUSR1", "SIGUSR2")
    if (number := getattr(signal, name, None)) is not None
]

# The function in C; Python's own makes enums of the numbers, which takes most of its time.
_handler_of: Callable[[int], Any] = getattr(sys.modules.get("_signal"), "getsignal", signal.getsignal)

_SET_BY_LIBRARIES = {  # when TensorFlow and tfmot are first imported, whoever imports them
    "ENABLE_RUNTIME_UPTIME_TELEMETRY", "HDF5_PLUGIN_PATH", "TF2_BEHAVIOR", "TF_CPP_MIN_LOG_LEVEL",
    "TF_USE_LEGACY_KERAS", "TPU_ML_PLATFORM", "TPU_ML_PLATFORM_VERSION",
}  # fmt: skip


@contextmanager
def process_state_kept(changed: Callable[[str], None], draws: bool = False) -> Iterator[None]:
    """Put the settings of the process back when the block ends, and have `os._exit` within it raise `SystemExit`.

    Args:
        changed: is told what was put back, such as `the working directory`, if results may depend on it.
        draws: whether random numbers that the block draws are to be missing afterwards.
    """
    restores = [_working_directory(), _environment(), _keras_settings(), _exit()]
    restores += [_signal_handlers(), _warning_filters(), _recursion_limit(), _locale()]
    if not (draws or _random_numbers_kept.get()):
        restores.append(_random_numbers())
    try:
        yield
    finally:
        if found := [what for restore in restores if (what := restore())]:
            changed(" and ".join(found))


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Put the random numbers back when the block ends, and only then; it saves time where plugins are called often."""
    restore = _random_numbers()
    token = _random_numbers_kept.set(True)
    try:
        yield
    finally:
        _random_numbers_kept.reset(token)
        restore()


def seed_random_numbers(seed: int) -> None:
    """Begin the global random numbers of Python and NumPy at a seed, so that they depend on nothing that ran before."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)


def _working_directory() -> Restore:
    try:
        before = os.getcwd()  # noqa: PTH109 - the same for other modules
    except FileNotFoundError:  # it was removed
        return lambda: ""

    def restore() -> str:
        with suppress(FileNotFoundError):
            if os.getcwd() == before:  # noqa: PTH109
                return ""
        with suppress(OSError):
            os.chdir(before)
        return "the working directory"

    return restore


def _environment() -> Restore:
    encoded = getattr(os.environ, "_data", os.environ)  # how CPython holds it, which is compared many times faster
    before_encoded = dict(encoded)

    def restore() -> str:
        if encoded == before_encoded:
            return ""
        before = {os.fsdecode(name): os.fsdecode(value) for name, value in before_encoded.items()}
        now = dict(os.environ)
        changed = {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}
        names = sorted(changed - (_SET_BY_LIBRARIES - before.keys()))
        for name in names:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]
        return f"the environment ({', '.join(names)})" if names else ""

    return restore


def _keras_settings() -> Restore:
    keras = sys.modules.get("tf_keras")
    if keras is None or not hasattr(keras, "mixed_precision"):  # it is being imported
        return lambda: ""
    backend, precision = keras.backend, keras.mixed_precision

    def settings() -> tuple[str, str, str]:
        return precision.global_policy().name, backend.floatx(), backend.image_data_format()

    before = settings()

    def restore() -> str:
        if settings() == before:
            return ""
        policy, floats, layout = before
        backend.set_floatx(floats)
        backend.set_image_data_format(layout)
        precision.set_global_policy(policy)
        return "the settings of Keras (precision, float type or data format)"

    return restore


def _exit() -> Restore:
    before, process = os._exit, os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != process:  # a child of its own
            before(status)
        raise SystemExit(f"it called os._exit({status})")

    vars(os)["_exit"] = refuse

    def restore() -> str:
        vars(os)["_exit"] = before
        return ""

    return restore


def _signal_handlers() -> Restore:
    if threading.current_thread() is not threading.main_thread():  # others cannot set any
        return lambda: ""
    before = {number: _handler_of(number) for number in _SIGNALS}

    def restore() -> str:
        for number, handler in before.items():
            if handler is not None and _handler_of(number) is not handler:
                with suppress(OSError, ValueError):
                    signal.signal(number, handler)
        return ""

    return restore


def _warning_filters() -> Restore:
    before, show = list(warnings.filters), warnings.showwarning

    def restore() -> str:
        if warnings.filters != before:
            warnings.resetwarnings()  # has Python look at the filters anew
            warnings.filters[:] = before  # type: ignore[index]
        warnings.showwarning = show
        return ""

    return restore


def _recursion_limit() -> Restore:
    before = sys.getrecursionlimit()

    def restore() -> str:
        if sys.getrecursionlimit() != before:
            sys.setrecursionlimit(before)
        return ""

    return restore


def _locale() -> Restore:
    before = locale.setlocale(locale.LC_ALL)

    def restore() -> str:
        if locale.setlocale(locale.LC_ALL) != before:
            locale.setlocale(locale.LC_ALL, before)
        return ""

    return restore


def _random_numbers() -> Restore:
    before = random.getstate()
    numpy: Any = sys.modules.get("numpy")
    arrays = numpy.random.get_state() if hasattr(numpy, "random") else None

    def restore() -> str:
        random.setstate(before)
        if arrays is not None:
            numpy.random.set_state(arrays)
        return ""

    return restore
