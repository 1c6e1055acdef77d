"""Throws damaged models at the readers, which must answer each with a reading or a CompressorError.

    python tests/fuzz_models.py --cases 2000 --seed 0

A small `.tflite`, `.keras` and `.h5` are made, and bytes of them flipped, cut, swapped and inserted; no training.
Exits with 1 on any other exception, and keeps the file that led to it.
"""

from __future__ import annotations

import argparse
import faulthandler
import resource
import struct
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from compressor.base.errors import CompressorError
from compressor.models.files.untrusted import refuse_harmful_keras, refuse_harmful_litert
from compressor.models.litert.reading.contents import dissect

SUFFIXES = [".tflite", ".keras", ".h5"]
PROBE_SHARE = 0.05  # each probe starts a process, as each Keras file does
INTEGERS = [0, 1, 2, 4, 255, 256, 65535, 2**20, 2**31 - 1, 2**31, 2**32 - 1]


def mutated(content: bytes, random: Random) -> bytes:
    """The bytes after a few changes."""
    for _ in range(random.choice([1, 1, 2, 3, 8])):
        content = random.choice(MUTATIONS)(content, random)
    return content


def _flip_bits(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice([1, 1, 4, 32]) if changed else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _put_integer(content: bytes, random: Random) -> bytes:
    at = 4 * random.randint(0, len(content) // 4)
    return content[:at] + struct.pack("<I", random.choice(INTEGERS)) + content[at + 4 :]


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randint(0, len(content))]


def _drop(content: bytes, random: Random) -> bytes:
    at = random.randint(0, len(content))
    return content[:at] + content[at + random.randint(1, 64) :]


def _insert(content: bytes, random: Random) -> bytes:
    at = random.randint(0, len(content))
    return content[:at] + random.choice([bytes, random.randbytes])(random.randint(1, 64)) + content[at:]


def _swap(content: bytes, random: Random) -> bytes:
    size = random.choice([1, 4, 16, 64])
    one, two = sorted(random.randint(0, len(content)) for _ in range(2))
    if two - one < size:
        return content
    return (
        content[:one] + content[two : two + size] + content[one + size : two] + content[one : one + size]
    ) + content[two + size :]


MUTATIONS: list[Callable[[bytes, Random], bytes]] = [
    *(_flip_bits, _flip_bits, _put_integer, _put_integer, _cut, _drop, _insert, _swap),
]


def small_models(folder: Path) -> dict[str, bytes]:
    """The bytes of one small model in each format, by its suffix."""
    from compressor.models.files.tensorflow_setup import prepare_tensorflow

    prepare_tensorflow(seed=0)
    import tf_keras
    from tf_keras import layers

    from compressor.models.litert.conversion.converter import to_litert

    stack = [layers.InputLayer((8, 8, 1)), layers.Conv2D(2, 3, activation="relu"), layers.Flatten(), layers.Dense(4)]
    model = tf_keras.Sequential(stack)
    for suffix in (".keras", ".h5"):
        model.save(folder / f"whole{suffix}")
    contents = {suffix: (folder / f"whole{suffix}").read_bytes() for suffix in (".keras", ".h5")}
    return {".tflite": to_litert(model), **contents}


def read(suffix: str, path: Path, random: Random) -> str:
    """Read a file as the tool would; by what."""
    if suffix != ".tflite":
        refuse_harmful_keras(path, trusted=False)
        return f"keras{suffix}"
    if random.random() < PROBE_SHARE:
        refuse_harmful_litert(path)
        return "probe"
    dissect(path.read_bytes())
    return "dissect"


def main() -> int:
    """Run the cases and say in one line how they went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    faulthandler.enable()
    random, outcomes = Random(arguments.seed), Counter[str]()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-models-"))
    models = small_models(folder)
    began, slowest = time.perf_counter(), 0.0
    for number in range(arguments.cases):
        suffix = random.choices(SUFFIXES, [16, 1, 1])[0]
        path = folder / f"case{suffix}"  # stays behind where a case takes this process down
        path.write_bytes(mutated(models[suffix], random))
        start = time.perf_counter()
        try:
            read(suffix, path, random)
            outcomes["read"] += 1
        except CompressorError:
            outcomes["refused"] += 1
        # whatever else there is, it is what this looks for
        except Exception:  # noqa: BLE001
            outcomes["tracebacks"] += 1
            kept = path.rename(folder / f"{number}{suffix}")
            print(f"{'-' * 80}\n{kept}\n{traceback.format_exc()}")
        slowest = max(slowest, time.perf_counter() - start)
    counts = ", ".join(f"{outcomes[outcome]:,} {outcome}" for outcome in ("read", "refused", "tracebacks"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = f"{time.perf_counter() - began:.0f} s, slowest {1000 * slowest:.0f} ms, at most {memory:,.0f} MiB"
    print(f"{arguments.cases:,} cases, seed {arguments.seed}: {counts}; {times}")
    return 1 if outcomes["tracebacks"] else 0


if __name__ == "__main__":
    sys.exit(main())
