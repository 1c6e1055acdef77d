"""Tells the parent process of a run which step is running, in case native code crashes in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.cli.child_process import Tell
from compressor.contracts.observer import Observer

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan


class StepTeller(Observer):
    """Reports which step is running, in case the process crashes in it."""

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self._subjects = {step.id: f"the step '{step.id}' ({step.uses}, {step.provider})" for step in plan.stages}
        self._tell = tell

    def step_started(self, step_id: str) -> None:
        self._tell(self._subjects.get(step_id, "the baseline"))

    def measuring(self, step_id: str) -> None:
        self._tell(f"measuring the file after {self._subjects.get(step_id, 'the baseline')}")

    def warned(self, text: str) -> None:
        """Left to the observers that show it."""
