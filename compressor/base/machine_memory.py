"""Measures the memory of the machine and of a process, and gives back what is free, on Linux; nothing elsewhere."""

from __future__ import annotations

import ctypes
import os
import re
from contextlib import suppress
from pathlib import Path

_GROUP_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of version 2 and 1
_GROUP_USE = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def whole_memory() -> int | None:
    """Bytes of memory of the machine, or of the container if it has a limit; None where nothing tells."""
    sizes = []
    with suppress(OSError):
        if total := re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text()):
            sizes.append(1024 * int(total[1]))
    for name in _GROUP_LIMITS:
        with suppress(OSError, ValueError):  # without a limit it says "max"
            sizes.append(int((Path("/sys/fs/cgroup") / name).read_text()))
    return min(sizes, default=None)


def free_memory() -> int | None:
    """Bytes that programs may still take without swapping, within the container's limit; None where nothing tells."""
    sizes = []
    with suppress(OSError):
        if free := re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text()):
            sizes.append(1024 * int(free[1]))
    for limit, used in _GROUP_USE:
        with suppress(OSError, ValueError):
            group = Path("/sys/fs/cgroup")
            sizes.append(max(0, int((group / limit).read_text()) - int((group / used).read_text())))
    return min(sizes, default=None)


def memory_of(process: int) -> int:
    """Bytes that a process has in memory; 0 where nothing tells."""
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def most_memory() -> int:
    """The most bytes that this process has had in memory so far; 0 where nothing tells."""
    with suppress(OSError):
        if most := re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text()):
            return 1024 * int(most[1])
    return 0


def give_back_free() -> None:
    """Give memory that this process has freed back to the system; glibc keeps gigabytes of it after a large model."""
    with suppress(AttributeError, OSError, TypeError):  # another C library, or another system
        ctypes.CDLL(None).malloc_trim(0)
