"""A disk that fails at one call of a run is named, and the next run gives the same bytes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "io_faults.py"
needs_compiler = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="a library in C makes the calls fail, on Linux"
)


def walked(*arguments):
    done = subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout.splitlines()


@needs_compiler
def test_a_disk_that_fails_where_graphs_and_stages_are_written_is_named(tmp_path):
    code, lines = walked("--runs", "1", "--only", r"(write|rename) .*(saved_model|0-baseline)", "--sample", "2")
    assert code == 0, lines
    assert lines[-1].startswith("2 faults, 0 of them ended wrong")


@needs_compiler
@pytest.mark.long
def test_a_disk_that_fails_anywhere_is_named():
    code, lines = walked("--distinct")
    assert code == 0, [line for line in lines if "WRONG" in line]
