"""The sections of a recipe, each resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.device_profile import Device
from compressor.contracts.execution_plan import PlannedStep


@dataclass(frozen=True)
class RecipeParts:
    """The resolved sections; a source that may come from a plugin file not yet run is None, and so is no target."""

    model: Any
    data: Any
    metrics: tuple[ConfiguredMetric, ...]
    baseline: PlannedStep | None
    steps: tuple[PlannedStep, ...]
    device: Device | None

    @property
    def stages(self) -> tuple[PlannedStep, ...]:
        """The steps that run, beginning with the training of the baseline if there is one."""
        return (self.baseline, *self.steps) if self.baseline else self.steps
