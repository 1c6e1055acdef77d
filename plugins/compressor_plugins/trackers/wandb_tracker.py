"""Weights & Biases as a tracker."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.contracts.execution_plan import Plan
from compressor.contracts.tracker import Tracker
from compressor_plugins.trackers.figures import RESULT_FILES, run_figures, settings, stage_figures, trainings
from compressor_plugins.trackers.kept_environment import environment

if TYPE_CHECKING:
    from compressor.contracts.report_rows import Report, StageRow

_DEFAULTS = {"WANDB_ERROR_REPORTING": "false"}  # its own, of errors within it, which goes out even in offline mode
_FAILED, _INTERRUPTED = 1, 130


class WandbTracker(Tracker):
    """Makes a run in Weights & Biases, which has the recipe's values as its configuration.

    `stages/...` are the figures of each stage over its number, and `1-prune/epoch/...` those of a training over its
    epochs. The model and the reports are its files. It ends with the exit code 0, 1 or, if it was interrupted, 130.

    Nothing is sent unless WANDB_MODE is `online`: by default the run is kept in a folder in that of the run, or where
    WANDB_DIR says, for `wandb sync`. WANDB_PROJECT names the project, by default `compressor`.
    """

    name = "wandb"
    needs = {"wandb": "compressor[wandb]"}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._run: Any = None
        self._stages = 0

    def run_started(self, plan: Plan, folder: Path, resolved_recipe: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with environment(_DEFAULTS):
            import wandb

            self._run = wandb.init(
                mode=os.environ.get("WANDB_MODE") or "offline",
                dir=os.environ.get("WANDB_DIR") or self.folder,
                project=os.environ.get("WANDB_PROJECT") or "compressor",
                name=os.environ.get("WANDB_NAME") or plan.recipe.name,
                config=settings(resolved_recipe) | {"seed": plan.seed, "smoke": plan.smoke},
                reinit="create_new",
                settings=wandb.Settings(
                    console="off", silent=True, save_code=False, disable_git=True, login_timeout=1, x_disable_stats=True
                ),
            )
            self._run.define_metric("stages/*", step_metric="stage")

    def step_finished(self, stage: StageRow, folder: Path) -> None:
        number, self._stages = self._stages, self._stages + 1
        with environment(_DEFAULTS):
            self._run.define_metric(f"{number}-{stage.id}/*", step_metric="epoch")
            for label, epochs in trainings(stage):
                for epoch, each in enumerate(epochs):
                    figures = {f"{number}-{stage.id}/{label}/{name}": value for name, value in each.items()}
                    self._run.log({"epoch": epoch, **figures})
            self._run.log(
                {"stage": number, **{f"stages/{name}": value for name, value in stage_figures(stage).items()}}
            )

    def run_finished(self, report: Report, folder: Path) -> None:
        with environment(_DEFAULTS):
            self._run.summary.update({f"run/{name}": value for name, value in run_figures(report).items()})
            for name in RESULT_FILES:
                if (folder / name).is_file():
                    shutil.copyfile(folder / name, Path(self._run.dir) / name)
                    self._run.save(str(Path(self._run.dir) / name), base_path=self._run.dir, policy="now")
            self._end(0)

    def run_failed(self, plan: Plan, error: str, folder: Path, interrupted: bool) -> None:
        with environment(_DEFAULTS):
            if self._run is not None:
                self._run.summary["error"] = error
            self._end(_INTERRUPTED if interrupted else _FAILED)

    def _end(self, code: int) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.finish(exit_code=code)
