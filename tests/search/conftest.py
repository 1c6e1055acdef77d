"""A tiny net and tiny data in files, and recipes whose trials take a second."""

from contextlib import suppress
from pathlib import Path

import pytest
from tiny_nets import write_tiny


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory, tensorflow):
    """A folder with a trained net of two dense layers and its data: 300 samples, of which some are wrong by chance."""
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny(folder)
    return folder


@pytest.fixture
def tiny(tiny_files, tmp_path, monkeypatch):
    """The working directory, with the net, its data, and a function that writes a recipe there."""
    import shutil

    for name in ("tiny.keras", "tiny.npz"):
        shutil.copy(tiny_files / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def write(text, name="tiny.yaml"):
        (tmp_path / name).write_text(text)
        return name

    return write


@pytest.fixture
def call(capfd):
    """A function that runs a command line where the test is, native output included: (exit code, stdout, stderr)."""
    from compressor.cli import root
    from compressor.cli.boundary import run_guarded

    def call(*arguments):
        code = run_guarded(root, [str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return int(code), out, err

    return call


@pytest.fixture
def workers_here():
    """A function that finds the workers of searches in the working directory: their processes, as Linux shows them."""

    def find():
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                is_worker = b"search.worker_process" in (folder / "cmdline").read_bytes()
                if is_worker and (folder / "cwd").readlink() == Path.cwd():
                    found.append(int(folder.name))
        return found

    return find
