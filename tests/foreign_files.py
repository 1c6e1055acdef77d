"""Files that Keras 3 wrote, each with inputs and what Keras 3 makes of them; one process for each folder of them."""

import os
import subprocess
import sys
from pathlib import Path

WRITER = Path(__file__).with_name("keras3") / "write_foreign.py"


def written(folder, *what):
    """The folder, with a folder in it for each kind (`zoo`, `models`, ...) that is asked for."""
    environment = {key: value for key, value in os.environ.items() if key != "TF_USE_LEGACY_KERAS"}
    done = subprocess.run(
        [sys.executable, str(WRITER), str(folder), *what], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder
