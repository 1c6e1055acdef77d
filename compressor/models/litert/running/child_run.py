"""Runs a module in a child process, so that a crash in native code ends only that, and tells what went wrong.

The child gets the path of a folder, which is how it takes what it works on and leaves what it finds out. It prints its
fault and exits with 1, or prints the number of an error and a path and exits with `UNREADABLE`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from compressor.models.litert.running.trial_process import UNREADABLE

_SECONDS = 600


def fault_of(module: str, folder: Path) -> str | None:
    """Run a module on a folder: what goes wrong, in words that continue a sentence; None if nothing does.

    Raises:
        OSError: the child cannot read or write a file in the folder.
    """
    command = [sys.executable, "-P", "-m", module, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"it does not end within {_SECONDS} s"
    if done.returncode == 0:
        return None
    if done.returncode == UNREADABLE:
        number, _, path = done.stdout.strip().partition(" ")
        raise OSError(int(number), os.strerror(int(number)), path)
    if done.returncode < 0:
        return f"it crashes the process with {signal.Signals(-done.returncode).name}"
    lines = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
