"""Hostile arrays: `.npy` files, `.npz` archives, and arrays that a run is to start from."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from hostile_files import MARKER, Case, Collection, damaged


def array_cases(collection: Collection) -> Iterator[Case]:
    """All of them."""
    for part in (npy_cases, archive_cases, run_cases):
        yield from part(collection)


def _header(shape: Any, descr: Any = "<f4", order: Any = False, **more: Any) -> bytes:
    text = repr({"descr": descr, "fortran_order": order, "shape": shape, **more}).encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text) + 1) + text + b"\n"


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _headers() -> dict[str, bytes]:
    """Arrays whose headers are lies."""
    return {
        "negative": _header((-1, 8, 8, 1)),
        "negatives": _header((-4, -8, 8, 1)) + bytes(1024),
        "nothing": _header((10**15, 0)),
        "no-bytes": _header((10**15,), "<U0"),
        "huge": _header((10**15, 8, 8, 1)),
        "beyond": _header((2**70, 8)),
        "true": _header((True, 8, 8, 1)) + bytes(256),
        "text-shape": _header(("a", 8)),
        "nested-shape": _header(((1, 2), 3)),
        "float-shape": _header((1.0, 2)),
        "many-sizes": _header((1,) * 5000) + bytes(4),
        "objects": _header((1,), "|O"),
        "no-type": _header((1,), "zz"),
        "list-type": _header((1,), [("a", "<f4")]),
        "deep-type": _header((1,), [("a", "<f4", (2**40,))]),
        "order": _header((1, 2), order="yes"),
        "more": _header((1, 2), more=1),
        "call": b"\x93NUMPY\x01\0" + struct.pack("<H", 40) + b"__import__('os').system('touch it ran')\n",
        "deep": b"\x93NUMPY\x02\0" + struct.pack("<I", 9000) + b"(" * 9000,
        "long": b"\x93NUMPY\x02\0" + struct.pack("<I", 2**32 - 1) + b"{",
        "version": b"\x93NUMPY\x09\0" + bytes(99),
        "no-magic": b"hello",
        "empty": b"",
    }


class _Touching:
    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self._path,)


def npy_cases(collection: Collection) -> Iterator[Case]:
    """Folders of `.npy` files."""
    images, labels = _npy(np.zeros((4, 8, 8, 1), "f4")), _npy(np.arange(4))

    def case(name: str, **contents: bytes) -> Case:
        made = collection.data(f"npy-{name}", "")
        folder = collection.folder(f"npy-{name}/data")
        for stem, content in {
            "x_train": images,
            "y_train": labels,
            "x_test": images,
            "y_test": labels,
            **contents,
        }.items():
            (folder / f"{stem}.npy").write_bytes(content)
        return Case(made.name, [*made.arguments[:-1], f"npy-{name}/data"])

    for name, content in _headers().items():
        yield case(name, x_test=content)
        yield case(f"{name}-labels", y_train=content)
    pickled = _header((1,), "|O") + pickle.dumps([_Touching(str(collection.root / MARKER))])
    yield case("pickle", x_test=pickled, y_test=pickled)
    yield case("bare-pickle", x_test=pickle.dumps(_Touching(str(collection.root / MARKER))))
    yield case("text", y_test=_npy(np.array(["a\x1b[31m", "b", "c", "d"])), y_train=_npy(np.array(["a"] * 4)))
    yield case("long-text", y_test=_header((4,), "<U100000000"), y_train=_npy(np.array(["a"] * 4)))
    yield case("nan", x_test=_npy(np.full((4, 8, 8, 1), np.nan, "f4")))
    for kind, content in damaged(images, flips=6, cuts=4):
        yield case(kind, x_test=content)
    beside = case("fifo-beside")
    os.mkfifo(collection.root / beside.name / "data/z.npy")
    yield beside


def archive_cases(collection: Collection) -> Iterator[Case]:
    """`.npz` files."""
    images, labels = _npy(np.zeros((4, 8, 8, 1), "f4")), _npy(np.arange(4))

    def case(name: str, entries: Sequence[tuple[str, bytes]], packing: int = zipfile.ZIP_DEFLATED) -> Case:
        made = collection.data(f"npz-{name}", "d.npz")
        with zipfile.ZipFile(collection.root / made.name / "d.npz", "w", packing) as archive:
            for entry, content in entries:
                archive.writestr(entry, content)
        return made

    labelled = ("y.npy", labels)
    for name, content in _headers().items():
        yield case(name, [("x.npy", content), labelled])
    yield case("no-npy", [("x.npy", b"hello"), labelled])
    yield case("no-suffix", [("x", images), labelled])
    yield case("twice", [("x.npy", images), ("x.npy", images), labelled])
    yield case("path", [(f"../../{MARKER}.npy", images), ("x.npy", images), labelled])
    yield case(
        "pickle", [("x.npy", _header((1,), "|O") + pickle.dumps(_Touching(str(collection.root / MARKER)))), labelled]
    )
    yield case("many", [(f"{number}.npy", labels) for number in range(20_000)])
    yield case("lzma", [("x.npy", images), labelled], zipfile.ZIP_LZMA)
    yield case("empty", [])
    for name, count in (("bomb", 25 * 10**5), ("small-bomb", 10**6)):
        made = collection.data(f"npz-{name}", "d.npz")
        with zipfile.ZipFile(
            collection.root / made.name / "d.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as archive:
            with archive.open("x.npy", "w", force_zip64=True) as stream:
                stream.write(_header((count, 8, 8, 1)))
                for _ in range(count // 10**5):
                    stream.write(bytes(256 * 10**5))
            archive.writestr("y.npy", _npy(np.zeros(count, "i1")))
        yield made
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.ones((4, 8, 8, 1), "f4"), y=np.arange(4))
    whole = stream.getvalue()
    for kind, content in damaged(whole, flips=12, cuts=6):
        yield collection.data(f"npz-{kind}", "d.npz", content)
    for field, (local, central), width in (("crc", (14, 16), 4), ("packed", (18, 20), 4), ("size", (22, 24), 4),
                                           ("method", (8, 10), 2), ("flags", (6, 8), 2)):  # fmt: skip
        for value in (1, 2 ** (8 * width) - 1):
            changed = bytearray(whole)
            first, last = whole.find(b"x.npy") - 30, whole.rfind(b"x.npy") - 46
            changed[first + local : first + local + width] = value.to_bytes(width, "little")
            changed[last + central : last + central + width] = value.to_bytes(width, "little")
            yield collection.data(f"npz-{field}-{value}", "d.npz", bytes(changed))
    yield collection.data("npz-bare-pickle", "d.npz", pickle.dumps(_Touching(str(collection.root / MARKER))))
    yield collection.data("npz-is-npy", "d.npz", images)


def run_cases(collection: Collection) -> Iterator[Case]:
    """Data that a run is to start from."""
    recipe = "version: 1\nname: r\nmodel: {source: ./m.keras}\ndata: {source: ./d.npz}\nsteps: [{uses: ptq}]\n"
    labels = np.arange(40) % 4
    arrays: dict[str, tuple[Any, Any]] = {
        "classes": (np.zeros((40, 8, 8, 1), "f4"), labels + 2**40),
        "negative": (np.zeros((40, 8, 8, 1), "f4"), labels - 7),
        "infinite": (np.full((40, 8, 8, 1), np.inf, "f4"), labels),
        "largest": (np.full((40, 8, 8, 1), np.finfo("f4").max), labels),
        "shape": (np.zeros((40, 9, 9, 3), "f4"), labels),
        "wide": (np.zeros((40, 8, 8, 1), "f8"), labels.astype("f8") + 0.5),
        "texts": (np.zeros((40, 8, 8, 1), "f4"), np.array(["\x1b[31m|<script>"] * 40)),
        "one": (np.zeros((1, 8, 8, 1), "f4"), labels[:1]),
        "lengths": (np.zeros((40, 8, 8, 1), "f4"), labels[:3]),
        "scalar": (np.float32(1), np.int64(1)),
    }
    for name, (x, y) in arrays.items():
        made = collection.recipe(f"run-{name}", recipe, "apply")
        folder = collection.root / made.name
        (folder / "m.keras").write_bytes(collection.files["k2.keras"])
        np.savez(folder / "d.npz", x=x, y=y)
        yield Case(made.name, [*made.arguments, "--smoke", "--no-cache", "--output", f"{made.name}/out"])
