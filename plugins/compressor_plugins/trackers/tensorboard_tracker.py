"""TensorBoard as a tracker."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from compressor.contracts.execution_plan import Plan
from compressor.contracts.tracker import Tracker
from compressor_plugins.trackers.event_file import EventFile
from compressor_plugins.trackers.figures import run_figures, settings, stage_figures, trainings

if TYPE_CHECKING:
    from compressor.contracts.report_rows import Report, StageRow

_STAGES = "stages"


class TensorBoardTracker(Tracker):
    """Writes event files, which `tensorboard --logdir` of the run's folder, or of a folder of runs, shows.

    What TensorBoard calls a run is here a folder: `stages`, whose steps are the stages by number, the baseline 0, with
    sizes, metrics, times, a histogram of each weight tensor and the recipe's values as hyperparameters; and one for
    each stage that trained, such as `1-prune`, whose steps are the epochs. In the histograms, zeros are left out.
    """

    name = "tensorboard"
    needs = {"tensorboard": "compressor[tensorboard]"}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._events: EventFile | None = None
        self._began = 0.0
        self._stages = 0

    def run_started(self, plan: Plan, folder: Path, resolved_recipe: str) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)  # of a run that was interrupted, and is told of anew
        self._began = time.time()
        self._events = EventFile(self.folder / _STAGES)
        values = settings(resolved_recipe) | {"seed": plan.seed, "smoke": plan.smoke}
        self._events.add_settings(values, str(folder), self._began)
        self._events.flush()

    def step_finished(self, stage: StageRow, folder: Path) -> None:
        assert self._events is not None
        number, self._stages = self._stages, self._stages + 1
        self._events.add_figures(number, stage_figures(stage))
        for layer in stage.layers:
            if layer.spread is not None:
                self._events.add_histogram(number, f"weights/{layer.name}", layer.spread)
        self._events.flush()
        if not stage.curves:
            return
        events = EventFile(self.folder / f"{number}-{stage.id}")
        for label, epochs in trainings(stage):
            for epoch, figures in enumerate(epochs):
                events.add_figures(epoch, {f"{label}/{name}": value for name, value in figures.items()})
        events.close()

    def run_finished(self, report: Report, folder: Path) -> None:
        assert self._events is not None
        self._events.add_figures(self._stages - 1, {f"run/{key}": value for key, value in run_figures(report).items()})
        self._end("STATUS_SUCCESS")

    def run_failed(self, plan: Plan, error: str, folder: Path, interrupted: bool) -> None:
        self._end("STATUS_UNKNOWN" if interrupted else "STATUS_FAILURE")

    def _end(self, status: str) -> None:
        """Say how the run ended, and close the file; nothing if there is none, or it is closed."""
        events, self._events = self._events, None
        if events is not None:
            events.add_end(status)
            events.close()
