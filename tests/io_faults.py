"""Disks that fail: each call of a small run that opens, writes, syncs, renames or makes something fails once.

python tests/io_faults.py                 every call in turn, each with the next of the errors
python tests/io_faults.py --errors all    every call with every error
python tests/io_faults.py --sample 40     some of the calls

A run must end well, with the bytes of an undisturbed one, or end with one message that names the disk or the permission
and the file, with its exit code; and the next run must give the same bytes. TensorFlow is imported once, and each run
is a fork of that process. A library in C that is preloaded makes the calls fail, in children of the run as well.
"""

from __future__ import annotations

import argparse
import collections
import errno
import itertools
import mmap
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EINTR)
SOURCE = Path(__file__).with_suffix(".c")
MODEL = """
import numpy as np


def model():
    import tf_keras

    inputs = tf_keras.layers.Input((6,))
    return tf_keras.Model(inputs, tf_keras.layers.Dense(3)(tf_keras.layers.Dense(8, "relu")(inputs)))


def data():
    draw = np.random.default_rng(0)
    x = draw.normal(0, 1, (96, 6)).astype(np.float32)
    y = np.argmax(x[:, :3], 1)
    return (x[:64], y[:64]), (x[64:], y[64:])
"""
RECIPE = """
version: 1
name: tiny
model: {{source: ./tiny.py:model, train: {{epochs: 2}}}}
data: {{source: ./tiny.py:data, validation_split: 0.25}}
training: {{batch_size: 16}}
steps: [{steps}]
"""
STEPS = (
    "{uses: prune, with: {epochs: 2, final_sparsity: 0.5}}",
    "{uses: qat, with: {epochs: 1}}",
    "{uses: ptq}",
    "{uses: pack}",
)
_STATE = struct.Struct(f"qqiiii{os.pathconf('/', 'PC_PATH_MAX')}s16s")
_PATH_MAX = os.pathconf("/", "PC_PATH_MAX")
_RANDOM = re.compile(
    r"(?<=/__autograph_generated_file)\w+?(?=\.)|[0-9a-f]{12,64}|(?<=/)[0-9a-f]{2}(?=/)|(?<=/tmp/)\w{8}$"
    r"|(?<=/tmp)[\w-]{8}|(?<=compressor-run-)\w{8}|\d{3,}"
)


@dataclass(frozen=True)
class Call:
    """A call that can fail: its place in a run, and what it does to which file."""

    place: int
    kind: str
    path: str

    @property
    def name(self) -> str:
        """What it does, without the random parts of names."""
        return f"{self.kind} {_RANDOM.sub('*', self.path)}"


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    code: int
    output: str
    met: str
    results: dict[str, bytes]


class Faults:
    """Runs with faults, in a folder of their own that holds `work`, whose calls can fail, and the recipes."""

    def __init__(self, root: Path) -> None:
        self.root, self.work = root.resolve(), root.resolve() / "work"
        (self.root / "tiny.py").write_text(MODEL)
        for count in range(len(STEPS) + 1):
            text = RECIPE.format(steps=", ".join(STEPS[:count]))
            (self.root / f"tiny{count}.yaml").write_text(text)
        with Path(os.environ["IO_FAULTS"]).open("r+b") as file:
            self._state = mmap.mmap(file.fileno(), 0)

    def run(
        self, steps: int, smoke: bool, place: int = 0, number: int = 0, lasting: bool = False, trace: bool = False
    ) -> Outcome:
        """Run the first steps of the recipe; the call at a place, counted from 1, fails with an error's number."""
        self.work.mkdir(exist_ok=True)
        for name in ("tmp", "cache"):
            (self.work / name).mkdir(exist_ok=True)
        (self.root / "output").write_bytes(b"")
        child = os.fork()
        if child == 0:
            self._in_child(steps, smoke, (place, number, lasting, trace))
        _, status = os.waitpid(child, 0)
        content = bytes(self._state)
        met = struct.unpack_from("qqiiii", content)[4]
        kind, path = (self._text(at, size) for at, size in ((32 + _PATH_MAX, 16), (48 + _PATH_MAX, _PATH_MAX)))
        self._state[:32] = bytes(32)
        self._state[32 : 32 + _PATH_MAX] = bytes(_PATH_MAX)
        out = self.work / "out"
        results = (
            {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.tf*"))}
            if (out / "report.json").exists()
            else {}
        )
        output = (self.root / "output").read_text(errors="replace")
        return Outcome(os.waitstatus_to_exitcode(status), output, f"{kind} {path}" if met else "", results)

    def calls(self) -> list[Call]:
        """The calls of the run that was traced last."""
        lines = (self.root / "trace").read_text().splitlines()
        (self.root / "trace").unlink()
        return [Call(place, *line.partition(" ")[::2]) for place, line in enumerate(lines, 1)]

    def _text(self, at: int, size: int) -> str:
        return self._state[at : at + size].split(b"\0")[0].decode()

    def _in_child(self, steps: int, smoke: bool, fault: tuple[int, int, bool, bool]) -> None:
        """Run the command line in place of this process, and end it."""
        code = 70
        try:
            output = os.open(self.root / "output", os.O_WRONLY | os.O_APPEND)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.chdir(self.root)
            os.environ |= {
                "COMPRESSOR_CACHE": str(self.work / "cache"),
                "TMPDIR": str(self.work / "tmp"),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            tempfile.tempdir = None
            sys.argv = [
                "compressor",
                "apply",
                f"tiny{steps}.yaml",
                "-q",
                "-o",
                "work/out",
                *(["--smoke"] if smoke else []),
            ]
            from compressor.cli import main

            place, number, lasting, trace = fault
            trace_path = str(self.root / "trace").encode()
            at = 48 + 2 * _PATH_MAX
            self._state[at : at + len(trace_path) + 1] = trace_path + b"\0"
            folder = str(self.work).encode()
            self._state[32 : 32 + len(folder)] = folder
            struct.pack_into("qqiiii", self._state, 0, 0, place, number, lasting, 0, trace)
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        except Exception:  # noqa: BLE001
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def faults_of(outcome: Outcome, whole: dict[str, bytes], number: int) -> list[str]:
    """What is wrong with the end of a run."""
    text = outcome.output
    wrong = [f"shows '{word}'" for word in ("Traceback", "SIGSEGV", "compressor itself", "report it") if word in text]
    if outcome.code == 0:
        return wrong if outcome.results == whole else [*wrong, "ends with 0 and other bytes"]
    if outcome.code != 1:
        wrong.append(f"ends with {outcome.code}")
    if os.strerror(number) not in text:
        wrong.append("does not name the error")
    if "/work" not in text and "work/" not in text:
        wrong.append("does not name the file")
    if text.count("error: ") != 1:
        wrong.append(f"shows {text.count('error: ')} errors")
    return wrong


def walk(
    faults: Faults,
    errors: Sequence[tuple[int, ...]],
    generator: random.Random,
    sample: int | None,
    distinct: bool,
    only: str,
    runs: int | None,
) -> Iterator[str]:
    """Have each call of the recipe's runs fail; gives a line about each one.

    A run of one step more starts from the cache of the run before it, so that a call costs one step and not all.
    """
    seen: collections.Counter[str] = collections.Counter()
    done: set[str] = set()
    turn = itertools.cycle(errors)
    cached = faults.root / "cached"
    for smoke, steps in [*((True, count) for count in range(len(STEPS) + 1)), (True, len(STEPS)), (False, 2)][:runs]:
        if not smoke:
            shutil.rmtree(cached, ignore_errors=True)
        _start_over(faults, cached)
        clean = faults.run(steps, smoke, trace=True)
        assert clean.code == 0, clean.output
        calls = faults.calls()
        shutil.copytree(faults.work / "cache", faults.root / "next", dirs_exist_ok=True)
        count: collections.Counter[str] = collections.Counter()
        points = []
        for call in calls:
            count[call.name] += 1
            if count[call.name] > seen[call.name]:
                points.append(call)
        seen |= count
        if distinct:
            generator.shuffle(points)
            points = list({call.name: call for call in points if call.name not in done}.values())
            done |= {call.name for call in points}
        points = [call for call in points if re.search(only, call.name)]
        if sample is not None:
            points = generator.sample(points, min(sample, len(points)))
        points.sort(key=lambda call: call.place)
        yield f"--- {'smoke ' if smoke else ''}run of {steps} steps: {len(calls)} calls, {len(points)} of them tried"
        for call in points:
            for number in next(turn):
                _start_over(faults, cached)
                lasting = number == errno.ENOSPC
                first = faults.run(steps, smoke, call.place, number, lasting)
                wrong = faults_of(first, clean.results, number)
                again = first
                if first.code:
                    again = faults.run(steps, smoke)
                    if again.code or again.results != clean.results:
                        kind = "other" if again.results else "no"
                        wrong.append(f"the next run ends with {again.code} and {kind} bytes: {again.output}")
                last = (first.output.strip().splitlines() or [""])[-1]
                state = "WRONG " + ", ".join(wrong) + f" | {first.output}" if wrong else "right"
                yield f"{state} | {errno.errorcode[number]} {call.name} | met {first.met} | {first.code} {last}"
        shutil.rmtree(cached, ignore_errors=True)
        (faults.root / "next").rename(cached)


def _start_over(faults: Faults, cached: Path) -> None:
    shutil.rmtree(faults.work, ignore_errors=True)
    if cached.exists():
        shutil.copytree(cached, faults.work / "cache")


def prepared(folder: Path) -> dict[str, str]:
    """Compile the library, and give the environment that a process with faults needs."""
    library, state = folder / "io_faults.so", folder / "state"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    state.write_bytes(bytes(48 + 3 * _PATH_MAX + 4096))
    return {"LD_PRELOAD": str(library), "IO_FAULTS": str(state)}


def _import_libraries() -> None:
    """What a run imports, none of which may start threads before the forks."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import ai_edge_litert.interpreter  # noqa: F401
    import litert_quantizer  # noqa: F401
    import tensorflow  # noqa: F401
    import tensorflow_model_optimization  # noqa: F401
    import tf_keras  # noqa: F401

    import compressor.api
    import compressor.cli.commands.apply
    import compressor.session  # noqa: F401


def main() -> None:
    """Walk through the calls."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--errors", choices=["all", "one"], default="one", help="at each call: all errors, or one in turn"
    )
    parser.add_argument("--sample", type=int, help="how many calls to try of each run; all by default")
    parser.add_argument("--distinct", action="store_true", help="try one of the calls that do the same to a file")
    parser.add_argument("--only", default="", help="try calls whose description has this, a regular expression")
    parser.add_argument("--runs", type=int, help="how many of the runs to go through; all by default")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="io-faults-") as name:
        root = Path(os.environ.get("IO_FAULTS_ROOT", name))
        if "IO_FAULTS" not in os.environ:
            environment = {**os.environ, **prepared(root), "IO_FAULTS_ROOT": str(root)}
            sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment).returncode)
        _import_libraries()
        errors = [ERRORS] if arguments.errors == "all" else [(number,) for number in ERRORS]
        generator, start = random.Random(arguments.seed), time.monotonic()
        lines = []
        for line in walk(
            Faults(root), errors, generator, arguments.sample, arguments.distinct, arguments.only, arguments.runs
        ):
            lines.append(line)
            print(f"{time.monotonic() - start:.0f} {line}", flush=True)
    tried = [line for line in lines if not line.startswith("---")]
    wrong = [line for line in tried if line.startswith("WRONG")]
    print(f"{len(tried)} faults, {len(wrong)} of them ended wrong, in {time.monotonic() - start:.0f} s")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
