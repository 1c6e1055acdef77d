"""Files that Keras 3 wrote, each with inputs and what Keras 3 makes of them; one process for each folder of them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

WRITER = Path(__file__).with_name("models") / "keras3" / "write_foreign.py"


def written(folder, *what):
    """The folder, with a folder in it for each kind (`zoo`, `models`, ...) that is asked for."""
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run(
        [sys.executable, str(WRITER), str(folder), *what], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def blocks(shape, seed=0):
    """Images of 4 x 4 blocks of colour, of shape (n, height, width, channels): unlike noise, their means differ."""
    count, height, width, channels = shape
    small = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, channels))
    return small.repeat(height // 4, 1).repeat(width // 4, 2).astype(np.uint8)
