"""What docs/scale.md reckons with: what a trial costs the head of a search, and what the cache costs by size and place.

    python tests/benchmarks/scale.py [--trials 2000]

Prints the seconds that the head of a search spends on a trial after so many others, which bound how many trials an hour
it can hand out, and the seconds that an entry of the cache takes in a folder and on an S3 server of this machine.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from s3_server import s3_server

from compressor.recipe.document import RecipeText
from compressor.recipe.load import read_tree
from compressor.recipe.objectives import Goal
from compressor.recipe.search_space import space_of
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.run_cache import CachePlace, opened
from compressor.search.optuna_study import OptunaStudy
from compressor.search.trial_record import TrialRecord

SPACE = """\
version: 1
model: {source: m}
data: {source: d}
training: {learning_rate: {search: {low: 1e-4, high: 1e-2, log: true}}}
steps:
  - {uses: prune, optional: true, with: {final_sparsity: {search: {low: 0.5, high: 0.9}}, epochs: {search: [1, 2, 4]}}}
  - one_of: [{uses: ptq, with: {precision: {search: [int8, int16x8]}}}, {uses: cluster}]
"""
GOALS = (Goal("size", False, lambda _: None, str), Goal("accuracy", True, lambda _: None, str))
SIZES = (2, 20, 100)  # MB
TURNS = 3


def head(trials: int) -> None:
    """The seconds for asking and telling, as trials grow."""
    space = space_of(read_tree(RecipeText("r", SPACE))[0])
    noise = np.random.default_rng(0)
    print("trials so far | TPE, s a trial | random, s a trial | journal, MB")
    rows: dict[int, list[float]] = {}
    journals: dict[int, float] = {}
    for sampler in ("tpe", "random"):
        with tempfile.TemporaryDirectory() as name:
            study = OptunaStudy(Path(name), space, GOALS, sampler, 0)
            spent: list[float] = []
            for number in range(1, trials + 1):
                start = time.perf_counter()
                asked, assignment = study.ask()
                middle = time.perf_counter()
                size, accuracy = noise.random() * 1e4, noise.random()
                begun = time.perf_counter()
                misses = {"max_size": max(0.0, size / 9000 - 1)}
                study.tell(TrialRecord(asked, assignment, "done", (size, accuracy), misses, "", 1.0))
                spent.append(middle - start + time.perf_counter() - begun)
                if number in (10, 100, 300, 1000, 3000) or number == trials:
                    rows.setdefault(number, []).append(statistics.median(spent[-10:]))
                    journals[number] = (Path(name) / "journal.log").stat().st_size / 1e6
    for number, (tpe, random) in rows.items():
        print(f"{number:13,} | {tpe:14.4f} | {random:17.4f} | {journals[number]:.2f}")


def cache() -> None:
    """The seconds for writing and reading an entry, by its size and where the cache is."""
    print("\nentry, MB | folder: write, s | read, s | S3 on this machine: write, s | read, s")
    with tempfile.TemporaryDirectory() as name, s3_server() as settings:
        os.environ.update(settings)
        folder = Path(name)
        for size in SIZES:
            content = np.random.default_rng(size).bytes(size * 1_000_000)
            times: list[list[float]] = []
            for turn in range(TURNS):
                parts = {"size": size, "turn": turn}
                key = key_of(parts)
                times.append([])
                for address in ("", "s3://team/cache"):
                    for there in ("here", "elsewhere"):
                        place = CachePlace(folder / ("local" if not address else f"{there}-{size}-{turn}"), address)
                        with opened(place, print) as opened_cache:
                            start = time.perf_counter()
                            if there == "here":
                                opened_cache.put("step", key, parts, {}, {"model.h5": content})
                            elif opened_cache.get("step", key) is None:
                                sys.exit(f"the entry of {size} MB is not there")
                            times[-1].append(time.perf_counter() - start)
            write, read, sent, fetched = (statistics.median(row) for row in zip(*times, strict=True))
            print(f"{size:9} | {write:16.3f} | {read:7.3f} | {sent:28.3f} | {fetched:7.3f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=1000)
    arguments = parser.parse_args()
    head(arguments.trials)
    cache()


if __name__ == "__main__":
    main()
