"""A tiny net and tiny data in files, and recipes whose trials take a second."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory, tensorflow):
    """A folder with a trained net of two dense layers and its data: 300 samples, of which some are wrong by chance."""
    import tf_keras

    folder = tmp_path_factory.mktemp("tiny")
    random = np.random.default_rng(0)
    x = random.normal(size=(600, 16)).astype("float32")
    y = (x @ random.normal(size=(16, 4)) + random.normal(size=(600, 4))).argmax(1)
    parts = {"train": slice(0, 300), "validation": slice(300, 450), "test": slice(450, 600)}
    np.savez(
        folder / "tiny.npz",
        **{f"x_{name}": x[part] for name, part in parts.items()},
        **{f"y_{name}": y[part] for name, part in parts.items()},
    )
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential(
        [
            tf_keras.Input((16,), name="inputs"),
            tf_keras.layers.Dense(48, activation="relu", name="hidden"),
            tf_keras.layers.Dense(4, activation="softmax", name="classes"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[:300], y[:300], epochs=15, verbose=0)
    model.save(folder / "tiny.keras")
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
