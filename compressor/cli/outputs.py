"""Files that commands write: refused before any work where they cannot be, and there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compressor.base.atomic_files import whole_file
from compressor.base.errors import OutputError


def refuse_output(output: Path, force: bool) -> None:
    """Refuse a path that nothing can be written to, or where something is that is not to be replaced.

    Raises:
        OutputError: it is one of these.
    """
    if output.exists() and not output.is_file():
        raise OutputError(f"{output} is there already, and is no file", "choose another name")
    if output.exists() and not force:
        raise OutputError(f"{output} is there already", "choose another name, or pass --force to replace it")
    if not output.absolute().parent.is_dir():
        raise OutputError(f"there is no folder {output.absolute().parent}", "make it first")


@contextmanager
def written(output: Path) -> Iterator[Path]:
    """A temporary path to write to, which takes the output's name when all went well.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with whole_file(output) as temporary:
            yield temporary
    except OSError as error:
        remedy = "free some space, or choose another place"
        raise OutputError(f"{output} cannot be written ({error.strerror or error})", remedy) from error
