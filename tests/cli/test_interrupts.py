"""An interrupt ends a run with one line, whenever and however often it comes, and leaves nothing behind."""

import errno
import os
import pty
import shutil
import signal
import subprocess
import sys
import time

import pytest

from compressor.cli import interrupts
from compressor.cli.temporary_folder import lasting_folder, temporary_folder

KEPT = "interrupted; finished steps are kept, and the same command resumes from there"
WAITING = """
import time
import compressor
from compressor import Dataset, hookimpl
from pathlib import Path
import tempfile

class Slow(Dataset):
    \"\"\"Takes its time.\"\"\"

    name = "slow"

    def load(self):
        tempfile.mkdtemp()
        Path("loading").touch()
        time.sleep(60)

@hookimpl
def datasets():
    return [Slow]
"""
RECIPE = """
version: 1
plugins: [./slow.py]
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: slow}
steps: [{uses: ptq}]
"""


def loading(folder, **options):
    """Start a run in a folder, and return it once it loads its data."""
    (folder / "slow.py").write_text(WAITING)
    (folder / "slow.yaml").write_text(RECIPE)
    (folder / "tmp").mkdir(exist_ok=True)
    (folder / "loading").unlink(missing_ok=True)
    started = subprocess.Popen(
        [sys.executable, "-m", "compressor", "apply", "slow.yaml", "-q", "-o", "out"],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder / "tmp"), "COMPRESSOR_CACHE": str(folder / "cache")},
        start_new_session=True,
        text=True,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in interrupts.ENDING],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )
    while not (folder / "loading").exists():
        assert started.poll() is None, started.communicate()
        time.sleep(0.02)
    return started


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache that holds the model, so that a run need not import TensorFlow to get to its data."""
    folder = tmp_path_factory.mktemp("first")
    first = loading(folder)
    os.killpg(first.pid, signal.SIGINT)
    first.communicate()
    return folder / "cache"


@pytest.fixture
def start(cache, tmp_path):
    shutil.copytree(cache, tmp_path / "cache")
    return lambda **options: loading(tmp_path, **options)


@pytest.mark.parametrize(
    ("numbers", "to_group"),
    [
        ((signal.SIGINT, signal.SIGINT), True),
        ((signal.SIGINT, signal.SIGINT), False),
        ((signal.SIGHUP,), True),
        ((signal.SIGTERM,), False),
    ],
)
def test_signals_end_a_run_with_one_line_and_leave_no_temporary_files(start, tmp_path, numbers, to_group):
    started = start()
    for number in numbers:
        (os.killpg if to_group else os.kill)(started.pid, number)
        time.sleep(0.005)
    out, errors = started.communicate()
    assert (started.returncode, out, errors) == (130, "", f"\n{KEPT}\n")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list((tmp_path / "cache" / "running").iterdir()) == []


def test_a_terminal_that_is_closed_ends_a_run_with_130(start, tmp_path):
    own, terminal = pty.openpty()
    started = start(stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    os.close(own)
    os.killpg(started.pid, signal.SIGHUP)
    assert started.wait() == 130
    assert list((tmp_path / "tmp").iterdir()) == []


def test_what_killed_runs_left_in_the_temporary_folder_and_the_cache_is_removed_by_the_next(start, tmp_path):
    killed = start()
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    (left,) = (tmp_path / "tmp").iterdir()
    assert left.name.startswith("compressor-run-")
    (lock,) = (tmp_path / "cache" / "running").glob("*.lock")
    os.utime(lock, (time.time() - 60,) * 2)
    (tmp_path / "tmp" / "compressor-run-other").mkdir()  # not locked by a run: somebody else's
    again = start()
    assert not left.exists()
    assert not lock.exists()
    os.killpg(again.pid, signal.SIGINT)
    again.communicate()
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == ["compressor-run-other"]


def test_a_child_that_is_killed_leaves_no_temporary_files(start, tmp_path):
    started = start()
    child = int(subprocess.run(["pgrep", "-P", str(started.pid)], capture_output=True, text=True).stdout)
    os.kill(child, signal.SIGKILL)
    _, errors = started.communicate()
    assert started.returncode == 4
    assert errors == (
        "error: the run was killed (SIGKILL); if memory ran out, use a smaller batch_size or a larger machine\n"
    )
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_interrupt_while_the_command_line_is_imported_shows_no_traceback():
    code = "import compressor.cli; raise KeyboardInterrupt"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "\ninterrupted; nothing was changed\n")


def test_a_second_signal_counts_only_after_a_second(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(interrupts, "_raised", [])
    monkeypatch.setattr(interrupts.time, "monotonic", lambda: now[0])
    before = signal.getsignal(signal.SIGUSR1)
    try:
        interrupts.raise_once([signal.SIGUSR1])
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        now[0] += 1.1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_temporary_files_go_where_they_went_if_no_folder_can_be_made(tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder():
        assert tempfile.gettempdir().startswith(f"{tmp_path}/compressor-run-")
        assert os.environ["TMPDIR"] == tempfile.gettempdir()
        assert lasting_folder() == str(tmp_path)
    assert list(tmp_path.iterdir()) == []

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with temporary_folder():
        assert tempfile.gettempdir() == lasting_folder() == str(tmp_path)
