"""A collection of files that mean harm, or are damaged, made by code: each with the command that is to read it.

`run_hostile_files.py` runs all of them, and `test_hostile_files.py` some.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARKER = "it ran"  # a file that appears where a hostile file gets its code to run or its path to be written

Files = Mapping[str, bytes]
"""The bytes of a small model in each format, by name: `k2.keras`, `k3.keras`, `m.h5`, `m.tflite`."""


@dataclass(frozen=True)
class Case:
    """A file in a folder of its own, and the arguments of the command that reads it there."""

    name: str
    arguments: Sequence[str]


@dataclass(frozen=True)
class Collection:
    """Where cases are made, and the small models that they are made of."""

    root: Path
    files: Files

    def folder(self, name: str) -> Path:
        """A new folder for a case."""
        folder = self.root / name
        folder.mkdir(parents=True)
        return folder

    def model(self, name: str, file: str, content: bytes, *options: str) -> Case:
        """A model file that `inspect` is to read."""
        (self.folder(name) / file).write_bytes(content)
        return Case(name, ["inspect", f"{name}/{file}", *options])

    def data(self, name: str, file: str, content: bytes = b"") -> Case:
        """A data set that `evaluate` is to read; without content, its maker writes it."""
        folder = self.folder(name)
        (folder / "m.tflite").write_bytes(self.files["m.tflite"])
        if content:
            (folder / file).write_bytes(content)
        return Case(name, ["evaluate", f"{name}/m.tflite", "--data", f"{name}/{file}".rstrip("/")])

    def recipe(self, name: str, text: str | bytes, command: str = "validate") -> Case:
        """A recipe."""
        path = self.folder(name) / "recipe.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        return Case(name, [command, f"{name}/recipe.yaml"])


def small_models(folder: Path, keras3: bool = True) -> dict[str, bytes]:
    """Small models of the same layers in each format, made with TensorFlow, and in that of Keras 3 if asked."""
    from compressor.models.files.tensorflow_setup import prepare_tensorflow

    prepare_tensorflow(seed=0)
    import tf_keras

    from compressor.models.keras3 import to_keras3
    from compressor.models.litert.conversion.converter import to_litert

    layers = tf_keras.layers
    inputs = tf_keras.Input((8, 8, 1), name="image")
    outputs = layers.Conv2D(2, 3, activation="relu", name="conv")(inputs)
    outputs = layers.Dense(4, name="dense")(layers.Flatten(name="flat")(outputs))
    model = tf_keras.Model(inputs, outputs)
    model.save(folder / "k2.keras")
    model.save(folder / "m.h5")
    if keras3:
        to_keras3(model, folder / "k3.keras")
    (folder / "m.tflite").write_bytes(to_litert(model))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def damaged(content: bytes, flips: int = 12, cuts: int = 6, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """The bytes with some flipped, and cut at several places; each with a name."""
    chance = random.Random(seed)
    for number in range(flips):
        changed = bytearray(content)
        for _ in range(1 + number % 4):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        yield f"flip{number}", bytes(changed)
    for number in range(cuts):
        yield f"cut{number}", content[: len(content) * number // cuts]


def rewritten(path: Path, content: bytes, change: Callable[[str, bytes], bytes | None], **more: bytes) -> Path:
    """Write the archive in `content` with other entries: what `change` makes of each, or none, and some more."""
    source = path.with_name("source.zip")
    source.write_bytes(content)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (entry := change(name, old.read(name))) is not None:
                new.writestr(name, entry)
        for name, entry in more.items():
            new.writestr(name, entry)
    source.unlink()
    return path


def special_files(collection: Collection) -> Iterator[Case]:
    """Pipes, devices, sockets, links in a circle and files that are all holes, wherever a file may be named."""
    recipe = "version: 1\nname: r\nmodel: {source: ./%s}\ndata: {source: ./%s}\nsteps: [{uses: ptq}]\n"
    makers: dict[str, Callable[[Path], None]] = {
        "fifo": os.mkfifo,
        "zero": lambda path: path.symlink_to("/dev/zero"),
        "random": lambda path: path.symlink_to("/dev/urandom"),
        "terminal": lambda path: path.symlink_to("/dev/tty"),
        "socket": _bound,
        "circle": lambda path: path.symlink_to(path.name),
        "holes": lambda path: os.truncate(_touched(path), 10**13),
        "folder": lambda path: path.mkdir(),
    }
    models, data = ("m.tflite", "m.keras", "m.h5", "m.tfpack"), ("d.npz", "d.npy", "d.csv", "d.parquet", "d.tfrecord")
    for kind, make in makers.items():
        for file in models:
            name = f"special-{kind}-{file}"
            make(collection.folder(name) / file)
            yield Case(name, ["inspect", f"{name}/{file}"])
        for file in data:
            if (kind, file) != ("holes", "d.csv"):  # text of zeros, which takes as long as it is
                case = collection.data(f"special-{kind}-{file}", file)
                make(collection.root / case.name / file)
                yield case
        for command in ("plan", "validate"):
            for part, text in (("model", recipe % ("it.keras", "d.npz")), ("data", recipe % ("m.keras", "it.npz"))):
                case = collection.recipe(f"special-{kind}-{command}-{part}", text, command)
                folder = collection.root / case.name
                (folder / "m.keras").write_bytes(collection.files["k2.keras"])
                _touched(folder / "d.npz")
                if kind != "holes":  # their digest takes as long as they are
                    make(folder / ("it.keras" if part == "model" else "it.npz"))
                yield case
        name = f"special-{kind}-plugin"
        text = recipe % ("m.keras", "d.npz") + "plugins: [./p.py]\n"
        case = collection.recipe(name, text, "plan")
        make(collection.root / name / "p.py")
        yield case
        for command in ("unpack", "header"):
            name = f"special-{kind}-{command}"
            make(collection.folder(name) / "m.tfpack")
            yield Case(name, [command, f"{name}/m.tfpack", f"{name}/out.h"])


def _touched(path: Path) -> Path:
    path.touch()
    return path


def _bound(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path may have 108 characters
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def with_config(collection: Collection, name: str, source: str, change: Callable[[dict[str, object]], object]) -> Case:
    """A `.keras` file whose configuration `change` has changed; what it returns takes its place, unless it is None."""

    def changed(entry: str, content: bytes) -> bytes:
        if entry != "config.json":
            return content
        config = json.loads(content)
        result = change(config)
        return json.dumps(config if result is None else result).encode()

    folder = collection.folder(name)
    rewritten(folder / "m.keras", collection.files[source], changed)
    return Case(name, ["inspect", f"{name}/m.keras"])


def all_cases(root: Path, files: Files) -> Iterator[Case]:
    """Every case, whose files are made as they are asked for, in folders of `root`."""
    from hostile_arrays import array_cases
    from hostile_keras_configs import keras_config_cases
    from hostile_keras_files import keras_file_cases
    from hostile_litert_files import litert_file_cases
    from hostile_recipes import recipe_cases
    from hostile_tables import table_cases

    collection = Collection(root, files)
    models = (keras_config_cases, keras_file_cases, litert_file_cases)
    for part in (special_files, *models, array_cases, table_cases, recipe_cases):
        yield from part(collection)


def cleared(root: Path, case: Case) -> None:
    """Remove a case's folder."""
    shutil.rmtree(root / case.name, ignore_errors=True)
