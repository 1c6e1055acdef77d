"""Tells whether a process that has left its number still lives, and is not another one with the same number."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path


def own_identity() -> dict[str, str | int | None]:
    """The host, the number and the start of this process; the start is None where the system does not tell."""
    return {"host": platform.node(), "pid": os.getpid(), "process_started": _start_of(os.getpid())}


def is_alive(host: object, pid: object, started: object) -> bool | None:
    """Whether that process lives; None where this machine cannot tell, such as of another host's."""
    if host != platform.node() or not isinstance(pid, int) or not isinstance(started, int):
        return None
    return _start_of(pid) == started


def _start_of(pid: int) -> int | None:
    """When Linux started a process, in ticks since it booted; None if it is dead, or the system is another one."""
    if sys.platform != "linux":
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])
