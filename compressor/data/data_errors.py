"""Errors about data: the one for data that is not there, and the name that an error begins with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compressor.base.errors import DataError


def no_data_at(path: Path | str) -> DataError:
    """The error for a path that leads nowhere."""
    return DataError(f"there is no data at {path}", "check the path; it starts at the recipe's folder")


@contextmanager
def about(name: str) -> Iterator[None]:
    """Have errors about data begin with what they are about, where they do not say it themselves.

    Raises:
        DataError: in place of one that does not say it.
    """
    try:
        yield
    except DataError as error:
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", error.what):
            raise
        raise DataError(f"{name}: {error.what}", error.remedy) from error
