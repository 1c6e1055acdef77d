"""What trackers show of a run, as plain names and values; all of it stands in `report.json`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

if TYPE_CHECKING:
    from compressor.contracts.report_rows import MetricRow, Report, StageRow


Scalar: TypeAlias = bool | int | float | str

RESULT_FILES = ("model.tflite", "model.tfpack", "report.html", "report.md", "report.json", "lock.yaml")
"""What is kept of the folder of a run; a recipe there has absolute paths."""

_OF_A_METRIC = ("value", "low", "high", "keras")
_OF_A_CHANGE = ("difference", "p_value")
_OF_AGREEMENT = ("largest", "same_class", "signal_to_noise")


def stage_figures(stage: StageRow) -> dict[str, float]:
    """The figures of a stage by the names of `report.json`, parts joined by a slash, as in `metrics/accuracy/low`.

    Those that are missing or no finite number are left out.
    """
    figures: dict[str, Any] = {name: value for name, value in stage if isinstance(value, int | float)}
    for name, metric in stage.metrics.items():
        figures |= _of_metric(f"metrics/{name}", metric)
    if stage.agreement is not None:
        figures |= {f"agreement/{name}": getattr(stage.agreement, name) for name in _OF_AGREEMENT}
    return {name: float(value) for name, value in figures.items() if value is not None and math.isfinite(value)}


def _of_metric(prefix: str, metric: MetricRow) -> dict[str, Any]:
    figures = {f"{prefix}/{name}": getattr(metric, name) for name in _OF_A_METRIC}
    if metric.from_baseline is not None:
        figures |= {f"{prefix}/from_baseline/{name}": getattr(metric.from_baseline, name) for name in _OF_A_CHANGE}
    return figures


def trainings(stage: StageRow) -> Iterator[tuple[str, list[dict[str, float]]]]:
    """Each training of a stage: `epoch`, or `epoch of training 2`, and the figures of each epoch by name."""
    for number, epochs in enumerate(stage.curves, 1):
        yield "epoch" if number == 1 else f"epoch of training {number}", epochs


def run_figures(report: Report) -> dict[str, float]:
    """The figures of the run as a whole."""
    return {
        "seconds": report.seconds,
        "constraints/met": sum(row.met for row in report.constraints),
        "constraints/missed": sum(not row.met for row in report.constraints),
    }


def settings(resolved_recipe: str) -> dict[str, Scalar]:
    """The values of a recipe by their paths, as `--set` takes them: `steps.prune.with.final_sparsity`."""
    recipe = yaml.safe_load(resolved_recipe)
    return dict(_paths("", recipe)) if isinstance(recipe, Mapping) else {}


def settings_of(settings: Mapping[str, Scalar], step: str) -> dict[str, Scalar]:
    """The parameters of one step, by their names alone."""
    prefix = "model.train." if step == "baseline" else f"steps.{step}.with."
    return {path.removeprefix(prefix): value for path, value in settings.items() if path.startswith(prefix)}


def _paths(path: str, value: Any) -> Iterator[tuple[str, Scalar]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _paths(f"{path}.{key}" if path else str(key), inner)
    elif path == "steps":
        for number, step in enumerate(value):
            yield from _paths(f"{path}.{step.get('id') or step.get('uses') or number}", step)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _paths(f"{path}.{number}", inner)
    elif value is not None:
        yield path, value if isinstance(value, bool | int | float) else str(value)
