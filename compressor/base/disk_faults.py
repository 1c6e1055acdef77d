"""Tells the faults of disks and permissions from the faults of whoever's code ran into them."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from compressor.base.errors import OutputError

_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})  # not every system has quotas
_DISK = _FULL | {errno.EFBIG, errno.EIO, errno.EROFS}
_OWN_FOLDERS = frozenset({errno.EACCES, errno.EPERM, errno.EINTR, errno.EMFILE, errno.ENFILE})
"""Error numbers that blame the machine for the tool's own files; for other files they may be the user's mistake."""
_TOLD = {os.strerror(number): number for number in (*_DISK, *_OWN_FOLDERS)}
_IN_TEXT = re.compile(rf"errno = (?P<number>\d+)|(?P<text>{'|'.join(map(re.escape, _TOLD))})")
_PATH = re.compile(r"(?<![\w.])/[^\s;,:'\"\])]+")
_LEAST_FREE = 64 * 1024  # bytes; a disk with less counts as full where no error says which disk it is


def temporary_files() -> Path:
    """The folder for temporary files, also where no file can be written there or anywhere else."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return Path(os.environ.get("TMPDIR") or "/tmp")


def disk_fault(error: BaseException, folders: Sequence[Path] = ()) -> OSError | None:
    """The fault of a disk or of permissions that an exception is, was raised for, or tells of; None if there is none.

    Libraries hide such a fault in errors of their own. It is looked for in the exceptions that led to this one, and in
    the texts of those from native code, which have no number.

    Args:
        error: the exception.
        folders: what is written and read by the tool itself, besides temporary files; a refused permission in there
            is nobody else's fault.
    """
    own = [temporary_files(), *folders]
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        fault = _fault_of(error)
        if fault is not None and (fault.errno in _DISK or (fault.errno in _OWN_FOLDERS and _is_within(fault, own))):
            return fault
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return None


def explained(fault: OSError, folders: Sequence[Path] = ()) -> OutputError:
    """The error to show for a file that could not be read or written.

    Args:
        fault: what the system said.
        folders: where the tool was writing, besides temporary files; the fullest is named if the fault names no file.
    """
    reason = fault.strerror or str(fault)
    place = str(fault.filename) if fault.filename else _fullest([*folders, temporary_files()])
    places = " or ".join(map(str, [*folders, temporary_files()]))
    known = place or (f"a file in {places}" if folders else "a file")
    again = "and run the same command again"
    if fault.errno in _FULL:
        return _full(reason, place, bool(place) and _is_temporary(str(place), folders))
    if fault.errno == errno.EIO:
        return OutputError(f"the disk failed at {known} ({reason})", f"check that disk, {again}")
    what = f"{known} cannot be read or written ({reason})"
    if fault.errno == errno.EFBIG:
        return OutputError(what, f"raise the limit on the size of a file (ulimit -f), or use another disk, {again}")
    if fault.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(what, f"check its permissions and those of its folder, {again}")
    if fault.errno == errno.ENAMETOOLONG:
        return OutputError(what, "choose a shorter name")
    if fault.errno in (errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
        return OutputError(what, "check that it exists, and its permissions")
    return OutputError(what, f"check its disk and its permissions, {again}")


@contextmanager
def disk_faults_named(*folders: Path) -> Iterator[None]:
    """Raise what is the fault of a disk or of permissions as such, whatever became of it on its way.

    Args:
        folders: where the tool writes, besides temporary files.

    Raises:
        OutputError: a disk is full or fails, or a file in one of the folders cannot be read or written.
    """
    try:
        yield
    except OutputError:
        raise
    # whatever libraries make of a full disk
    except Exception as error:
        fault = disk_fault(error, folders) or (error if isinstance(error, OSError) else None)
        if fault is None:
            raise
        raise explained(fault, folders) from error


def _fault_of(error: BaseException) -> OSError | None:
    """The fault that one exception is, or that its text tells of."""
    if isinstance(error, FileNotFoundError) and "No usable temporary directory" in str(error):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary_files()))
    if isinstance(error, OSError) and error.errno is not None:
        path = None if error.filename else _PATH.search(str(error))
        return OSError(error.errno, os.strerror(error.errno), path[0]) if path else error
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] == "tensorflow":
        return _told(str(error))
    return None


def _told(text: str) -> OSError | None:
    """The fault that a text of HDF5 or of TensorFlow tells of."""
    found = _IN_TEXT.search(text)
    if found is None:
        return None
    number = int(found["number"]) if found["number"] else _TOLD[found["text"]]
    path = _PATH.search(text)
    return OSError(number, os.strerror(number), path[0] if path else None)


def _full(reason: str, place: str | None, temporary: bool) -> OutputError:
    """The error for a full disk, by the folder that it is mounted at."""
    if place is None:
        return OutputError(f"the disk is full ({reason})", "free some space, and run the same command again")
    what = f"the disk at {_mount_of(place)} is full ({reason}), so that {place} cannot be written"
    remedy = "free some space there"
    if temporary:
        what = f"the disk at {_mount_of(place)} is full ({reason}), with temporary files in {temporary_files()}"
        remedy += ", or set TMPDIR to a folder on another disk"
    return OutputError(what, f"{remedy}, and run the same command again")


def _mount_of(place: str) -> Path:
    """The folder that the disk of a path is mounted at."""
    path = Path(place).absolute()
    folders = (path, *path.parents)
    return next(each for each in folders if os.path.ismount(each) or each == each.parent)


def _is_within(fault: OSError, folders: Sequence[Path]) -> bool:
    if not fault.filename:
        return fault.errno == errno.EINTR
    return _is_in(os.fsdecode(fault.filename), folders)


def _is_temporary(path: str, folders: Sequence[Path]) -> bool:
    return _is_in(path, [temporary_files()]) and not _is_in(path, folders)


def _is_in(path: str, folders: Sequence[Path]) -> bool:
    return any(Path(path).absolute().is_relative_to(folder.absolute()) for folder in folders)


def _fullest(folders: Sequence[Path]) -> str | None:
    """The folder whose disk is full; None if none is."""
    free: dict[str, int] = {}
    for folder in folders:
        with suppress(OSError):
            free[str(folder)] = shutil.disk_usage(folder).free
    least = min(free, key=lambda place: free[place], default=None)
    return least if least is not None and free[least] < _LEAST_FREE else None
