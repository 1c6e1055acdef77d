"""The front of a search: each of its best trials as a plain recipe, run once more and measured on the test split."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

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

_USES: Final = re.compile(r"^- uses: (\w+)$", re.MULTILINE)


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
    how: dict[str, Any] = {"seed": seed, "smoke": smoke, "trust_model": trust_model}
    return [
        write_point(record, opened, goals, folder, f"{index:02}", registry, cache, observer, **how)[0]
        for index, record in enumerate(records, start=1)
    ]


def write_point(
    record: TrialRecord,
    opened: OpenRecipe,
    goals: Sequence[Goal],
    folder: Path,
    name: str,
    registry: Registry,
    cache: Cache,
    observer: Observer,
    *,
    seed: int,
    smoke: bool,
    trust_model: bool,
    why: Mapping[str, str] = MappingProxyType({}),
) -> tuple[FrontPoint, Report]:
    """Write a trial's recipe as `NAME.yaml` into a folder, and run it into `NAME/` there.

    Raises:
        CompressorError: the run fails, or a file cannot be written.
    """
    path = folder / f"{name}.yaml"
    write_whole(path, recipe_text(record, opened, goals, name, seed, why))
    plan = replace(resolve(load(path), registry, seed=seed, smoke=smoke), trust_model=trust_model)
    with claimed(plan, folder / name) as run:
        report = api.execute(plan, run, registry, cache, observer)
    return _point(record, report, goals, path, run), report


def _point(record: TrialRecord, report: Report, goals: Sequence[Goal], path: Path, run: Path) -> FrontPoint:
    missed = tuple(row.name for row in report.constraints if not row.met)
    return FrontPoint(record, path, run, tuple(goal.of(report.stages) for goal in goals), missed)


def recipe_text(
    record: TrialRecord, opened: OpenRecipe, goals: Sequence[Goal], number: str, seed: int, why: Mapping[str, str]
) -> str:
    """A plain recipe that makes the model of a trial; comments say what was chosen, and what that came to.

    `why` has the reasons for steps, by what they use, which go beside them.
    """
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
    head = "".join(f"{one_line(line)}\n" for line in lines)
    return head + _USES.sub(lambda step: f"{step[0]}  # {why[step[1]]}" if step[1] in why else step[0], dump(plain))
