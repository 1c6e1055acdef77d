"""Runs that are killed and caches that are damaged, by hand and at length.

python tests/kill_and_corrupt.py kills --count 50    end a real recipe at random moments, resume it, compare the bytes
python tests/kill_and_corrupt.py flips --count 1000  flip random bits in a cache, and see whether each one is found
"""

from __future__ import annotations

import argparse
import collections
import os
import pty
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from killed_commands import OLD_ENOUGH, begin, bytes_of, children_of, litter

RECIPE = [
    "prune_qat",
    *("--set", "model.train.epochs=3", "--set", "training.batch_size=256"),
    *("--set", "steps.prune.with.epochs=3", "--set", "steps.qat.with.epochs=2", "--set", "constraints={}"),
]


STARTED = 1.0  # seconds in which Python itself may still be starting
WAYS = (  # signals, and to whom: the process that was started, its child, or the whole group, as a terminal does
    ((signal.SIGKILL,), "parent"),
    ((signal.SIGKILL,), "child"),
    ((signal.SIGKILL,), "group"),
    ((signal.SIGTERM,), "parent"),
    ((signal.SIGTERM,), "child"),
    ((signal.SIGHUP,), "group"),
    ((signal.SIGINT,), "group"),
    ((signal.SIGINT, signal.SIGINT), "group"),
    ((signal.SIGINT, signal.SIGINT), "parent"),
)
_HIDDEN, _SHOWN = b"\x1b[?25l", b"\x1b[?25h"  # what a terminal gets to hide and show its cursor


def apply(folder: Path, cache: Path, terminal: int | None = None) -> subprocess.Popen[bytes]:
    """The recipe, under way in a process and a session of its own, in a terminal or with its errors in a pipe."""
    command = ["apply", *RECIPE, "-o", str(folder)]
    if terminal is None:
        return begin([*command, "--quiet"], cache)
    return begin(command, cache, stdout=terminal, stderr=terminal)


def cut(folder: Path, cache: Path, seconds: float, numbers: tuple[int, ...], target: str, pause: float) -> str | None:
    """End a run after some seconds, and say what was wrong with its end; None if it came to its own end before."""
    own, terminal = pty.openpty()
    process = apply(folder, cache, terminal)
    os.close(terminal)
    shown = bytearray()
    reader = threading.Thread(target=_read, args=(own, shown))
    reader.start()
    try:
        process.wait(timeout=seconds)
        return None
    except subprocess.TimeoutExpired:
        pass
    finally:
        if process.returncode is not None:
            reader.join()
            os.close(own)
    children = children_of(process.pid)
    for number in numbers:
        try:
            if target == "group":
                os.killpg(process.pid, number)
            else:
                os.kill(children[0] if target == "child" and children else process.pid, number)
        except ProcessLookupError:
            break
        time.sleep(pause)
    process.wait()
    reader.join(timeout=30)
    os.close(own)
    wrong = _wrong_end(bytes(shown), process.returncode, numbers, target, seconds)
    if wrong:
        print(shown[-2000:].decode(errors="replace"), flush=True)
    return wrong


def _read(terminal: int, shown: bytearray) -> None:
    """Read what is written to a terminal, until nobody has it open."""
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            return


def _wrong_end(shown: bytes, code: int, numbers: tuple[int, ...], target: str, seconds: float) -> str:
    """What is wrong with the end of a run; empty if nothing is."""
    killed = signal.SIGKILL in numbers
    allowed = {-signal.SIGKILL} if killed and target != "child" else {4, -signal.SIGKILL} if killed else {130}
    wrong = []
    if b"Traceback" in shown and seconds > STARTED:  # before that, Python itself is being started
        wrong.append("a traceback")
    if code not in allowed and code != 0 and seconds > STARTED:
        wrong.append(f"the exit code {code}")
    if shown.rfind(_HIDDEN) > shown.rfind(_SHOWN) and (not killed or target == "child"):
        wrong.append("a hidden cursor")
    if not killed and code == 130 and b"interrupted" not in shown:
        wrong.append("no word")
    return ", ".join(wrong)


def finish(folder: Path, cache: Path) -> dict[str, bytes]:
    """The files of a run that is left alone."""
    process = apply(folder, cache)
    _, errors = process.communicate()
    if process.returncode:
        sys.exit(f"the run ended with {process.returncode}: {errors.decode()}")
    return bytes_of(folder)


def kills(count: int, seed: int) -> None:
    """End runs until `count` were cut; each series of them ends in a run that is left alone."""
    generator = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        start = time.monotonic()
        whole = finish(root / "whole", root / "whole-cache")
        longest = time.monotonic() - start
        dead = survived = series = 0
        faults: collections.Counter[str] = collections.Counter()
        while dead < count:
            series += 1
            cache, of_series = root / f"cache-{series}", 0
            for _ in range(min(12, count - dead)):
                (numbers, target), seconds = generator.choice(WAYS), generator.uniform(0.3, longest)
                wrong = cut(root / f"run-{series}", cache, seconds, numbers, target, generator.uniform(0, 0.02))
                if wrong is None:
                    break
                of_series += 1
                names = "+".join(signal.Signals(number).name for number in numbers)
                print(f"  {names} to {target} after {seconds:.1f} s: {wrong or 'right'}", flush=True)
                faults[wrong] += 1
            if not (root / f"run-{series}" / "report.json").exists():
                finish(root / f"run-{series}", cache)
            time.sleep(OLD_ENOUGH)
            same = finish(root / f"end-{series}", cache) == bytes_of(root / f"run-{series}") == whole
            left = litter(cache, [root / f"run-{series}"])
            dead, survived = dead + of_series, survived + (of_series if same and not left else 0)
            bytes_are = "the same bytes" if same else "OTHER BYTES"
            print(
                f"series {series}: {of_series} cut, {bytes_are}, {f'LEFT {left}' if left else 'nothing left'}",
                flush=True,
            )
        del faults[""]
        print(f"{survived} of {dead} survived; ended wrong: {dict(faults) or 'none'}")
    sys.exit(0 if survived == dead and not faults else 1)


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
