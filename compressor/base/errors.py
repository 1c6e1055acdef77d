"""The errors that users see, and the exit code of each."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command line; fixed, because CI scripts depend on them."""

    DONE = 0
    INPUT = 1
    USAGE = 2
    CONSTRAINT = 3
    STEP = 4
    INTERNAL = 5
    WORKER = 6
    INTERRUPTED = 130


class CompressorError(Exception):
    """Root of all errors raised on purpose; `str()` says what is wrong, then what to do about it."""

    exit_code = ExitCode.INPUT

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


class DataError(CompressorError):
    """A data set that cannot be loaded, or does not fit the model."""


class ModelError(CompressorError):
    """A model that cannot be built, read or exported."""


class OutputError(CompressorError):
    """An output file or folder that cannot be written."""


class PluginError(CompressorError):
    """A plugin that is missing or broken, or that uses a name another plugin already has."""


class TargetError(CompressorError):
    """A model that is known not to fit the device that it is for."""

    exit_code = ExitCode.CONSTRAINT


class WorkerError(CompressorError):
    """Another machine that shares the trainings of a run did not come, died, or differs from this one."""

    exit_code = ExitCode.WORKER


class StepError(CompressorError):
    """A compression step that failed."""

    exit_code = ExitCode.STEP
