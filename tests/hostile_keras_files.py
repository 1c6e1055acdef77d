"""Hostile containers of Keras models: odd archives, HDF5 files and SavedModels."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hostile_files import MARKER, Case, Collection, damaged, rewritten


def keras_file_cases(collection: Collection) -> Iterator[Case]:
    """All of them."""
    for part in (archive_cases, hdf5_cases, saved_model_cases):
        yield from part(collection)


def archive_cases(collection: Collection) -> Iterator[Case]:
    """`.keras` files that are odd archives."""
    whole = collection.files["k2.keras"]
    marker = str(collection.root / MARKER)
    entries = (
        *(f"../{MARKER}", marker, f"a/../../{MARKER}", f"..\\{MARKER}", f"C:{MARKER}", "assets/../../x"),
        *("a\nb", "\u202ex", "n" * 60_000),
    )
    for number, entry in enumerate(entries):
        name = f"zip-path{number}"
        rewritten(collection.folder(name) / "m.keras", whole, lambda _, content: content, **{entry: b"x"})
        yield Case(name, ["inspect", f"{name}/m.keras", "--trust-model"])
    name = "zip-link"
    path = collection.folder(name) / "m.keras"
    rewritten(path, whole, lambda _, content: content)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    yield Case(name, ["inspect", f"{name}/m.keras"])
    for name, entry, count in (("zip-twice", "config.json", 2), ("zip-thrice", "model.weights.h5", 3)):
        path = collection.folder(name) / "m.keras"
        rewritten(path, whole, lambda _, content: content)
        with zipfile.ZipFile(path, "a") as archive:
            for _ in range(count - 1):
                archive.writestr(entry, b"{}")
        yield Case(name, ["inspect", f"{name}/m.keras"])
    name = "zip-bomb"
    rewritten(collection.folder(name) / "m.keras", whole, lambda _, content: content, bomb=bytes(3 * 10**8))
    yield Case(name, ["inspect", f"{name}/m.keras"])
    name = "zip-many"
    rewritten(
        collection.folder(name) / "m.keras", whole, lambda _, content: content, **{f"f{n}": b"" for n in range(20_000)}
    )
    yield Case(name, ["inspect", f"{name}/m.keras"])
    for entry in ("config.json", "metadata.json", "model.weights.h5"):
        gone = f"zip-without-{entry}"
        rewritten(
            collection.folder(gone) / "m.keras",
            whole,
            lambda old, content, entry=entry: None if old == entry else content,
        )
        yield Case(gone, ["inspect", f"{gone}/m.keras"])
        for field, (local, central), width in (("crc", (14, 16), 4), ("packed", (18, 20), 4), ("size", (22, 24), 4),
                                               ("method", (8, 10), 2), ("flags", (6, 8), 2)):  # fmt: skip
            for which in ("local", "central", "both"):
                for value in (1, 2 ** (8 * width) - 1) if field != "crc" else (1,):
                    content = bytearray(whole)
                    at, number = entry.encode(), value.to_bytes(width, "little")
                    first, last = content.find(at) - 30, content.rfind(at) - 46
                    if which != "central":
                        content[first + local : first + local + width] = number
                    if which != "local":
                        content[last + central : last + central + width] = number
                    yield collection.model(f"zip-{field}-{which}-{value}-{entry}", "m.keras", bytes(content))
    directory = bytearray(whole)
    first, second = (whole.rfind(name) - 46 for name in (b"metadata.json", b"model.weights.h5"))
    directory[first + 42 : first + 46] = directory[second + 42 : second + 46]  # two entries at the same bytes
    yield collection.model("zip-overlap", "m.keras", bytes(directory))
    for prefix in (b"junk" * 100, b"\x89HDF\r\n\x1a\n"):
        yield collection.model(f"zip-after-{prefix[1:4].decode()}", "m.keras", prefix + whole)
    for source in sorted({"k2.keras", "k3.keras"} & set(collection.files)):
        for kind, content in damaged(collection.files[source]):
            yield collection.model(f"{source[:2]}-{kind}", "m.keras", content)


def hdf5_cases(collection: Collection) -> Iterator[Case]:
    """`.h5` files with odd objects."""
    import h5py

    def changed(name: str, change: Callable[[Any], None]) -> Case:
        path = collection.folder(name) / "m.h5"
        path.write_bytes(collection.files["m.h5"])
        with h5py.File(path, "r+") as file:
            change(file)
        return Case(name, ["inspect", f"{name}/m.h5"])

    for kind, content in damaged(collection.files["m.h5"], flips=20, cuts=8):
        yield collection.model(f"h5-{kind}", "m.h5", content)

    def kernel(file: Any, **options: Any) -> None:
        group = file["model_weights/dense/dense"]
        del group["kernel:0"]
        group.create_dataset("kernel:0", **options)

    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    changes: dict[str, Callable[[Any], Any]] = {
        "swells": lambda file: kernel(file, shape=(2**40,), dtype="f4", chunks=(1024,)),
        "gzip": lambda file: kernel(file, data=np.zeros(10**8, "u1"), chunks=(10**6,), compression="gzip"),
        "shape": lambda file: kernel(file, data=np.zeros((3, 3), "f4")),
        "text": lambda file: kernel(file, data=np.array([b"x" * 100] * 10)),
        "objects": lambda file: kernel(file, shape=(4,), dtype=h5py.ref_dtype),
        "varied": lambda file: kernel(file, shape=(4,), dtype=h5py.vlen_dtype("f4")),
        "compound": lambda file: kernel(file, shape=(4,), dtype=[("a", "f4"), ("b", "S9")]),
        "outside": lambda file: kernel(file, shape=(4,), dtype="f4", external=[("/etc/passwd", 0, 16)]),
        "virtual": lambda file: file["model_weights"].create_virtual_dataset("v", layout),
        "external": lambda file: file.__setitem__("model_weights/x", h5py.ExternalLink("/etc/passwd", "/")),
        "circle": lambda file: file.__setitem__("model_weights/x", h5py.SoftLink("/model_weights")),
        "hard-circle": lambda file: file.__setitem__("model_weights/x", file["model_weights"]),
        "no-config": lambda file: file.attrs.__delitem__("model_config"),
        "number": lambda file: file.attrs.__setitem__("model_config", 7),
        "array": lambda file: file.attrs.__setitem__("model_config", np.zeros(9)),
        "no-json": lambda file: file.attrs.__setitem__("model_config", "{"),
        "bytes": lambda file: file.attrs.__setitem__("model_config", np.bytes_(b"\xff\xfe{}")),
        "version": lambda file: file.attrs.__setitem__("keras_version", "9" * 5000),
        "version-array": lambda file: file.attrs.__setitem__("keras_version", np.zeros(3)),
        "no-weights": lambda file: file.__delitem__("model_weights"),
        "weights-data": lambda file: file.__delitem__("model_weights") or file.__setitem__("model_weights", [1]),
        "names": lambda file: file["model_weights"].attrs.__setitem__("layer_names", [b"none"]),
        "name-number": lambda file: file["model_weights"].attrs.__setitem__("layer_names", 3),
        "weight-names": lambda file: file["model_weights/dense"].attrs.__setitem__("weight_names", [b"../../x"]),
        "frozen": lambda file: file.attrs.__setitem__("compressor_frozen_parts", "x"),
        "backend": lambda file: file.attrs.__setitem__("backend", 3),
    }  # fmt: skip
    for name, change in changes.items():
        yield changed(f"h5-{name}", change)
    path = collection.folder("h5-deep") / "m.h5"
    path.write_bytes(collection.files["m.h5"])
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        for _ in range(3_000):
            group = group.create_group("g")
    yield Case("h5-deep", ["inspect", "h5-deep/m.h5"])


def saved_model_cases(collection: Collection) -> Iterator[Case]:
    """Folders that say they are SavedModels; without trust none is loaded, and with it these hold no program."""
    noise, trust = bytes(range(256)) * 9, ("--trust-model",)
    graphs = (("empty", b"", ()), ("noise", noise, ()), ("empty-trusted", b"", trust), ("noise-trusted", noise, trust))
    for name, content, option in graphs:
        folder = collection.folder(f"saved-{name}")
        (folder / "saved_model.pb").write_bytes(content)
        yield Case(f"saved-{name}", ["inspect", f"saved-{name}", *option])
    for option in ((), ("--trust-model",)):
        name = f"saved-fifo{len(option)}"
        os.mkfifo(collection.folder(name) / "saved_model.pb")
        yield Case(name, ["inspect", name, *option])
        name = f"saved-variables{len(option)}"
        folder = collection.folder(name)
        (folder / "keras_metadata.pb").write_bytes(b"\xff" * 99)
        (folder / "saved_model.pb").write_bytes(b"\x08\x01")
        os.mkfifo(folder / "fingerprint.pb")
        yield Case(name, ["inspect", name, *option])
