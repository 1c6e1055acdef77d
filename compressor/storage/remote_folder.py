"""A folder at an address that fsspec reaches, such as `s3://bucket/runs`; nothing here can hang."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, TypeVar

from compressor.base.addresses import fault_of, shown
from compressor.storage.deadline import within
from compressor.storage.storage_errors import StorageError, storage_error

SECONDS: Final = 20.0  # that storage has to answer
_SLOWEST: Final = 100_000  # bytes a second, below which a transfer counts as dead
_WITHOUT_FOLDERS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "memory"})
"""Where a file needs no folder to be in. To make one there may make a bucket."""

T = TypeVar("T")


class RemoteFolder:
    """A folder that is read and written by fsspec. All names are relative to it, with slashes.

    Every method raises `StorageError` where the storage cannot be reached, refuses, or does not answer in time. Once it
    has not answered in time, it is not asked again.

    Attributes:
        name: the address, as it may be shown.
        deadline: by the monotonic clock, after which nothing is waited for; None for no such time.
    """

    def __init__(self, address: str, seconds: float = SECONDS) -> None:
        """Open a folder, which need not exist; nothing is read or written yet.

        Args:
            address: such as `s3://bucket/folder`.
            seconds: that the storage has to answer.

        Raises:
            StorageError: it is no address, or fsspec or what it needs for this one is not installed.
        """
        self.name = shown(address)
        self.deadline: float | None = None
        self._seconds = seconds
        self._dead: StorageError | None = None
        self._opened: tuple[Any, str] | None = None
        if reason := fault_of(address):
            raise StorageError(f"{self.name} cannot be used as an address", reason)
        self._address = address
        self._protocol = address.partition("://")[0]
        _refuse_without_library(self._protocol, self.name)

    def read(self, name: str) -> bytes | None:
        """The content of a small file; None if there is none."""

        def action(system: Any, path: str) -> bytes | None:
            try:
                content: bytes = system.cat_file(path)
            except FileNotFoundError:
                return None
            return content

        return self._do("read", name, action)

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, in the place of one that is there."""
        self._do("written", name, lambda system, path: system.pipe_file(path, content), writes=True)

    def fetch(self, name: str, target: Path, size: int) -> bool:
        """Copy a file of about `size` bytes from there to a path; False if there is none."""

        def action(system: Any, path: str) -> bool:
            try:
                system.get_file(path, str(target))
            except FileNotFoundError:
                return False
            return True

        return self._do("read", name, action, size)

    def send(self, source: Path, name: str) -> None:
        """Copy a file from here to there; object stores have it whole or not at all."""
        size = source.stat().st_size
        self._do("written", name, lambda system, path: system.put_file(str(source), path), size, writes=True)

    def is_empty(self) -> bool:
        """Whether there is nothing in it."""

        def action(system: Any, path: str) -> bool:
            system.invalidate_cache()
            try:
                return not any(system.ls(path, detail=False))
            except (FileNotFoundError, NotADirectoryError):
                return True

        return self._do("read", "", action)

    def _do(self, doing: str, name: str, action: Callable[[Any, str], T], size: int = 0, writes: bool = False) -> T:
        if self._dead:
            raise StorageError(self._dead.what, self._dead.remedy)

        def act() -> T:
            system, root = self._system()
            path = f"{root}/{name}".rstrip("/")
            if writes and self._protocol not in _WITHOUT_FOLDERS:
                system.makedirs(path.rpartition("/")[0], exist_ok=True)
            return action(system, path)

        try:
            return within(self._patience(size), act)
        # whatever a library raises that fsspec uses
        except Exception as error:  # noqa: BLE001
            fault = storage_error(error, self.name, doing)
            if isinstance(error, TimeoutError):
                self._dead = fault
        raise fault

    def _patience(self, size: int) -> float:
        seconds = self._seconds + size / _SLOWEST
        return seconds if self.deadline is None else max(0.01, min(seconds, self.deadline - time.monotonic()))

    def _system(self) -> tuple[Any, str]:
        if self._opened is None:
            from fsspec.core import url_to_fs

            options = _options(self._protocol, self._seconds)
            system, root = url_to_fs(self._address, skip_instance_cache=True, **options)
            self._opened = system, root.rstrip("/")
        return self._opened


def _options(protocol: str, seconds: float) -> dict[str, Any]:
    """What keeps S3 from trying again for minutes, unless the user's own configuration of fsspec says otherwise."""
    from fsspec.config import conf

    if protocol not in ("s3", "s3a") or "config_kwargs" in conf.get("s3", {}):
        return {}
    limits = {"connect_timeout": seconds / 4, "read_timeout": seconds, "retries": {"max_attempts": 2}}
    return {"config_kwargs": limits}


def _refuse_without_library(protocol: str, where: str) -> None:
    """Refuse an address whose library is not installed, by the name that pip knows it by."""
    if find_spec("fsspec") is None:
        raise StorageError(f"{where} needs fsspec, which is not installed", "run: pip install 'compressor[storage]'")
    from fsspec.registry import available_protocols, get_filesystem_class, known_implementations

    if protocol not in available_protocols():
        what = f"{where} cannot be opened, since fsspec knows no '{protocol}://'"
        raise StorageError(what, "write it as in s3://bucket/folder, gs://, az:// or file://")
    try:
        get_filesystem_class(protocol)
    except ImportError as error:
        package = known_implementations[protocol]["class"].partition(".")[0]
        if package == "fsspec":
            package = getattr(error.__cause__, "name", None) or error.name or protocol
        what = f"{where} needs {package}, which is not installed"
    else:
        return
    raise StorageError(what, f"run: pip install {package}")
