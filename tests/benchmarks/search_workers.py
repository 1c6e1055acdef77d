"""How many trials a minute a search runs with one worker and with two, and what a trial costs through Ray.

    python tests/benchmarks/search_workers.py [--trials 9] [--threads 1] [--ray]

Each search runs the same trials, chosen at random by one seed: `mnist_cnn` is pruned for three epochs and quantized.
The first trial trains the baseline and shows how much memory a trial takes, so that it runs alone; what is counted is
from its end to that of the last one. Each trial computes with so many threads, so that two have a core each where there
are two. With `--ray` the same search runs on a cluster of this machine as well, a trial at a time, and its
trials' seconds are held against those of one worker.
Goals: two workers 1.7 times the trials a minute of one; a trial through Ray 1.1 times the seconds at most.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

RECIPE = """\
version: 1
name: workers
threads: THREADS
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist, validation_split: 0.1}
steps:
  - uses: prune
    with: {final_sparsity: {search: {low: 0.5, high: 0.9}}, epochs: 3}
  - uses: ptq
objectives: [{minimize: gzip_size}, {maximize: accuracy}]
"""


def trials_of(folder: Path, trials: int, threads: int, *options: str) -> list[Any]:
    """Run the search with an empty cache; its trials, as Optuna keeps them."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    name = "-".join(options).replace("-", "") or "alone"
    recipe, output = folder / "workers.yaml", folder / name
    recipe.write_text(RECIPE.replace("THREADS", str(threads)))
    command = [str(Path(sys.executable).with_name("compressor")), "search", str(recipe), "--sampler", "random"]
    command += ["--trials", str(trials), "--output", str(output), *options]
    environment = os.environ | {"COMPRESSOR_CACHE": str(folder / f"cache of {name}")}
    made = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    if made.returncode:
        sys.exit(made.stderr[-2000:])
    storage = JournalStorage(JournalFileBackend(str(output / "journal.log")))
    (study,) = storage.get_all_studies()
    done = [trial for trial in storage.get_all_trials(study._study_id) if "state" in trial.user_attrs]
    return sorted(done, key=lambda trial: trial.number)


def a_minute(trials: list[Any]) -> float:
    """Trials a minute after the first one, by when an even number of them began."""
    count = (len(trials) - 2) // 2 * 2
    seconds: float = (trials[count + 1].datetime_start - trials[1].datetime_start).total_seconds()
    return 60 * count / seconds


def seconds_of(trials: list[Any]) -> list[float]:
    """The seconds of each trial, without the first, which also trains the baseline."""
    return [trial.user_attrs["seconds"] for trial in trials[1:]]


def figures_of(trials: list[Any]) -> list[Any]:
    """The objectives of each trial, from where we keep them: Optuna may not have been told of the last ones."""
    return [trial.user_attrs["values"] for trial in trials]


def main() -> None:
    """Print trials a minute, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--ray", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run = partial(trials_of, Path(name), arguments.trials, arguments.threads)
        one = run("--workers", "1")
        print(
            f"one worker: {a_minute(one):.2f} trials a minute, {statistics.median(seconds_of(one)):.1f} s each",
            flush=True,
        )
        two = run("--workers", "2")
        print(
            f"two: {a_minute(two):.2f} trials a minute, {a_minute(two) / a_minute(one):.2f} times as many", flush=True
        )
        alike = sum(mine == its for mine, its in zip(figures_of(one), figures_of(two), strict=True))
        print(f"the same figures in {alike} of {len(one)} trials", flush=True)
        if arguments.ray:
            ray = run("--on", "ray", "--task-cpus", str(os.cpu_count()))
            ratios = [mine / its for mine, its in zip(seconds_of(ray), seconds_of(one), strict=True)]
            middle = statistics.median(ratios)
            print(f"a trial through Ray: {middle:.2f} times the seconds ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
