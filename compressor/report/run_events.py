"""A run as events of the log of `--log-format json`: see `log_events`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from compressor.base.event_log import log
from compressor.contracts.observer import Observer
from compressor.report.figures import doubts, headline
from compressor.report.run_clock import planned_stages

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow
    from compressor.report.run_clock import RunClock

INTERRUPT = "KeyboardInterrupt"  # how `run_failed` is told of an interrupt


class RunEvents(Observer):
    """Logs each event of a run. `run` is what the log calls it."""

    def __init__(self, run: str, clock: RunClock) -> None:
        self._run = run
        self._clock = clock

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """Log what is about to run."""
        self._log(
            "run_started", recipe=plan.recipe.name, model=plan.model.name, data=plan.data.name, samples=dict(sizes),
            seed=plan.seed, smoke=plan.smoke, steps=planned_stages(plan),
        )  # fmt: skip

    def rehearsed(self, seconds: float) -> None:
        """Log it."""
        self._log("rehearsed", seconds=_rounded(seconds))

    def step_started(self, step_id: str) -> None:
        """Log it."""
        self._log("step_started", step=step_id)

    def waiting(self, step_id: str) -> None:
        """Log it."""
        self._log("waiting", step=step_id)

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        """Log how long it will be."""
        self._log("training_started", step=step_id, epochs=epochs, batches=steps_per_epoch)

    def training_resumed(self, step_id: str, epoch: int) -> None:
        """Log where it goes on."""
        self._log("training_resumed", step=step_id, epoch=epoch, epochs=self._clock.epochs)

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        """Log it, if nothing was told for a while."""
        if self._clock.is_quiet():
            self._log("progress", **self._of_training(step_id, epoch, logs), batch=batch + 1)

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        """Log its figures."""
        figures = {name: finite(value) for name, value in logs.items()}
        seconds = _rounded(self._clock.epoch_seconds)
        self._log("epoch_finished", **self._of_training(step_id, epoch, logs), seconds=seconds, figures=figures)

    def measuring(self, step_id: str) -> None:
        """Log it."""
        self._log("measuring", step=step_id)

    def step_finished(self, stage: StageRow) -> None:
        """Log what became of the model."""
        self._log(
            "step_finished",
            step=stage.id,
            cached=stage.cached,
            seconds=_rounded(stage.seconds),
            measure_seconds=_rounded(stage.measure_seconds),
            run_seconds_left=_rounded(self._clock.run_left),
            **of_stage(stage),
        )

    teacher_stage_finished = step_finished

    def warned(self, text: str) -> None:
        """Log it."""
        self._log("warning", message=text)

    def run_finished(self, report: Report) -> None:
        """Log the result."""
        self._log("run_finished", recipe=report.recipe, **of_report(report))

    def run_failed(self, plan: Plan, error: str) -> None:
        """Log why."""
        message = "interrupted" if error == INTERRUPT else error
        self._log("run_failed", recipe=plan.recipe.name, message=message, seconds=_rounded(self._clock.elapsed))

    def _of_training(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> dict[str, Any]:
        prefix = "val_" if "val_loss" in logs else ""
        metric = next((name for name in logs if name.startswith(prefix) and not name.endswith("loss")), None)
        return {
            "step": step_id,
            "epoch": epoch + 1,
            "epochs": self._clock.epochs,
            "batches": self._clock.batches,
            "loss": finite(logs.get(f"{prefix}loss")),
            "metric": finite(logs.get(metric)) if metric else None,
            "metric_name": metric.removeprefix("val_") if metric else None,
            "seconds_left": _rounded(self._clock.training_left),
            "run_seconds_left": _rounded(self._clock.run_left),
        }

    def _log(self, event: str, **keys: Any) -> None:
        log(event, run=self._run, **keys)


def of_report(report: Report) -> dict[str, Any]:
    """What an event says of a run that is over."""
    return {
        "seed": report.seed,
        "smoke": report.smoke,
        "seconds": _rounded(report.seconds),
        "headline": "; ".join(doubts(report)) or headline(report),
        "missed": [row.name for row in report.constraints if not row.met],
        **of_stage(report.stages[-1]),
    }


def of_stage(stage: StageRow) -> dict[str, Any]:
    """What an event says of a stage's file."""
    name, first = next(iter(stage.metrics.items()))
    return {
        "bytes": stage.bytes,
        "gzip_bytes": stage.gzip_bytes,
        "latency_p50": finite(stage.latency_p50),
        "metric": finite(first.value),
        "metric_name": name,
        "figures": {name: finite(metric.value) for name, metric in stage.metrics.items()},
    }


def finite(value: float | None) -> float | None:
    """The number, or None for what JSON has no number for."""
    return value if value is not None and math.isfinite(value) else None


def _rounded(seconds: float | None) -> float | None:
    """Seconds, to the millisecond."""
    return None if seconds is None else round(seconds, 3)
