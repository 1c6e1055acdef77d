"""Runs that are killed and caches that are damaged, by hand and at length.

python tests/kill_and_corrupt.py kills --count 50    kill a real recipe at random moments, resume it, compare the bytes
python tests/kill_and_corrupt.py flips --count 1000  flip random bits in a cache, and see whether each one is found
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RECIPE = [
    "prune_qat",
    *("--set", "model.train.epochs=3", "--set", "training.batch_size=256"),
    *("--set", "steps.prune.with.epochs=3", "--set", "steps.qat.with.epochs=2", "--set", "constraints={}"),
]


def apply(folder: Path, cache: Path) -> subprocess.Popen[bytes]:
    """The recipe, under way in a process of its own."""
    command = [sys.executable, "-m", "compressor", "apply", *RECIPE, "--quiet", "-o", str(folder)]
    environment = {**os.environ, "COMPRESSOR_CACHE": str(cache)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every stage's file in a run's folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.tflite"))}


def finish(folder: Path, cache: Path) -> dict[str, bytes]:
    """The files of a run that is left alone."""
    process = apply(folder, cache)
    _, errors = process.communicate()
    if process.returncode:
        sys.exit(f"the run ended with {process.returncode}: {errors.decode()}")
    return bytes_of(folder)


def kills(count: int, seed: int) -> None:
    """Kill runs until `count` are dead; each series of kills ends in a run that is left alone."""
    generator = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        whole = finish(root / "whole", root / "whole-cache")
        dead = survived = series = 0
        while dead < count:
            series += 1
            cache, of_series = root / f"cache-{series}", 0
            for attempt in range(12):
                process = apply(root / f"cut-{series}-{attempt}", cache)
                try:
                    process.wait(timeout=generator.uniform(0.3, 12))
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    of_series += 1
            same = finish(root / f"end-{series}", cache) == whole
            dead, survived = dead + of_series, survived + (of_series if same else 0)
            print(f"series {series}: {of_series} kills, {'the same bytes' if same else 'OTHER BYTES'}", flush=True)
        print(f"{survived} of {dead} kills survived")
    sys.exit(0 if survived == dead else 1)


def flips(count: int, seed: int) -> None:
    """Flip one bit at a time in a cache that a smoke run filled."""
    import compressor
    from compressor.run.cache.store import Cache

    generator = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compressor.apply("prune_qat", output=folder / "out", smoke=True, cache=folder / "cache")
        cache = Cache(folder / "cache")
        entries = list(cache.entries())
        start, found = time.perf_counter(), 0
        for _ in range(count):
            entry = generator.choice(entries)
            content = entry.path.read_bytes()
            at, bit = generator.randrange(len(content)), 1 << generator.randrange(8)
            entry.path.write_bytes(content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :])
            found += [damaged.path for damaged, _ in cache.damaged()] == [entry.path]
            entry.path.write_bytes(content)
        print(f"{found} of {count} flipped bits found, in {time.perf_counter() - start:.0f} s")
    sys.exit(0 if found == count else 1)


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["kills", "flips"])
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    {"kills": kills, "flips": flips}[arguments.what](arguments.count, arguments.seed)


if __name__ == "__main__":
    main()
