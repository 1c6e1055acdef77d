"""Two sides of a benchmark, each in a process of its own, one after the other, in turns: seconds and peak memory."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]


def told(side: Callable[[], Mapping[str, Any]]) -> None:
    """Run one side in this process, and print what it found, its seconds and the peak of its memory in bytes."""
    start = time.perf_counter()
    found = side()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**found, "seconds": seconds, "peak_bytes": peak}))


def pairs(script: str, rounds: int, options: Sequence[str] = ()) -> list[tuple[Found, Found]]:
    """What a script prints with `--side ours` and with `--side plain`, as often as `rounds` says."""
    return [(_measured(script, "ours", options), _measured(script, "plain", options)) for _ in range(rounds)]


def print_ratios(rounds: Sequence[tuple[Found, Found]], goals: Mapping[str, float]) -> None:
    """Print the ratio of each figure in each round, their median, and the goal."""
    for key, goal in goals.items():
        ratios = [ours[key] / plain[key] for ours, plain in rounds]
        listed = " ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{key}: ours / plain = {listed}, median {statistics.median(ratios):.2f} (goal: at most {goal})")


def _measured(script: str, side: str, options: Sequence[str]) -> Found:
    done = subprocess.run([sys.executable, script, "--side", side, *options], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    result: Found = json.loads(done.stdout.splitlines()[-1])
    print(f"{side:6} {json.dumps(result)}", flush=True)
    return result
