"""How many trials an hour a search has by the step cache, and what its front is worth against a random one.

    python tests/benchmarks/search_quality.py [--seeds 10] [--samples 6000] [--table FILE]

Every recipe of a space of 240 is run once: `mnist_cnn` on part of MNIST is pruned in 40 ways, eight sparsities by five
learning rates, and each of these is quantized in six. Its figures and seconds are kept in a table, in which the
samplers are then played with many seeds without training anything; what was tried before in a search comes from its
cache there, as it would. The hypervolume is the area between the front and a corner: the accuracy of the baseline less
DROP, and its zipped bytes on a logarithmic scale, on which half the bytes are worth the same everywhere.
Goals: twice the trials an hour with the cache, on late steps; 1.15 times the hypervolume of random search in the same
time.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from compressor.contracts.observer import Observer
from compressor.planning.open_recipe import OpenRecipe, planned_space
from compressor.planning.planner import resolve
from compressor.planning.registry import Registry
from compressor.recipe.document import RecipeText
from compressor.recipe.objectives import Goal, goals_of
from compressor.run.cache.run_cache import CachePlace
from compressor.run.cache.store import Cache
from compressor.search.executor import InProcess
from compressor.search.held_steps import HeldSteps
from compressor.search.optuna_study import OptunaStudy
from compressor.search.trial_job import TrialResult
from compressor.search.trial_record import TrialRecord
from compressor.search.trials import Budget, Search
from compressor.search.tried_recipe import run_trial

RECIPE = """\
version: 1
name: quality
model: {source: mnist_cnn, train: {epochs: 5}}
data: {source: DATA}
training: {batch_size: 64, decay: cosine}
steps:
  - uses: prune
    with:
      final_sparsity: {search: {low: 0.5, high: 0.92, step: 0.06}}
      initial_sparsity: 0.2
      learning_rate: {search: [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}
      epochs: 6
  - uses: ptq
    with:
      precision: {search: [int8, int4, int2]}
      algorithm: {search: [min_max, octav]}
objectives:
  - minimize: gzip_size
  - maximize: accuracy
"""
EARLY = ("steps.prune.with.final_sparsity", "steps.prune.with.learning_rate")
LATE = ("steps.ptq.with.precision", "steps.ptq.with.algorithm")
UNCACHED = 2  # trials of late steps that are run without the cache
DROP = 0.02  # of accuracy, at the corner
PLAYED = (("random", True), ("tpe", True), ("tpe", False), ("nsga2", False))


class Fresh(InProcess):
    """Runs each trial with an empty cache."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        super().__init__(registry, Cache(folder), Observer())
        self._folder, self._count = folder, 0

    def wait(self, seconds: float | None = None) -> TrialResult | None:
        self._count += 1
        self._cache = Cache(self._folder / str(self._count))
        return super().wait(seconds)


class Silent:
    """Says how far the table is."""

    def began(self, number: int, steps: Sequence[str]) -> None:
        pass

    def finished(self, record: TrialRecord, folder: Path | None) -> None:
        print(f"  trial {record.number}: {record.state} {record.values} {record.seconds:.1f} s", flush=True)


def write_data(path: Path, samples: int) -> None:
    """Part of MNIST: so many samples to train on, 5,000 to judge by, and 1,000 for the test that nobody reads here."""
    with as_file(files("compressor_plugins.datasets.data").joinpath("mnist.npz")) as source, np.load(source) as whole:
        x, y = whole["x_train"], whole["y_train"]
    order = np.random.default_rng(0).permutation(len(x))
    arrays, start = {}, 0
    for name, count in {"train": samples, "validation": 5000, "test": 1000}.items():
        chosen = order[start : start + count]
        arrays |= {f"x_{name}": x[chosen], f"y_{name}": y[chosen]}
        start += count
    np.savez(path, **arrays)


def measured(folder: Path, samples: int) -> dict[str, Any]:
    """The table: every recipe's figures, the seconds of both its parts, and of trials without the cache."""
    write_data(folder / "data.npz", samples)
    text = RECIPE.replace("DATA", str(folder / "data.npz"))
    opened, registry = planned_space(RecipeText("quality", text))
    (folder / "s").mkdir()
    with_cache = InProcess(registry, Cache(folder / "cache"), Observer())
    search = Search(opened, registry, folder / "s", CachePlace(folder / "cache"), with_cache, sampler="grid")
    records = search.run(Budget(opened.space.count), Silent())
    late, _ = planned_space(RecipeText("quality", text), [f"{EARLY[0]}=0.5", f"{EARLY[1]}=1e-3"])
    (folder / "fresh").mkdir()
    search = Search(
        late, registry, folder / "fresh", CachePlace(folder / "none"), Fresh(registry, folder / "none"), sampler="grid"
    )
    fresh = [record.seconds for record in search.run(Budget(UNCACHED), Silent())]
    rows = [
        {"assignment": dict(one.assignment), "values": list(one.values), "state": one.state, "seconds": one.seconds}
        for one in records
    ]
    return {"rows": rows, "fresh": fresh, "baseline": list(baseline(opened, registry, folder))}


def baseline(opened: OpenRecipe, registry: Registry, folder: Path) -> tuple[float, float]:
    """The zipped bytes and the accuracy of the baseline on the validation split, from the cache."""
    first = next(iter(opened.space.every_structure()))
    chosen = {**first, **{choice.name: choice.search.ends[0] for choice in opened.space.values}}
    plan = replace(resolve(opened.drawn(chosen), registry), steps=())
    (folder / "baseline").mkdir()
    goals = goals_of(plan.recipe.objectives, plan.metrics)
    values = run_trial(plan, goals, folder / "baseline", Cache(folder / "cache"), Observer(), False).values
    return float(values[0] or 0), float(values[1] or 0)


def costs(rows: Sequence[dict[str, Any]]) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the early steps, by their choices, and of the rest of a trial, by all of them."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(key(row["assignment"], EARLY), []).append(row)
    early, late = {}, {}
    typical = statistics.median(row["seconds"] for group in groups.values() for row in group[1:])
    for name, (first, *rest) in groups.items():
        early[name] = max(0.0, first["seconds"] - typical)
        late |= {key(row["assignment"]): row["seconds"] for row in rest} | {key(first["assignment"]): typical}
    first_group = next(iter(groups))
    early[first_group] = statistics.median(early.values())  # the very first trial has trained the baseline as well
    return early, late


def key(assignment: dict[str, Any], names: Sequence[str] = (*EARLY, *LATE)) -> str:
    return json.dumps([assignment[name] for name in names])


def area(points: Sequence[Sequence[float]], corner: tuple[float, float], log: bool = True) -> float:
    """The area that zipped sizes and accuracies dominate, up to a corner."""
    size_of: Callable[[float], float] = math.log if log else float
    limit, least = size_of(corner[0]), corner[1] - DROP
    total, reached = 0.0, least
    for size, accuracy in sorted(((size_of(size), accuracy) for size, accuracy in points), key=lambda one: one[0]):
        if size < limit and accuracy > reached:
            total += (limit - size) * (accuracy - reached)
            reached = accuracy
    return total


def played(table: dict[str, Any], sampler: str, draw_anew: bool, seed: int) -> Iterator[tuple[float, list[float]]]:
    """Play a search in the table: for each trial, the seconds so far and its figures."""
    opened, registry = planned_space(RecipeText("quality", RECIPE.replace("DATA", "mnist")))
    rows = {key(row["assignment"]): row for row in table["rows"]}
    early, late = costs(table["rows"])
    goals = (Goal("gzip_size", False, lambda _: None, str), Goal("accuracy", True, lambda _: None, str))
    held = HeldSteps(opened.space, lambda assignment: resolve(opened.drawn(assignment), registry))
    made: set[str] = set()
    seconds = 0.0
    with tempfile.TemporaryDirectory() as name:
        study = OptunaStudy(Path(name), opened.space, goals, sampler, seed, None if draw_anew else held)
        while True:
            number, assignment = study.ask()
            all_of_it, first = key(dict(assignment)), key(dict(assignment), EARLY)
            row = rows[all_of_it]
            seconds += 0.0 if all_of_it in made else late[all_of_it]
            seconds += 0.0 if first in made else early[first]
            made |= {all_of_it, first}
            values = tuple(row["values"])
            misses = {"max_drop": max(0.0, (table["baseline"][1] - DROP - values[1]) / DROP)} if values else {}
            study.tell(TrialRecord(number, assignment, row["state"], values, misses, "", 1.0))
            yield seconds, list(values)


def compare(table: dict[str, Any], seeds: int, trials: int) -> None:
    """Print what each sampler reaches in as many trials, and in the time that random search takes for these."""
    corner = (table["baseline"][0], table["baseline"][1])
    whole = area([row["values"] for row in table["rows"] if row["values"]], corner)
    print(f"\n{trials} trials, {seeds} seeds; shares of the area of all {len(table['rows'])} recipes")
    print("sampler        | area in as many trials | seconds | trials in the time of random | area | of random's")
    base: list[float] = []
    limits: list[float] = []
    for sampler, anew in PLAYED:
        ends, spent, counts, areas = [], [], [], []
        for seed in range(seeds):
            points: list[list[float]] = []
            in_time: list[list[float]] = []
            limit = limits[seed] if seed < len(limits) else None
            for number, (seconds, values) in enumerate(played(table, sampler, anew, seed), start=1):
                points.append(values)
                if limit is None or seconds <= limit:
                    in_time = list(points)
                if number == trials:
                    ends.append(area([one for one in points if one], corner) / whole)
                    spent.append(seconds)
                if number >= trials and (limit is None or seconds > limit or number >= 4 * trials):
                    break
            counts.append(len(in_time))
            areas.append(area([one for one in in_time if one], corner) / whole)
        if not limits:
            limits, base = spent, areas
        ratios = [mine / its for mine, its in zip(areas, base, strict=True)]
        name = sampler if anew else f"{sampler}, held"
        row = f"{name:14} | {statistics.mean(ends):22.3f} | {statistics.mean(spent):7.0f}"
        row += f" | {statistics.mean(counts):28.1f}"
        ratio = statistics.mean(areas) / statistics.mean(base)
        print(
            f"{row} | {statistics.mean(areas):.3f} | {ratio:.3f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True
        )


def main() -> None:
    """Make the table or read it, and print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--samples", type=int, default=6_000)
    parser.add_argument("--table", type=Path)
    arguments = parser.parse_args()
    start = time.perf_counter()
    if arguments.table is not None and arguments.table.exists():
        table = json.loads(arguments.table.read_text())
    else:
        with tempfile.TemporaryDirectory() as name:
            table = measured(Path(name), arguments.samples)
        if arguments.table is not None:
            arguments.table.write_text(json.dumps(table))
    print(f"the table took {time.perf_counter() - start:.0f} s")
    early, late = costs(table["rows"])
    cached, fresh = statistics.mean(late.values()), statistics.mean(table["fresh"])
    print(f"early steps {statistics.mean(early.values()):.1f} s, the rest of a trial {cached:.1f} s")
    hourly = f"{3600 / cached:.0f} trials an hour with the cache, {3600 / fresh:.0f} without"
    print(f"late steps: {hourly}: {fresh / cached:.1f}x")
    for trials in arguments.trials:
        compare(table, arguments.seeds, trials)


if __name__ == "__main__":
    main()
