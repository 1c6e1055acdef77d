"""MLflow as a tracker."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from compressor.contracts.execution_plan import Plan
from compressor.contracts.tracker import Tracker
from compressor_plugins.trackers.figures import (
    RESULT_FILES,
    Scalar,
    run_figures,
    settings,
    settings_of,
    stage_figures,
    trainings,
)
from compressor_plugins.trackers.kept_environment import environment

if TYPE_CHECKING:
    from compressor.contracts.report_rows import Report, StageRow

_DEFAULTS = {
    "MLFLOW_ALLOW_FILE_STORE": "true",  # which versions from 3.7 on ask for before they keep runs in a folder
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # of 7, which would hold up the run for minutes if the server is away
}
_MOST = {"metrics": 1000, "params": 100}  # of a call
_LONGEST = 6000  # characters of a parameter
_NO_NAME = re.compile(r"[^\w./ :-]", re.ASCII)

Value = TypeVar("Value")


class MLflowTracker(Tracker):
    """Makes a run in MLflow for the whole, and nested in it one for each stage.

    A nested run has the stage's parameters, its figures and, epoch by epoch, those of its training. The run for the
    whole has all values of the recipe, the figures of every stage, with the stages' numbers as steps, and as artifacts
    the model and the reports. It ends as FINISHED, FAILED or, if it was interrupted, as KILLED.

    MLFLOW_TRACKING_URI says where to; by default it is a folder in that of the run. MLFLOW_EXPERIMENT_NAME names the
    experiment, by default `compressor`.
    """

    name = "mlflow"
    needs = {"mlflow": "compressor[mlflow]"}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._client: Any = None
        self._run = ""  # ids that MLflow gives
        self._open = ""
        self._experiment = ""
        self._stages = 0
        self._settings: dict[str, Scalar] = {}

    def run_started(self, plan: Plan, folder: Path, resolved_recipe: str) -> None:
        with environment(_DEFAULTS):
            from mlflow import MlflowClient

            self._client = MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or self.folder.as_uri())
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "compressor"
            known = self._client.get_experiment_by_name(name)
            self._experiment = known.experiment_id if known else self._client.create_experiment(name)
            self._settings = settings(resolved_recipe) | {"seed": plan.seed, "smoke": plan.smoke}
            tags = {"compressor.folder": folder.name}
            self._run = self._client.create_run(self._experiment, run_name=plan.recipe.name, tags=tags).info.run_id
            self._log(self._run, params=self._settings)

    def step_finished(self, stage: StageRow, folder: Path) -> None:
        number, self._stages = self._stages, self._stages + 1
        figures = stage_figures(stage)
        with environment(_DEFAULTS):
            self._log(self._run, metrics=[(name, value, number) for name, value in figures.items()])
            tags = {"mlflow.parentRunId": self._run, "compressor.state": stage.state}
            if stage.notes:
                tags["mlflow.note.content"] = "\n\n".join(stage.notes)
            made = self._client.create_run(self._experiment, run_name=f"{number}-{stage.id}", tags=tags)
            self._open = made.info.run_id
            params = {"uses": stage.uses, "provider": stage.provider, **settings_of(self._settings, stage.id)}
            curves = [
                (f"{label}/{name}", value, epoch)
                for label, epochs in trainings(stage)
                for epoch, each in enumerate(epochs)
                for name, value in each.items()
            ]
            self._log(self._open, params, [*((name, value, 0) for name, value in figures.items()), *curves])
            self._client.set_terminated(self._open, "FINISHED")
            self._open = ""

    def run_finished(self, report: Report, folder: Path) -> None:
        with environment(_DEFAULTS):
            self._log(self._run, metrics=[(name, value, 0) for name, value in run_figures(report).items()])
            for name in RESULT_FILES:
                if (folder / name).is_file():
                    self._client.log_artifact(self._run, str(folder / name))
            self._client.log_text(self._run, report.resolved_recipe, "recipe.yaml")
            self._client.set_terminated(self._run, "FINISHED")

    def run_failed(self, plan: Plan, error: str, folder: Path, interrupted: bool) -> None:
        status = "KILLED" if interrupted else "FAILED"
        with environment(_DEFAULTS):
            for run in filter(None, (self._open, self._run)):
                self._client.set_terminated(run, status)
            if self._run:
                self._client.set_tag(self._run, "compressor.error", error[:_LONGEST])

    def _log(
        self, run: str, params: Mapping[str, Scalar] | None = None, metrics: Iterable[tuple[str, float, int]] = ()
    ) -> None:
        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        named = {_allowed(name): str(value)[:_LONGEST] for name, value in (params or {}).items()}
        for part in _parts([Param(name, value) for name, value in named.items()], _MOST["params"]):
            self._client.log_batch(run, params=part)
        rows = [Metric(_allowed(name), value, now, step) for name, value, step in metrics]
        for part in _parts(rows, _MOST["metrics"]):
            self._client.log_batch(run, metrics=part)


def _allowed(name: str) -> str:
    """The name with underscores for what MLflow allows in none."""
    return _NO_NAME.sub("_", name)[:250]


def _parts(values: list[Value], most: int) -> Iterable[list[Value]]:
    return (values[start : start + most] for start in range(0, len(values), most))
