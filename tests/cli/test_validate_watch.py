"""`compressor validate --watch`: in a process of its own, ended by Ctrl-C."""

import signal
import subprocess
import sys
import time

import pytest

GOOD = "extends: base.yaml\nsteps: [{uses: ptq}]\n"
BASE = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"


@pytest.fixture
def watching(tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "mine.yaml").write_text(GOOD)
    process = subprocess.Popen(
        [sys.executable, "-m", "compressor", "validate", "--watch", "mine.yaml"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a shell's background jobs ignore
    )
    yield process
    process.kill()
    process.wait()


def lines_until_idle(process):
    lines = []
    while not lines or not lines[-1].startswith("watching "):
        lines.append(process.stdout.readline().rstrip("\n"))
    return lines


def test_a_change_of_a_file_that_a_recipe_extends_is_checked_at_once_and_ctrl_c_ends_cleanly(watching, tmp_path):
    assert lines_until_idle(watching) == ["1 recipe valid", "watching 2 files; Ctrl-C ends"]
    time.sleep(0.05)
    (tmp_path / "base.yaml").write_text(BASE.replace("mnist}", "mnits}"))
    assert lines_until_idle(watching) == [
        "",
        "base.yaml:3:16: error: unknown data set 'mnits'; did you mean 'mnist'?",
        "    3 | data: {source: mnits}",
        "      |                ^^^^^",
        "watching 2 files; Ctrl-C ends",
    ]
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=60)
    assert (watching.returncode, out, err) == (0, "", "1 problem in 1 of 1 recipe\n")
