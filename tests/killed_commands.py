"""What scripts that kill commands share: a command under way in a session of its own, and what it has left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

OLD_ENOUGH = 6.0  # seconds after which the lock file of a dead run is swept


def begin(arguments: Sequence[str], cache: Path, **options: Any) -> subprocess.Popen[bytes]:
    """A command of `compressor` with a cache of its own, and with its temporary files beside that."""
    temporary = temporary_beside(cache)
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "COMPRESSOR_CACHE": str(cache), "TMPDIR": str(temporary), "COLUMNS": "80"}
    return subprocess.Popen(
        [sys.executable, "-m", "compressor", *arguments],
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, **options},
    )


def temporary_beside(cache: Path) -> Path:
    """Where a command that has this cache puts its temporary files."""
    return cache.with_name(f"{cache.name}-tmp")


def children_of(process: int) -> list[int]:
    """The processes that another one has started."""
    return [int(number) for number in subprocess.run(["pgrep", "-P", str(process)], capture_output=True).stdout.split()]


def litter(cache: Path, folders: Sequence[Path]) -> list[str]:
    """What is left, once a run has come to its end, of those that were cut before it."""
    left = [*temporary_beside(cache).iterdir(), *(cache / "running").iterdir()]
    left += [path for folder in folders for path in folder.rglob(".*.tmp")]
    return [path.name for path in left]


def bytes_of(folder: Path, pattern: str = "*.tflite") -> dict[str, bytes]:
    """Every file in a folder that a pattern names, such as each stage's file of a run."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob(pattern))}
