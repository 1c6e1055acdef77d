"""Keeps the best trial so far whole on the disk: its model and its recipe, in a folder that appears at once."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor.base.atomic_files import HALF_WRITTEN, half_written, write_whole
from compressor.planning.open_recipe import OpenRecipe
from compressor.recipe.objectives import Goal
from compressor.run.run_folder import RESULTS
from compressor.search.front import recipe_text
from compressor.search.search_folder import resume_option
from compressor.search.search_report import values_text
from compressor.search.trial_record import TrialRecord

FOLDER = "best-so-far"
_RECIPE = "recipe"


class BestSoFar:
    """The trial that is the answer if the search ends now: the smallest that meets all limits, or else the closest."""

    def __init__(
        self, folder: Path, opened: OpenRecipe, goals: Sequence[Goal], again: str, why: Mapping[str, str]
    ) -> None:
        """Publish in the folder of a search; `why` has the reasons for steps, for the recipes."""
        self._why = why
        self._folder, self._opened, self._goals, self._again = folder / FOLDER, opened, goals, again
        self.record: TrialRecord | None = None

    @property
    def path(self) -> Path | None:
        """The folder with the best model and its recipe; None before there is one."""
        return next((path for path in (self._own, *sorted(self._folder.glob("trial-*"))) if path.is_dir()), None)

    @property
    def _own(self) -> Path:
        """Where the best belongs; where a kill has kept it from being published, the one before it is still there."""
        return self._folder / f"trial-{self.record.number if self.record else 0}"

    def recall(self, records: Sequence[TrialRecord], answer: Path) -> None:
        """Take up the trials of a search that goes on.

        Args:
            records: the trials.
            answer: the run of the best, if the search ended with one before; its recipe stands beside it.
        """
        for record in records:
            if self._is_better(record):
                self.record = record
        recipe = answer.with_suffix(".yaml")
        if self.record is not None and not self._own.is_dir() and recipe.is_file() and (answer / RESULTS[0]).is_file():
            head = recipe.read_text(encoding="utf-8").partition("\n")[0]
            if head.startswith(f"# Trial {self.record.number} of "):
                self._publish(self.record, answer)
        self._remove_others()

    def offer(self, record: TrialRecord, folder: Path | None) -> bool:
        """Publish a trial if it is the best so far, which is returned.

        Args:
            record: the trial.
            folder: where its model is; None if it was not run.

        Raises:
            OSError: a file cannot be written.
        """
        if folder is None or not self._is_better(record):
            return False
        self._publish(record, folder)
        self.record = record
        self._remove_others()
        return True

    def remove(self) -> None:
        """Remove what was published, once the final run has taken its place."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _publish(self, record: TrialRecord, folder: Path) -> None:
        path = self._folder / f"trial-{record.number}"
        if path.is_dir():  # before a kill kept it from being counted
            return
        self._folder.mkdir(exist_ok=True)
        temporary = half_written(path)
        try:
            temporary.mkdir()
            for name in RESULTS:
                if (folder / name).exists():
                    write_whole(temporary / name, (folder / name).read_bytes())
            text = recipe_text(record, self._opened, self._goals, _RECIPE, self._again, self._why)
            write_whole(temporary / f"{_RECIPE}.yaml", text)
            temporary.rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _is_better(self, record: TrialRecord) -> bool:
        if record.state != "done":
            return False
        return self.record is None or self._rank(record) < self._rank(self.record)

    def _rank(self, record: TrialRecord) -> tuple[Any, ...]:
        """Less is better: limits that are met, or how far they are missed, then the objectives in their order."""
        missed = 0.0 if record.meets_all else sum(record.misses.values())
        values = (-value if goal.maximize else value for goal, value in zip(self._goals, record.values, strict=True))
        return (not record.meets_all, missed, *values, record.number)

    def _remove_others(self) -> None:
        """Remove what was published before, and what a process that was killed has left half written."""
        if not self._own.is_dir():
            return
        with suppress(OSError):
            for path in self._folder.iterdir():
                if path != self._own and (path.name.startswith("trial-") or HALF_WRITTEN.fullmatch(path.name)):
                    shutil.rmtree(path, ignore_errors=True)


@dataclass
class Kept:
    """Tells what is left on the disk when a search ends early."""

    folder: Path
    name: str
    goals: Sequence[Goal] = ()
    best: BestSoFar | None = None

    @property
    def has_result(self) -> bool:
        """Whether there is a result."""
        return self.best is not None and self.best.path is not None

    @property
    def text(self) -> str:
        """Name the best so far and its folder, and say how to go on."""
        go_on = f"to go on, give the same command with {resume_option(self.folder)}"
        record, path = (self.best.record, self.best.path) if self.best else (None, None)
        if record is None or path is None:
            return f"there is no result yet, and finished steps are kept; {go_on}"
        missed = f", and misses {record.missed}" if record.missed else ""
        found = f"trial {record.number}: {values_text(record, self.goals)} on the validation split{missed}"
        return f"the best so far is {found}; its model and its recipe are in {path}; {go_on}"
