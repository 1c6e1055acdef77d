"""Real clusters of several nodes on this machine, and the tiny net of the tests of searches."""

import os
import shutil
import subprocess
import sys

import pytest
from ray_machines import Machines
from tiny_nets import write_tiny

RUN = [sys.executable, "-m", "compressor"]


@pytest.fixture(scope="session")
def tiny_net(tmp_path_factory, tensorflow):
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny(folder)
    return folder


@pytest.fixture
def tiny(tiny_net, tmp_path, monkeypatch):
    """A working directory of its own with the net and its data, and a function that writes a recipe there."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # `ray start` turns it on where a user has a token
    for name in ("tiny.keras", "tiny.npz"):
        shutil.copy(tiny_net / name, folder / name)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")

    def write(text, name="tiny.yaml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        return name

    return write


@pytest.fixture
def compressor():
    """A function that runs a command line: what `subprocess.run` gives."""

    def run(*arguments, **environment):
        known = {**os.environ, **environment}
        return subprocess.run([*RUN, *map(str, arguments)], env=known, capture_output=True, text=True, timeout=500)

    return run


@pytest.fixture
def machines(tmp_path_factory, tiny, tmp_path):
    """A cluster without nodes; all processes are gone at the end."""
    machines = Machines(tmp_path_factory.mktemp("machines"), tmp_path / "here")
    yield machines
    machines.close()
