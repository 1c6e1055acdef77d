"""A folder for the temporary files of one run, which does not outlive it, however the run ends."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from compressor.base.disk_faults import temporary_files

_PREFIX = "compressor-run-"
_LOCK = ".lock"

_lasting: list[str] = []


@contextmanager
def temporary_folder() -> Iterator[None]:
    """Have this process, its children and native code write temporary files into a folder that is removed at the end.

    It is locked for as long as the process or a child of it lives. Such folders that nobody holds any more, since their
    run was killed, are removed. Where no folder can be made, temporary files go where they went.
    """
    outer, before = str(temporary_files()), os.environ.get("TMPDIR")
    held = _locked_folder(Path(outer))
    if held is None:
        yield
        return
    folder, lock = held
    _sweep(Path(outer))
    _lasting.append(outer)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = _lasting.pop()
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def lasting_folder() -> str:
    """The folder for temporary files that are to stay after the run."""
    return _lasting[0] if _lasting else str(temporary_files())


def _locked_folder(outer: Path) -> tuple[Path, int] | None:
    """A new folder and the descriptor that locks it; None where that is not possible."""
    folder = None
    try:
        import fcntl

        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=outer))
        lock = os.open(folder / f"{_LOCK}.new", os.O_CREAT | os.O_RDWR, 0o600)
        os.set_inheritable(lock, True)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (folder / f"{_LOCK}.new").rename(folder / _LOCK)  # a folder counts as abandoned only with a lock nobody holds
    except (ImportError, OSError):
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        return None
    return folder, lock


def _sweep(outer: Path) -> None:
    """Remove this user's folders whose run was killed."""
    import fcntl

    for folder in outer.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                continue
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
