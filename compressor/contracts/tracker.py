"""The base class of trackers, which follow a run elsewhere, as in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow


class Tracker:
    """Follows a run elsewhere, such as in TensorBoard or MLflow, if `--track NAME` asks for it.

    An instance is made for each run. Its methods are the hooks of their names, and each has a limit of five minutes.
    What it shows comes from the rows and the report that it is given; it changes neither the run nor its results.
    If a method fails, `run_failed` is called with that error, so that what is open can be closed, and nothing after it.

    `needs` maps modules that must be installed to what pip installs them by; without them, the run is refused before
    it begins. `folder` is the tracker's own in the folder of the run, for what it keeps there; it may not exist yet.
    """

    name: ClassVar[str]
    needs: ClassVar[Mapping[str, str]] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run_started(self, plan: Plan, folder: Path, resolved_recipe: str) -> None:
        """A run begins; see the hook."""

    def step_finished(self, stage: StageRow, folder: Path) -> None:
        """A stage is done and measured; see the hook."""

    def run_finished(self, report: Report, folder: Path) -> None:
        """A run is over; see the hook."""

    def run_failed(self, plan: Plan, error: str, folder: Path, interrupted: bool) -> None:
        """A run ended with an error, or was interrupted; see the hook. `run_started` may not have been called."""
