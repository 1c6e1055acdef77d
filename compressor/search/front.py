"""The front of a search: each of its best trials as a plain recipe, run once more and measured on the test split."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from compressor import api
from compressor.base.atomic_files import write_whole
from compressor.base.outgoing import one_line
from compressor.contracts.observer import Observer
from compressor.contracts.report_rows import Report, StageRow
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

    `values` are those of the objectives, `missed` names the constraints that it misses on the test split, and
    `baseline` and `last` are the first and the last stage of its run.
    """

    record: TrialRecord
    recipe: Path
    run: Path
    values: tuple[float | None, ...]
    missed: tuple[str, ...]
    baseline: StageRow
    last: StageRow


@dataclass(frozen=True)
class FrontWriter:
    """Writes trials as plain recipes, and runs those.

    Their steps come from the cache where they are still there; this is the only place of a search that measures on the
    test split. `why` has the reasons for steps, by what they use, which go beside them in the recipe.
    """

    opened: OpenRecipe
    goals: Sequence[Goal]
    registry: Registry
    cache: Cache
    observer: Observer
    seed: int
    smoke: bool
    trust_model: bool
    why: Mapping[str, str] = field(default_factory=dict)

    def front(self, records: Sequence[TrialRecord], folder: Path) -> list[FrontPoint]:
        """Write each trial of the front as `front/01.yaml` and so on, and run it into `front/01/`.

        Raises:
            CompressorError: a run fails, or a file cannot be written.
        """
        folder = front_folder(folder)
        return [self.point(record, folder, f"{index:02}")[0] for index, record in enumerate(records, start=1)]

    @property
    def _again(self) -> str:
        return options_text(self.seed, self.smoke, self.trust_model)

    def point(self, record: TrialRecord, folder: Path, name: str) -> tuple[FrontPoint, Report]:
        """Write a trial's recipe as `NAME.yaml` into a folder, and run it into `NAME/` there.

        Raises:
            CompressorError: the run fails, or a file cannot be written.
        """
        path = folder / f"{name}.yaml"
        write_whole(path, recipe_text(record, self.opened, self.goals, name, self._again, self.why))
        plan = resolve(load(path), self.registry, seed=self.seed, smoke=self.smoke)
        plan = replace(plan, trust_model=self.trust_model)
        with claimed(plan, folder / name) as run:
            report = api.execute(plan, run, self.registry, self.cache, self.observer)
        missed = tuple(row.name for row in report.constraints if not row.met)
        values = tuple(goal.of(report.stages) for goal in self.goals)
        return FrontPoint(record, path, run, values, missed, report.stages[0], report.stages[-1]), report


def recipe_text(
    record: TrialRecord, opened: OpenRecipe, goals: Sequence[Goal], number: str, again: str, why: Mapping[str, str]
) -> str:
    """A plain recipe that makes the model of a trial; comments say what was chosen, and what that came to.

    `again` are the options with which it makes the same again, as `options_text` gives them, and `why` has the reasons
    for steps, by what they use, which go beside them.
    """
    recipe = opened.drawn(record.assignment)
    plain: dict[str, Any] = absolute(recipe)
    plain.pop("objectives", None)
    plain["name"] = f"{recipe.name[:70]}-{number}"
    found = ", ".join(f"{goal.name} {goal.text(value)}" for goal, value in zip(goals, record.values, strict=True))
    lines = [
        f"# Trial {record.number} of a search: {found}, on the validation split.",
        *(f"#   {name}: {json.dumps(value)}" for name, value in record.assignment.items()),
        f"# To make it again: compressor apply {number}.yaml{again}",
    ]
    head = "".join(f"{one_line(line)}\n" for line in lines)
    return head + _USES.sub(lambda step: f"{step[0]}  # {why[step[1]]}" if step[1] in why else step[0], dump(plain))


def options_text(seed: int, smoke: bool, trust_model: bool) -> str:
    """The options of `apply`, each after a space, that run a recipe as a search has run it."""
    seeded = f" --seed {seed}" if seed else ""
    return seeded + (" --smoke" if smoke else "") + (" --trust-model" if trust_model else "")
