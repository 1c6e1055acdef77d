"""The front of a search: each of its best trials as a plain recipe, run once more and measured on the test split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compressor import api
from compressor.base.atomic_files import write_whole
from compressor.base.outgoing import one_line
from compressor.contracts.observer import Observer
from compressor.contracts.report_rows import Report
from compressor.planning.open_recipe import OpenRecipe
from compressor.planning.planner import resolve
from compressor.planning.recipe_paths import absolute
from compressor.planning.registry import Registry
from compressor.recipe.document import dump
from compressor.recipe.load import load
from compressor.recipe.objectives import Goal
from compressor.run.cache.store import Cache
from compressor.run.run_folder import claimed
from compressor.search.search_folder import front_folder
from compressor.search.trial_record import TrialRecord


@dataclass(frozen=True)
class FrontPoint:
    """One of the best trials: its recipe in a file, the folder of its run, and its figures on the test split.

    `values` are those of the objectives, and `missed` names the constraints that it misses on the test split.
    """

    record: TrialRecord
    recipe: Path
    run: Path
    values: tuple[float | None, ...]
    missed: tuple[str, ...]


def write_front(
    records: Sequence[TrialRecord],
    opened: OpenRecipe,
    goals: Sequence[Goal],
    folder: Path,
    registry: Registry,
    cache: Cache,
    observer: Observer,
    *,
    seed: int,
    smoke: bool,
    trust_model: bool,
) -> list[FrontPoint]:
    """Write each trial of the front as `front/01.yaml` and so on, and run it into `front/01/`.

    Its steps come from the cache where they are still there; this is the only place of a search that measures on the
    test split.

    Raises:
        CompressorError: a run fails, or a file cannot be written.
    """
    folder = front_folder(folder)
    points = []
    for index, record in enumerate(records, start=1):
        path = folder / f"{index:02}.yaml"
        write_whole(path, _recipe_text(record, opened, goals, f"{index:02}", seed))
        plan = replace(resolve(load(path), registry, seed=seed, smoke=smoke), trust_model=trust_model)
        with claimed(plan, folder / f"{index:02}") as run:
            report = api.execute(plan, run, registry, cache, observer)
        points.append(_point(record, report, goals, path, run))
    return points


def _point(record: TrialRecord, report: Report, goals: Sequence[Goal], path: Path, run: Path) -> FrontPoint:
    missed = tuple(row.name for row in report.constraints if not row.met)
    return FrontPoint(record, path, run, tuple(goal.of(report.stages) for goal in goals), missed)


def _recipe_text(record: TrialRecord, opened: OpenRecipe, goals: Sequence[Goal], number: str, seed: int) -> str:
    recipe = opened.drawn(record.assignment)
    plain: dict[str, Any] = absolute(recipe)
    plain.pop("objectives", None)
    plain["name"] = f"{recipe.name[:70]}-{number}"
    seeded = f" --seed {seed}" if seed else ""
    found = ", ".join(f"{goal.name} {goal.text(value)}" for goal, value in zip(goals, record.values, strict=True))
    lines = [
        f"# Trial {record.number} of a search: {found}, on the validation split.",
        *(f"#   {name}: {json.dumps(value)}" for name, value in record.assignment.items()),
        f"# To make it again: compressor apply {number}.yaml{seeded}",
    ]
    return "".join(f"{one_line(line)}\n" for line in lines) + dump(plain)
