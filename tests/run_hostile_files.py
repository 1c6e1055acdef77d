"""Has the tool read each file of the collection in `hostile_files.py`, and counts what should never happen.

    python tests/run_hostile_files.py [--only PATTERN] [--verbose]

Each command runs in a process of its own, forked from one that has imported TensorFlow. Exits with 1 if a file ran
code or was written outside of its folder, took over 2 GB or 60 s of a processor, or ended in exit code 5 or a
traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hostile_files import MARKER, Case, all_cases, cleared, small_models

SECONDS, BYTES = 60, 2 * 10**9
_WALL = 5  # times as long as a processor's time, on a machine with other work


@dataclass(frozen=True)
class Outcome:
    """How a command ended: exit code, negative for a signal, text, seconds of processors, and bytes of memory."""

    code: int
    text: str
    seconds: float
    memory: int
    outside: bool

    @property
    def faults(self) -> list[str]:
        """What should never happen."""
        lines = self.text.splitlines()
        broken = self.code == 5 or self.code < 0 or any(line.startswith("Traceback (most") for line in lines)
        found = {
            "outside": self.outside,
            "memory": self.memory > BYTES,
            "time": self.seconds > SECONDS,
            "failed": broken,
        }
        return [name for name, there in found.items() if there]


def run(case: Case, root: Path) -> Outcome:
    """Run a case's command in a child process, from the folder `root`."""
    log = root / "output.log"
    before = _paths(root, case)
    child = os.fork()
    if child == 0:
        _work(case.arguments, root, log)
    deadline = time.monotonic() + _WALL * SECONDS
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            break
        time.sleep(0.02)
    seconds = usage.ru_utime + usage.ru_stime if time.monotonic() <= deadline else _WALL * SECONDS
    text = log.read_text(errors="replace")
    outside = _paths(root, case) != before or (root / MARKER).exists()
    return Outcome(os.waitstatus_to_exitcode(status), text, seconds, 1024 * usage.ru_maxrss, outside)


def _paths(root: Path, case: Case) -> set[Path]:
    """What lies in the folder of the collection and the one around it, except in the case's own folder."""
    own = {root / case.name, root / "output.log", root / "cache"}
    return {path for folder in (root, root.parent) for path in folder.iterdir() if path not in own and path != root}


def _work(arguments: Sequence[str], root: Path, log: Path) -> None:
    os.setpgid(0, 0)
    os.chdir(root)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(target, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ["COMPRESSOR_CACHE"] = str(root / "cache")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from compressor.cli import main

    sys.argv = ["compressor", *arguments]
    code = 70
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> int:
    """Run all cases, and print those with faults and a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose name begins with what this regular expression matches")
    parser.add_argument("--verbose", action="store_true", help="print the output of every case")
    arguments = parser.parse_args()
    top = Path(tempfile.mkdtemp(prefix="hostile-"))
    root = top / "files"
    root.mkdir()
    _import_all()
    models = root / "models"
    models.mkdir()
    files = _made_apart(models)
    counts, codes, longest, largest = Counter[str](), Counter[int](), 0.0, 0
    for case in all_cases(root, files):
        if not re.match(arguments.only, case.name):
            cleared(root, case)
            continue
        outcome = run(case, root)
        counts["tried"] += 1
        counts.update(outcome.faults)
        codes[outcome.code] += 1
        longest, largest = max(longest, outcome.seconds), max(largest, outcome.memory)
        if outcome.faults or arguments.verbose:
            figures = f"exit code {outcome.code}, {outcome.seconds:.1f} s, {outcome.memory / 1e6:.0f} MB"
            print(f"{case.name}: {', '.join(outcome.faults) or 'ok'} · {figures}")
            print(f"  compressor {' '.join(case.arguments)[:200]}\n  {outcome.text[-600:]}", flush=True)
        cleared(root, case)
    shutil.rmtree(top)
    if not counts["tried"]:
        print(f"the name of no case begins with what '{arguments.only}' matches", file=sys.stderr)
        return 1
    rows = {"tried": "files tried", "outside": "ran code or wrote outside", "memory": "took over 2 GB",
            "time": "took over 60 s", "failed": "ended in exit code 5, a signal or a traceback"}  # fmt: skip
    for name, text in rows.items():
        print(f"{counts[name]:6,}  {text}")
    print(f"exit codes: {dict(sorted(codes.items()))}; at most {longest:.1f} s and {largest / 1e6:.0f} MB")
    return 1 if set(counts) - {"tried"} else 0


def _import_all() -> None:
    """Import TensorFlow and the tool, so that no child has to."""
    import tf_keras  # noqa: F401

    import compressor

    for module in pkgutil.walk_packages(compressor.__path__, "compressor."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _made_apart(folder: Path) -> dict[str, bytes]:
    """The small models, made in a child process, since TensorFlow's threads do not survive a fork."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            small_models(folder)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit("the small models cannot be made")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


if __name__ == "__main__":
    sys.exit(main())
