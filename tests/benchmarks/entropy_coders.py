"""What the coders of packages cost and save on weights of 8 bits: bytes, MB a second of one core, and peak memory.

    python tests/benchmarks/entropy_coders.py [--megabytes 2 20 100] [--python-too] [FILE ...]

Weights are made as trained ones are (Laplacian rows of unlike widths), pruned and clustered ones too, or taken from
LiteRT files and packages. Each figure is measured in a process of its own. `--python-too` adds the `model` coder
without compiled code, on the first 50 kB.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from compressor.models.litert.conversion.shrinking import shrunk
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.format.flatbuffer_nodes import Reference, References, Table, Text, Vector
from compressor.models.litert.format.flatbuffer_writer import compact, laid_out
from compressor.models.packing.coders import CODERS
from compressor.models.packing.compiled_library import WITHOUT_VARIABLE
from compressor.models.packing.package import unpacked

COLUMNS, LAYER = 1024, 2**22


def weights(kind: str, size: int) -> np.ndarray:
    """A matrix of int8 as a trained layer has it."""
    chance = np.random.default_rng(0)
    rows = size // COLUMNS
    spread = chance.uniform(10, 35, (rows, 1))
    values = chance.laplace(0, spread, (rows, COLUMNS))
    if kind == "sparse":
        values[chance.random((rows, COLUMNS)) < 0.8] = 0
        values[:, chance.random(COLUMNS) < 0.2] = 0
    elif kind == "clustered":
        centres = np.sort(np.round(chance.laplace(0, 25, (rows // 256 + 1, 16))), axis=1)
        values = np.stack([layer[chance.integers(0, 16, COLUMNS)] for layer in np.repeat(centres, 256, axis=0)[:rows]])
    return np.clip(np.round(values), -127, 127).astype(np.int8)


def litert_file(matrix: np.ndarray) -> bytes:
    """A LiteRT file that holds these weights in tensors of 4 MiB."""
    layers = [matrix.reshape(-1)[start : start + LAYER] for start in range(0, matrix.size, LAYER)]
    nodes: list = []

    def added(node: object) -> Reference:
        nodes.append(node)
        return Reference(len(nodes) - 1)

    tensors, buffers = [], [added(Table(()))]
    for number, layer in enumerate(layers):
        shape = added(Vector(4, np.array([layer.size // COLUMNS, COLUMNS], "<i4").tobytes()))
        name = added(Text(f"w{number}".encode()))
        place = (number + 1).to_bytes(4, "little")
        tensors.append(added(Table(((0, shape), (1, bytes([9])), (2, place), (3, name)))))
        buffers.append(added(Table(((0, added(Vector(1, layer.tobytes()))),))))
    graph = added(References((added(Table(((0, added(References(tuple(tensors)))),))),)))
    added(Table(((0, (3).to_bytes(4, "little")), (2, graph), (4, added(References(tuple(buffers)))))))
    return compact(read_model(laid_out(nodes)))


def peak_kilobytes() -> int:
    """What this process took at most; `getrusage` would count what the one that started it took, too."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def measured(name: str, path: Path) -> list[float]:
    """Bytes, seconds of a core to code and to decode, and peak bytes of memory, less what they were before."""
    content = path.read_bytes()
    CODERS[name].encode(content[:100])
    before = peak_kilobytes()
    start = time.process_time()
    payload = CODERS[name].encode(content)
    coded = time.process_time()
    if payload is None:
        return [0, coded - start, 0, 0]
    assert CODERS[name].decode(payload, len(content)) == content
    end = time.process_time()
    peak = (peak_kilobytes() - before) * 1024
    return [len(payload), coded - start, end - coded, peak]


def in_a_process(name: str, content: bytes, folder: Path, environment: dict[str, str] | None = None) -> list[float]:
    """What `measured` returns in a new process."""
    path = folder / "content"
    path.write_bytes(content)
    command = [sys.executable, __file__, "--measure", name, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | (environment or {}))
    return json.loads(done.stdout)


def row(title: str, coder: str, size: int, figures: list[float]) -> None:
    """Print one line of the table."""
    made, coding, decoding, peak = figures
    if not made:
        print(f"| {title} | {coder} | refused | {coding:.1f} s | | |", flush=True)
        return
    rates = [f"{size / seconds / 1e6:.3g}" for seconds in (coding, decoding)]
    print(f"| {title} | {coder} | {int(made):,} | {rates[0]} | {rates[1]} | {peak / 1e6:.0f} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--megabytes", nargs="*", type=int, default=[2])
    parser.add_argument("--coders", nargs="*", default=["model", "xz", "zstd", "brotli"])
    parser.add_argument("--python-too", action="store_true")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(arguments.measure, arguments.files[0])))
        return
    contents = {path.name: shrunk(unpacked(path.read_bytes())) for path in arguments.files}
    print("| weights | coder | bytes | MB/s coding | MB/s decoding | peak MB |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in () if contents else [each << 20 for each in arguments.megabytes]:
            contents |= {
                f"{k}, {size >> 20} MiB": litert_file(weights(k, size)) for k in ("dense", "sparse", "clustered")
            }
        for title, content in contents.items():
            for coder in arguments.coders:
                row(title, coder, len(content), in_a_process(coder, content, folder))
            if arguments.python_too:
                part = litert_file(np.frombuffer(content, np.int8)[-50 * COLUMNS :].reshape(-1, COLUMNS))
                figures = in_a_process("model", part, folder, {WITHOUT_VARIABLE: "1"})
                row(f"{title}, 50 KiB", "model, in Python", len(part), figures)


if __name__ == "__main__":
    main()
