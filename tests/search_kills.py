"""Searches whose processes are killed at random moments: no trial is lost or run twice, and the front is the same.

python tests/search_kills.py main --count 12     end the command itself, and go on with --resume
python tests/search_kills.py worker --count 4    end one of the processes that run trials
python tests/search_kills.py node --count 4      end a machine of a Ray cluster (two nodes and a head on this machine)
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from killed_commands import OLD_ENOUGH, begin, bytes_of, children_of, litter
from ray_machines import Machines
from tiny_nets import write_tiny
from tiny_recipes import HEAD

TRIALS = 8
RECIPE = (
    HEAD
    + """\
training: {batch_size: 32}
steps:
  - uses: prune
    with: {final_sparsity: {search: {low: 0.5, high: 0.9}}, epochs: 12}
  - uses: ptq
    with: {precision: {search: [int8, float16]}, calibration_samples: 20}
objectives: [{minimize: gzip_size}, {maximize: accuracy}]
"""
)
TARGETS = ("parent", "child", "group")  # the process that was started, the one that does the work, or all at once
_LIMIT = 3600  # seconds that a search may take on a busy machine
_BEGINS = re.compile(r"trial (\d+) begins: ")
_FRONT = ("*.yaml", "front.md", "*.tflite", "*.h5")  # what is to be the same to the last byte


@dataclass
class Searches:
    """Searches of one recipe in one folder, each with a cache of its own, so that each trains for itself."""

    root: Path
    more: list[str] = field(default_factory=list)  # options
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not (self.root / "tiny.keras").exists():
            write_tiny(self.root)
        (self.root / "tiny.yaml").write_text(RECIPE)

    def begin(self, name: str) -> subprocess.Popen[bytes]:
        """Begin the search of a name, or go on with it; its messages go to a file."""
        where = ["--resume" if (self.root / name / "search.json").exists() else "--output", name]
        command = ["search", "tiny.yaml", "--trials", str(TRIALS), "--workers", "2", *where, *self.more]
        with self.log(name).open("ab") as log:
            return begin(command, self.cache(name), cwd=self.root, stderr=log)

    def finish(self, name: str) -> float:
        """Have a search run to its end; the seconds that it takes."""
        began = time.monotonic()
        process = self.begin(name)
        self.ended_well(process, name)
        return time.monotonic() - began

    def ended_well(self, process: subprocess.Popen[bytes], name: str) -> None:
        """Wait for the end of a search that is left alone, which must be a good one."""
        if code := process.wait(timeout=_LIMIT):
            sys.exit(f"{name} ended with {code}:\n{self.log(name).read_text()}")

    def log(self, name: str) -> Path:
        return self.root / f"{name}.log"

    def cache(self, name: str) -> Path:
        return self.root / f"{name}-cache"

    def said(self, name: str, after: int = 0) -> str:
        """What a search has said, from so many bytes on."""
        return self.log(name).read_bytes()[after:].decode() if self.log(name).exists() else ""

    def finished(self, name: str) -> dict[int, dict[str, Any]]:
        """What the journal has of each trial that is over, and how often it was kept."""
        known: dict[int, dict[str, Any]] = {}
        journal = self.root / name / "journal.log"
        for line in journal.read_text().splitlines(keepends=True) if journal.exists() else ():
            if not line.endswith("\n"):  # cut by a kill
                continue
            entry = json.loads(line)
            if attributes := entry.get("user_attr"):
                facts = known.setdefault(entry["trial_id"] + 1, {"kept": 0})
                facts.update(attributes)
                facts["kept"] += "state" in attributes
        return {number: facts for number, facts in known.items() if facts["kept"]}

    def hold_against(self, name: str, before: dict[int, Any], said: int) -> None:
        """Find trials that were over and are lost, are another one, or have begun again since."""
        now = self.finished(name)
        begun = {int(number) for number in _BEGINS.findall(self.said(name, said))}
        for number, facts in before.items():
            if now.get(number) != facts:
                self.faults.append(f"{name}: trial {number} was {facts}, and is {now.get(number)}")
            if number in begun:
                self.faults.append(f"{name}: trial {number} was over, and was run again")

    def hold_end_against(self, name: str, whole: str) -> None:
        """Find what is not as in a search that was left alone, and what is left behind."""
        kept = [(number, facts["kept"]) for number, facts in sorted(self.finished(name).items())]
        if kept != [(number, 1) for number in range(1, TRIALS + 1)]:
            self.faults.append(f"{name}: the trials that were kept, and how often: {kept}")
        for file in ("trials", "front"):
            if self.front(name)[file] != self.front(whole)[file]:
                self.faults.append(f"{name}: front.json has other {file}")
        for pattern in _FRONT:
            mine, others = (bytes_of(self.root / one / "front", pattern) for one in (name, whole))
            self.faults += [
                f"{name}: {path} differs" for path in {*mine, *others} if mine.get(path) != others.get(path)
            ]
        if left := litter(self.cache(name), [self.root / name]):
            self.faults.append(f"{name}: left {left}")

    def front(self, name: str) -> dict[str, Any]:
        """`front.json` without how long each trial took."""
        data: dict[str, Any] = json.loads((self.root / name / "front/front.json").read_text())
        for trial in data["trials"]:
            del trial["seconds"]
        return data

    def told(self, what: str) -> None:
        """Tell what was done, and what is wrong since."""
        print(f"  {what}: {'; '.join(self.faults[self._told :]) or 'right'}", flush=True)
        self._told = len(self.faults)

    _told: int = 0


def kill_main(searches: Searches, name: str, seconds: float, target: str) -> bool:
    """Kill the command after some seconds; whether it was still running."""
    before, said = searches.finished(name), len(searches.said(name).encode())
    process = searches.begin(name)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)
        searches.ended_well(process, name)
        return False
    child = next(iter(children_of(process.pid)), process.pid)
    if target == "group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        os.kill(child if target == "child" else process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    time.sleep(1)  # until the system has ended what ends with it
    searches.hold_against(name, before, said)
    searches.faults += [f"{name}: the worker {number} lives on" for number in workers_in(searches.root)]
    searches.told(f"{name}: SIGKILL to {target} after {seconds:.1f} s, {len(searches.finished(name))} trials over")
    return True


def main_kills(searches: Searches, count: int, draw: random.Random, whole: str, longest: float) -> int:
    """Kill the command so often; up to four times in one search, which is then left alone."""
    dead = series = 0
    while dead < count:
        series += 1
        name = f"cut-{series}"
        for _ in range(min(4, count - dead)):
            if not kill_main(searches, name, draw.uniform(0.5, longest), draw.choice(TARGETS)):
                break
            dead += 1
        time.sleep(OLD_ENOUGH)
        before, said = searches.finished(name), len(searches.said(name).encode())
        searches.finish(name)
        searches.hold_against(name, before, said)
        searches.hold_end_against(name, whole)
        searches.told(f"{name}, left alone at last")
    return dead


def kill_one(
    searches: Searches, name: str, whole: str, seconds: float, find: Callable[[], Any], kill: Callable[[Any], None]
) -> bool:
    """Kill what is found so many seconds after a search began, which goes on; whether there was something."""
    process = searches.begin(name)
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)
        return False
    found, over = find(), searches.finished(name)
    if found is not None:
        kill(found)
    said = len(searches.said(name).encode())
    searches.ended_well(process, name)
    if found is None:
        return False
    searches.hold_against(name, over, said)
    time.sleep(1)  # until the system has ended what ends with it
    searches.hold_end_against(name, whole)
    again = ", ".join(re.findall(r"trial (\d+) begins again", searches.said(name))) or "none"
    searches.told(f"{name}: killed after {seconds:.1f} s, {len(over)} trials over, begun again: {again}")
    return True


def worker_kills(searches: Searches, count: int, draw: random.Random, whole: str, longest: float) -> int:
    """Kill a process that runs trials, one in each search."""
    dead = number = 0

    def worker() -> int | None:
        found = sorted(workers_in(searches.root))
        return draw.choice(found) if found else None

    while dead < count:
        number += 1
        seconds = draw.uniform(2, longest)
        dead += kill_one(
            searches, f"hit-{number}", whole, seconds, worker, lambda found: os.kill(found, signal.SIGKILL)
        )
    return dead


def node_kills(searches: Searches, count: int, draw: random.Random, whole: str, longest: float) -> int:
    """Kill a machine of a cluster, one in each search; another one comes in its place."""
    dead = number = 0
    there = Searches(searches.root, ["--on", "ray", "--task-cpus", "1"], searches.faults)
    with tempfile.TemporaryDirectory() as folder:
        machines = Machines(Path(folder), searches.root)
        os.environ.update(RAY_ADDRESS=machines.address, RAY_AUTH_MODE="disabled")
        try:
            machines.start_head(cpus=0)
            nodes = [machines.add(), machines.add()]
            while dead < count:
                number += 1
                lost, seconds = draw.choice(nodes), draw.uniform(8, longest)
                if kill_one(there, f"far-{number}", whole, seconds, lambda lost=lost: lost, machines.kill):
                    nodes = [*(node for node in nodes if node is not lost), machines.add()]
                    dead += 1
        finally:
            machines.close()
    return dead


def workers_in(folder: Path) -> list[int]:
    """The processes that run trials of searches in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            is_worker = b"search.worker_process" in (process / "cmdline").read_bytes()
            if is_worker and (process / "cwd").readlink() == folder:
                found.append(int(process.name))
    return found


def main() -> None:
    """Kill what is asked for so often, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    kinds = {"main": main_kills, "worker": worker_kills, "node": node_kills}
    parser.add_argument("what", choices=kinds)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        searches = Searches(Path(name).resolve())
        longest = searches.finish("whole")
        points = len(searches.front("whole")["front"])
        print(f"left alone: {longest:.0f} s, {TRIALS} trials, {points} on the front", flush=True)
        dead = kinds[arguments.what](searches, arguments.count, random.Random(arguments.seed), "whole", longest)
    print(f"{dead} kills; wrong: {'; '.join(searches.faults) or 'nothing'}")
    sys.exit(1 if searches.faults else 0)


if __name__ == "__main__":
    main()
