"""Output files of commands: checked before any work, and written atomically."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compressor.base.atomic_files import whole_file
from compressor.base.disk_faults import explained
from compressor.base.errors import OutputError


def refuse_output(output: Path, force: bool) -> None:
    """Refuse an output path that cannot be written, or that exists and must not be replaced.

    Raises:
        OutputError: the path is one of these.
    """
    if output.exists() and not output.is_file():
        raise OutputError(f"{output} exists, and is not a file", "choose another name")
    if output.exists() and not force:
        raise OutputError(f"{output} exists already", "choose another name, or pass --force to replace it")
    if not output.absolute().parent.is_dir():
        raise OutputError(f"there is no folder {output.absolute().parent}", "create it first")


@contextmanager
def written(output: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it is renamed to `output` if the block succeeds.

    Raises:
        OutputError: the output cannot be written.
    """
    try:
        with whole_file(output) as temporary:
            yield temporary
    except OSError as error:
        raise explained(error, [output.absolute().parent]) from error
