"""How long `--help` and `validate` take to start, beside what their libraries take to be imported at the least.

Times depend on the machine, so the goals are ratios: 0.2 s and 0.5 s where that import takes 0.18 s.
"""

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

from compressor.recipe import shipped

COMMAND = str(Path(sys.executable).with_name("compressor"))
FRONT = "typer" if importlib.util.find_spec("typer") else "click"
LIBRARIES = [sys.executable, "-c", f"import {FRONT}, rich.table, pluggy, yaml, pydantic"]
GOALS = {"compressor --help": 0.2 / 0.18, f"compressor validate {' '.join(shipped.names())}": 0.5 / 0.18}
ROUNDS = 5


def seconds(command):
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main():
    commands = {FRONT: LIBRARIES} | {name: [COMMAND, *name.split()[1:]] for name in GOALS}
    rounds = [{name: seconds(command) for name, command in commands.items()} for _ in range(ROUNDS)]
    best = {name: min(times[name] for times in rounds) for name in commands}
    print(f"{best[FRONT]:.3f} s  import {FRONT}, rich.table, pluggy, yaml, pydantic (best of {ROUNDS})")
    if FRONT != "typer":
        print("         typer is not installed, so the goals are a little stricter than meant")
    missed = False
    for name, goal in GOALS.items():
        ratio = best[name] / best[FRONT]
        missed |= ratio > goal
        print(f"{best[name]:.3f} s  {name}: {ratio:.2f} times that, goal {goal:.2f}{' MISSED' * (ratio > goal)}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
