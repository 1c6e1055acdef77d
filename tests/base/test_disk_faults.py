"""A full disk is named as such, whatever a library made of it on its way."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from compressor.base import disk_faults
from compressor.base.atomic_files import naming, whole_file, write_whole
from compressor.base.disk_faults import disk_fault, disk_faults_named, explained
from compressor.base.errors import DataError, OutputError, StepError


def fault(number, path=None):
    return OSError(number, os.strerror(number), str(path) if path else None)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (
            errno.ENOSPC,
            "the disk at / is full (No space left on device), so that /out/x cannot be written; "
            "free some space there, and run the same command again",
        ),
        (errno.EIO, "the disk failed at /out/x (Input/output error); check that disk, and run the same command again"),
        (
            errno.EACCES,
            "/out/x cannot be read or written (Permission denied); "
            "check its permissions and those of its folder, and run the same command again",
        ),
        (
            errno.EROFS,
            "/out/x cannot be read or written (Read-only file system); "
            "check its permissions and those of its folder, and run the same command again",
        ),
        (
            errno.ENOENT,
            "/out/x cannot be read or written (No such file or directory); check that it exists, and its permissions",
        ),
        (
            errno.EINTR,
            "/out/x cannot be read or written (Interrupted system call); "
            "check its disk and its permissions, and run the same command again",
        ),
    ],
)
def test_a_fault_names_the_disk_or_the_permission_and_the_file(number, shown):
    assert str(explained(fault(number, "/out/x"))) == shown


def test_a_full_disk_of_temporary_files_says_how_to_use_another():
    folder = Path(tempfile.gettempdir())
    mount = next(place for place in (folder, *folder.parents) if place.is_mount())
    assert str(explained(fault(errno.ENOSPC, folder / "x"))) == (
        f"the disk at {mount} is full (No space left on device), with temporary files in {folder}; "
        "free some space there, or set TMPDIR to a folder on another disk, and run the same command again"
    )


def test_a_fault_without_a_file_names_the_folder_whose_disk_is_full(monkeypatch, tmp_path):
    free = {tmp_path: 10, Path(tempfile.gettempdir()): 10**9}
    usage = type("Usage", (), {"__init__": lambda self, free: setattr(self, "free", free)})
    monkeypatch.setattr(disk_faults.shutil, "disk_usage", lambda path: usage(free[path]))
    assert f", so that {tmp_path} cannot be written;" in str(explained(fault(errno.ENOSPC), [tmp_path]))
    free[tmp_path] = 10**9
    assert str(explained(fault(errno.ENOSPC), [tmp_path])).startswith("the disk is full (No space left on device);")


def raised(outer, cause):
    with pytest.raises(type(outer)) as caught:
        raise outer from cause
    return caught.value


def test_it_is_found_behind_an_error_that_blames_a_step(tmp_path):
    behind = fault(errno.ENOSPC, tmp_path / "x")
    error = raised(StepError("the step failed with OSError", "report it to its author"), behind)
    assert disk_fault(error) is behind
    with (
        pytest.raises(OutputError, match=r"^the disk at \S+ is full \(.+\), so that \S+/x cannot be written;"),
        disk_faults_named(tmp_path),
    ):
        raise error


def test_errors_of_native_code_are_known_by_their_text(tensorflow, tmp_path):
    hdf5 = OSError("Can't write data (file write failed: time = x, errno = 28, error message = 'No space left')")
    assert disk_fault(hdf5).errno == errno.ENOSPC
    full = tensorflow.errors.ResourceExhaustedError(None, None, "/ram/x/variables; No space left on device")
    assert (disk_fault(full).errno, disk_fault(full).filename) == (errno.ENOSPC, "/ram/x/variables")
    assert disk_fault(ValueError("No space left on device")) is None
    numbered = PermissionError(errno.EACCES, f"unable to open file: name = '{tmp_path}/2-qat.h5', errno = 13")
    assert disk_fault(numbered, [tmp_path]).filename == f"{tmp_path}/2-qat.h5"


def test_a_refused_permission_is_the_tool_s_in_its_own_folders_only(tmp_path):
    elsewhere = Path("/elsewhere/model.h5")
    assert disk_fault(fault(errno.EACCES, elsewhere)) is None
    assert disk_fault(fault(errno.EACCES, elsewhere), [elsewhere.parent]) is not None
    assert disk_fault(fault(errno.EACCES, Path(tempfile.gettempdir()) / "x")) is not None
    assert disk_fault(fault(errno.ENOENT, Path(tempfile.gettempdir()) / "x")) is None


def test_other_errors_pass_as_they_are(tmp_path):
    with pytest.raises(DataError, match=r"^the labels are missing; add them$"), disk_faults_named(tmp_path):
        raise DataError("the labels are missing", "add them")
    with pytest.raises(ZeroDivisionError), disk_faults_named(tmp_path):
        raise ZeroDivisionError


def test_a_file_that_cannot_be_written_is_named_by_its_own_name_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise fault(errno.ENOSPC)

    monkeypatch.setattr("compressor.base.atomic_files.os.fsync", full)
    with pytest.raises(OSError) as error:
        write_whole(tmp_path / "x", "content")
    assert error.value.filename == str(tmp_path / "x")
    with pytest.raises(OSError) as error, whole_file(tmp_path / "no folder" / "x") as temporary:
        temporary.write_bytes(b"")
    assert error.value.filename == str(tmp_path / "no folder" / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_without_a_file_names_the_folders_that_are_written():
    assert str(explained(fault(errno.EIO), [Path("/out"), Path("/cache")])).startswith(
        f"the disk failed at a file in /out or /cache or {tempfile.gettempdir()} (Input/output error); check that disk,"
    )


def test_where_no_temporary_file_can_be_written_the_disk_is_full(monkeypatch):
    def nowhere():
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/']")

    monkeypatch.setenv("TMPDIR", "/tmp")
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(OutputError) as error, disk_faults_named():
        tempfile.gettempdir()
    assert str(error.value) == (
        "the disk at / is full (No space left on device), with temporary files in /tmp; free some space there, or set "
        "TMPDIR to a folder on another disk, and run the same command again"
    )


def test_a_system_without_quotas_or_mounts_of_paths_is_told_the_same(monkeypatch):
    def no_mounts(path):  # as on Windows until Python 3.12
        raise NotImplementedError

    monkeypatch.setattr(Path, "is_mount", no_mounts)
    assert str(explained(fault(errno.ENOSPC, "/out/x"))).startswith("the disk at / is full (No space left on device)")
    script = "import errno; del errno.EDQUOT; from compressor.base.disk_faults import explained; "
    script += "print(explained(OSError(errno.ENOSPC, 'full', '/out/x')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("the disk at / is full (full), so that /out/x cannot be written; free some"), (
        done.stderr
    )


def test_a_fault_of_what_is_written_in_a_block_is_named_by_its_file(tmp_path):
    with pytest.raises(OSError) as caught, naming(tmp_path / "samples.npz"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "samples.npz")
