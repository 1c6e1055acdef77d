"""Every error a user can meet, and the exit code each one leads to."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What `compressor` tells the shell; fixed, since CI scripts depend on it."""

    DONE = 0
    INPUT = 1
    USAGE = 2
    CONSTRAINT = 3
    STEP = 4
    INTERNAL = 5
    INTERRUPTED = 130


class CompressorError(Exception):
    """The root of all errors raised on purpose; `str()` of it says what is wrong and ends in what to do."""

    exit_code = ExitCode.INPUT

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what = what
        self.remedy = remedy


class DataError(CompressorError):
    """A data set that cannot be had, or does not fit."""


class ModelError(CompressorError):
    """A model that cannot be built, read or exported."""


class OutputError(CompressorError):
    """A place for results that cannot be written."""


class PluginError(CompressorError):
    """A plugin that is missing, broken, or claims a name that another one has."""


class StepError(CompressorError):
    """A compression step that could not do what it was asked to."""

    exit_code = ExitCode.STEP
