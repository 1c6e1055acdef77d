"""Every hook a plugin may implement. Mark yours with `compressor.hookimpl`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.metric import Metric
    from compressor.contracts.report_rows import Report, StageRow
    from compressor.contracts.sources import Dataset, ModelSource
    from compressor.contracts.strategy import Strategy
    from compressor.contracts.tracker import Tracker

API_VERSION = 1
"""Version of the contracts with plugins. It rises when a plugin written for the one before would no longer work.

A plugin says which one it is written for by `api_version = 1` in its module; without it, that is version 1.
"""

hookspec = pluggy.HookspecMarker("compressor")
hookimpl = pluggy.HookimplMarker("compressor")


@hookspec
def strategies() -> list[type[Strategy]]:  # type: ignore[empty-body]
    """The compression strategies this plugin brings."""


@hookspec
def datasets() -> list[type[Dataset]]:  # type: ignore[empty-body]
    """The data sets this plugin brings."""


@hookspec
def models() -> list[type[ModelSource]]:  # type: ignore[empty-body]
    """The models this plugin brings."""


@hookspec
def metrics() -> list[type[Metric]]:  # type: ignore[empty-body]
    """The metrics this plugin brings."""


@hookspec
def devices() -> list[Path]:  # type: ignore[empty-body]
    """YAML files of the device profiles this plugin brings, each named after its device."""


@hookspec
def trackers() -> list[type[Tracker]]:  # type: ignore[empty-body]
    """The trackers this plugin brings, for `--track`."""


@hookspec
def run_started(plan: Plan, folder: Path, resolved_recipe: str) -> None:
    """A run begins; its results go into the folder. The recipe is YAML, with files by their names alone."""


@hookspec
def step_finished(stage: StageRow, folder: Path) -> None:
    """A stage is done and measured; the baseline is one too."""


@hookspec
def run_finished(report: Report, folder: Path) -> None:
    """A run is over and its results are in the folder."""


@hookspec
def run_failed(plan: Plan, error: str, folder: Path, interrupted: bool) -> None:
    """A run ended with an error, or was interrupted, also before it began."""
