"""What holding early steps is worth in made-up searches, in the same time and in the same number of trials.

    python tests/benchmarks/search_samplers.py [--seeds 8] [--trials 20]

Nothing is trained: bytes and loss are smooth functions of two early values and three late ones, with an optimum that
differs by seed, and trials cost what `compressor plan` reckons: eight epochs and two stages, and a ninth of that where
the early steps come from the cache. Searches with `tpe` and `random` end after the cost of so many trials that share
nothing. In one family of functions the early values matter most, in one the late ones, in one both alike.
Printed is the hypervolume, with the standard error of its mean over seeds.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from compressor.recipe.document import RecipeText
from compressor.recipe.load import read_tree
from compressor.recipe.objectives import Goal
from compressor.recipe.search_space import Assignment, space_of
from compressor.search.held_steps import HeldSteps
from compressor.search.optuna_study import OptunaStudy
from compressor.search.trial_record import TrialRecord

TEXT = """\
version: 1
model: {source: m}
data: {source: d}
steps:
  - uses: prune
    with: {sparsity: {search: {low: 0.5, high: 0.95}}, rate: {search: {low: 1e-4, high: 1e-1, log: true}}}
  - uses: ptq
    with:
      bits: {search: [2, 3, 4, 8]}
      first: {search: {low: 0.0, high: 1.0}}
      second: {search: {low: 0.0, high: 1.0}}
"""
SPACE = space_of(read_tree(RecipeText("r", TEXT))[0])
GOALS = (Goal("size", False, lambda _: None, str), Goal("loss", False, lambda _: None, str))
EPOCHS = 8
EARLY, LATE = EPOCHS + 1, 2  # passes over the data: the stage of `prune`, that of `ptq` and the trial itself
WEIGHTS = {"early": (1.0, 0.3), "both": (1.0, 1.0), "late": (0.3, 1.0)}
CORNER = (0.5, 1.0)


def plan_of(_: Assignment) -> Any:
    """As much of a plan as costs are reckoned from."""
    steps = [SimpleNamespace(id=name, strategy=SimpleNamespace(params=SimpleNamespace(epochs=epochs)))
             for name, epochs in (("prune", EPOCHS), ("ptq", 0))]  # fmt: skip
    return SimpleNamespace(baseline=None, steps=steps)


def made_up(family: str, seed: int) -> Callable[[Assignment], tuple[float, float]]:
    """A function that gives the size and the loss of a trial."""
    random = np.random.default_rng(seed + 1000)
    early, late = WEIGHTS[family]
    rate, first, second, bend = random.uniform(-4, -1), random.uniform(), random.uniform(), random.normal()

    def result(assignment: Assignment) -> tuple[float, float]:
        sparsity = assignment["steps.prune.with.sparsity"]
        off = math.log10(assignment["steps.prune.with.rate"]) - rate
        bits, one, two = (assignment[f"steps.ptq.with.{name}"] for name in ("bits", "first", "second"))
        pruning = 0.02 * (sparsity / (1 - sparsity)) ** 0.7 + 0.05 * off**2
        best = first + 0.2 * bend * (sparsity - 0.7)  # the best late value depends on an early one
        rounding = 0.4 / bits**1.2 + 0.3 * (one - best) ** 2 + 0.2 * (two - second) ** 2
        return (1 - sparsity) * (bits / 8) ** 0.5, early * pruning + late * rounding

    return result


def area(points: list[tuple[float, float]]) -> float:
    """The area that points dominate, up to the corner."""
    total, reached = 0.0, CORNER[1]
    for size, loss in sorted(points):
        if size < CORNER[0] and loss < reached:
            total += (CORNER[0] - size) * (reached - loss)
            reached = loss
    return total


def searched(sampler: str, holds: bool, family: str, seed: int, trials: int) -> tuple[float, float, int]:
    """A search: the area in the cost of so many trials, that in as many trials, and how many there were."""
    result, points, spent, at_count = made_up(family, seed), [], 0, 0.0
    with tempfile.TemporaryDirectory() as name:
        held = HeldSteps(SPACE, plan_of) if holds else None
        study = OptunaStudy(Path(name), SPACE, GOALS, sampler, seed, held)
        while spent < trials * (EARLY + LATE):
            number, assignment = study.ask()
            values = result(assignment)
            points.append(values)
            study.tell(TrialRecord(number, assignment, "done", values, {}, "", 1.0))
            spent += LATE if number in study.held else EARLY + LATE
            at_count = area(points) if len(points) == trials else at_count
    return area(points), at_count, len(points)


def main() -> None:
    """Print a row for each family and way to search."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--trials", type=int, default=20)
    arguments = parser.parse_args()
    print("what matters | sampler   | in the same time | trials | in as many trials")
    for family in WEIGHTS:
        for sampler, holds in (("random", False), ("tpe", False), ("tpe", True)):
            found = [searched(sampler, holds, family, seed, arguments.trials) for seed in range(arguments.seeds)]
            areas, same, counts = zip(*found, strict=True)
            error = statistics.stdev(areas) / math.sqrt(len(areas)) if len(areas) > 1 else 0.0
            row = f"{family:12} | {'tpe, held' if holds else sampler:9} | {statistics.mean(areas):.4f} ±{error:.4f}  "
            print(f"{row} | {statistics.mean(counts):6.0f} | {statistics.mean(same):.4f}", flush=True)


if __name__ == "__main__":
    main()
