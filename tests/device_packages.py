"""Builds the C decoder of packages, and unpacks packages with it in a process of its own."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import compressor.models.packing

DEVICE = Path(compressor.models.packing.__file__).parent / "device"
DRIVER = Path(__file__).parent / "models" / "packing" / "unpack_many.c"
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wshadow")
SANITIZERS = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
OK, NOT_A_PACKAGE, DAMAGED, UNSUPPORTED, NO_ROOM, NO_WORK, WRITE_FAILED = range(7)
Answer = tuple[int, bytes | None]


def built(folder: Path, *options: str, compiler: str = "cc") -> Path:
    """A program that unpacks packages from standard input."""
    sources = [f"-I{DEVICE}", str(DEVICE / "tfpack.c")]
    subprocess.run(
        [compiler, *WARNINGS, *options, "-c", *sources, "-o", str(folder / "tfpack.o")], check=True, timeout=60
    )
    program = folder / "unpack_many"
    driver = [f"-I{DEVICE}", str(DRIVER), str(folder / "tfpack.o"), "-o", str(program)]
    subprocess.run([compiler, "-std=c99", *options, *driver], check=True, timeout=60)
    return program


def unpacked_by(command: Sequence[str | Path], packages: Sequence[bytes], page_size: int = 256) -> list[list[Answer]]:
    """For each package the result and the file, as the program unpacks it to memory and to flash."""
    stream = b"".join(struct.pack("<I", len(package)) + package for package in packages)
    done = subprocess.run([*command, str(page_size)], input=stream, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    answers, at = [], 0
    for _ in packages:
        ways: list[Answer] = []
        for _ in range(2):
            result, size = struct.unpack_from("<BI", done.stdout, at)
            at += 5
            content = done.stdout[at : at + size] if result == OK else None
            at += len(content or b"")
            ways.append((result, content))
        answers.append(ways)
    assert at == len(done.stdout)
    return answers
