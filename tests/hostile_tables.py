"""Hostile tables, records and images."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from hostile_files import Case, Collection, damaged


def table_cases(collection: Collection) -> Iterator[Case]:
    """All of them."""
    for part in (csv_cases, parquet_cases, record_cases, image_cases):
        yield from part(collection)


def csv_cases(collection: Collection) -> Iterator[Case]:
    """CSV tables."""
    texts: dict[str, bytes] = {
        "columns": ",".join(f"c{n}" for n in range(100_000)).encode() + b"\n" + b",".join([b"0"] * 100_000) * 1 + b"\n",
        "same-columns": b",".join([b"c"] * 100_000) + b"\n",
        "one-line": b"c," * 20_000_000,
        "long-row": b"a,b\n1,2\n" + b"1," * 20_000_000,
        "long-field": b"a,b\n" + b"1" * 1_000_000 + b",2\n",
        "quote": b'a,b\n"1,2\n' * 100_000,
        "open-quote": b'a,b\n"' + b"x\n" * 10_000_000,
        "nul": b"a,b\n\0,\0\n",
        "binary": bytes(range(256)) * 100,
        "utf16": "a,b\n1,2\n".encode("utf-16"),
        "no-utf8": b"a,b\n\xff,2\n",
        "empty": b"\n",
        "only-names": b"a,b\n",
        "no-names": b",,,\n1,2,3,4\n",
        "digits": b"a,b\n" + b"9" * 5_000 + b",2\n",
        "infinite": b"a,b\n1e999,nan\n",
        "unicode": "a,b\n\u0661,\u0662\n".encode(),
        "underscores": b"a,b\n1_000,2\n",
        "escapes": b"\x1b[31ma,b\x1b]0;x\x07\n=cmd|' /C calc'!A0,2\n",
        "rows": b"a,b\n" + b"1,2\n3\n",
        "carriage": b"a,b\r1,2\r3,4\r",
        "blank-lines": b"a,b\n" + b"\n" * 5_000_000 + b"1,2\n",
        "right-to-left": "\u202ea,b\n1,2\n".encode(),
    }
    for name, content in texts.items():
        yield collection.data(f"csv-{name}", "d.csv", content)


def parquet_cases(collection: Collection) -> Iterator[Case]:
    """Parquet tables."""
    import pyarrow as pa
    from pyarrow import parquet

    def case(name: str, columns: dict[str, Any], **options: Any) -> Case:
        made = collection.data(f"parquet-{name}", "d.parquet")
        parquet.write_table(pa.table(columns), collection.root / made.name / "d.parquet", **options)
        return made

    yield case("bomb", dict.fromkeys("ab", pa.array(np.zeros(7 * 10**7, "i1"))))
    yield case("wide", {f"c{number}": [1.0] for number in range(20_000)})
    yield case("nested", {"a": [[1, [2][0]]] * 4, "b": [{"x": 1}] * 4})
    yield case("nulls", {"a": [None] * 4, "b": [1, None, 3, 4]})
    yield case("text", {"a": ["\x1b[31m" * 1000] * 4, "b": [1, 2, 3, 4]})
    yield case("big", {"a": ["x" * 30_000_000], "b": [1]})
    yield case("bytes", {"a": [b"\xff\0"] * 4, "b": [1, 2, 3, 4]})
    yield case("times", {"a": pa.array([2**62] * 4, pa.timestamp("ns")), "b": pa.array([2**40] * 4, pa.date64())})
    yield case("empty", {"a": pa.array([], pa.float32())})
    made = case("whole", {"a": np.arange(400.0), "b": np.arange(400)})
    whole = (collection.root / made.name / "d.parquet").read_bytes()
    yield made
    for kind, content in damaged(whole, flips=16, cuts=6):
        yield collection.data(f"parquet-{kind}", "d.parquet", content)
    yield collection.data("parquet-length", "d.parquet", whole[:-8] + b"\xff\xff\xff\x7fPAR1")
    yield collection.data("parquet-noise", "d.parquet", b"PAR1" + bytes(99) + b"\x10\0\0\0PAR1")


def _masked(content: bytes) -> bytes:
    import tensorflow as tf

    path = "ram://record"
    with tf.io.TFRecordWriter(path) as writer:
        writer.write(content)
    whole: bytes = tf.io.gfile.GFile(path, "rb").read()
    tf.io.gfile.remove(path)
    return whole


def record_cases(collection: Collection) -> Iterator[Case]:
    """TFRecord files; a recipe says what they hold."""
    import tensorflow as tf

    def case(name: str, content: bytes, feature: str = "{shape: [8, 8, 1], dtype: float32}") -> Case:
        recipe = (
            "version: 1\nname: r\nmodel: {source: ./m.keras}\ndata:\n  source: ./d.tfrecord\n  with:\n    inputs: [x]\n"
            f"    label: y\n    features: {{x: {feature}, y: {{shape: [], dtype: int64}}}}\nsteps: [{{uses: ptq}}]\n"
        )
        made = collection.recipe(f"records-{name}", recipe, "apply")
        folder = collection.root / made.name
        (folder / "m.keras").write_bytes(collection.files["k2.keras"])
        (folder / "d.tfrecord").write_bytes(content)
        return Case(made.name, [*made.arguments, "--smoke", "--no-cache", "--output", f"{made.name}/out"])

    def example(values: bytes | list[float], label: int = 1) -> bytes:
        kind = tf.train.Feature
        x = (
            kind(bytes_list=tf.train.BytesList(value=[values]))
            if isinstance(values, bytes)
            else kind(float_list=tf.train.FloatList(value=values))
        )
        y = kind(int64_list=tf.train.Int64List(value=[label]))
        content: bytes = tf.train.Example(features=tf.train.Features(feature={"x": x, "y": y})).SerializeToString()
        return _masked(content)

    whole = example([0.5] * 64) * 6
    yield case("length", struct.pack("<Q", 2**63) + bytes(99))
    yield case("most", struct.pack("<Q", 2**64 - 1) + bytes(99))
    yield case("empties", (struct.pack("<Q", 0) + bytes(8)) * 50)
    yield case("noise", _masked(bytes(range(256))))
    yield case("gzip", b"\x1f\x8b" + bytes(99))
    yield case("shape", whole, "{shape: [1048576, 1048576, 64], dtype: float32}")
    yield case("raw", example(bytes(10)) * 6, "{shape: [8, 8, 1], dtype: float32, encoding: raw}")
    yield case("image", example(_png(60_000, 60_000)) * 6, "{shape: [8, 8, 1], dtype: uint8, encoding: png}")
    yield case("no-image", example(b"\x89PNG\r\n\x1a\n") * 6, "{shape: [8, 8, 1], dtype: uint8, encoding: png}")
    yield case("class", example([0.5] * 64, 2**62) * 6)
    for kind, content in damaged(whole, flips=3, cuts=3):
        yield case(kind, content)


def _png(height: int, width: int, rows: int = 8) -> bytes:
    """A PNG file with one channel that says it has this size, and holds so many rows of at most 100,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    coder = zlib.compressobj()
    body = b"".join(coder.compress(bytes(1 + min(width, 10**5))) for _ in range(rows)) + coder.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def image_cases(collection: Collection) -> Iterator[Case]:
    """Images in class folders."""
    whole = _png(8, 8)
    gif = b"GIF89a\xff\xff\xff\xff\x80" + bytes(8) + b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0\x3b"
    jpeg = (
        b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
        + bytes(99)
        + b"\xff\xd9"
    )
    bmp = (
        b"BM"
        + struct.pack("<IHHI", 99, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 2**30, -(2**30), 1, 24, 0, 0, 0, 0, 0, 0)
    )
    files: dict[str, tuple[str, bytes]] = {
        "png-bomb": ("b.png", _png(60_000, 60_000)),
        "png-real-bomb": ("b.png", _png(20_000, 20_000, rows=20_000)),
        "png-most": ("b.png", _png(2**31 - 1, 2**31 - 1)),
        "png-none": ("b.png", _png(0, 0)),
        "jpeg-bomb": ("b.jpg", jpeg),
        "bmp-bomb": ("b.bmp", bmp),
        "bmp-least": ("b.bmp", bmp[:22] + struct.pack("<i", -(2**31)) + bmp[26:]),
        "gif-bomb": ("b.gif", gif),
        "another": ("b.png", b"GIF89a" + bytes(99)),
        "svg": ("b.png", b"<svg onload='alert(1)'/>"),
        "noise": ("b.jpg", b"\xff\xd8" + bytes(range(256)) * 9 + b"\xff\xd9"),
        "empty": ("b.png", b""),
        "name": ("\x1b[31m\n\u202e.png", whole[:30]),
    }  # fmt: skip
    for kind, content in damaged(whole, flips=6, cuts=3):
        files[f"png-{kind}"] = ("b.png", content)
    for name, (file, content) in files.items():
        made = collection.data(f"image-{name}", "")
        for number, folder in enumerate(("d/train/a", "d/train/b", "d/test/a")):
            place = collection.folder(f"image-{name}/{folder}")
            (place / "a.png").write_bytes(whole)
            if number != 1:
                (place / file).write_bytes(content)
        yield Case(made.name, [*made.arguments[:-1], f"image-{name}/d"])
    made = collection.data("image-circle", "")
    (collection.folder("image-circle/d/a") / "a.png").write_bytes(whole)
    (collection.root / "image-circle/d/a/again").symlink_to("..")
    yield Case(made.name, [*made.arguments[:-1], "image-circle/d"])
