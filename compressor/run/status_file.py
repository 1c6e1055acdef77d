"""How far a run or a search is, kept in its folder as `status.json` for `compressor status`."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from compressor.base.atomic_files import half_written
from compressor.base.event_log import timestamp
from compressor.base.process_identity import own_identity
from compressor.base.secrets import without_secrets
from compressor.base.text import shortened
from compressor.contracts.observer import Observer
from compressor.report.run_clock import RunClock
from compressor.report.run_events import INTERRUPT, finite

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report, StageRow

STATUS: Final = "status.json"
_BETWEEN = 5.0  # seconds, at the least, between two writings within a training
_LONGEST = 300  # characters of a message


class _StatusFile:
    """Keeps what is known of a run or a search in its folder. It is never the reason for either to fail."""

    def __init__(self, folder: Path, kind: str, name: str) -> None:
        self._path = folder / STATUS
        self._known: dict[str, Any] = {
            "schema_version": 1, "kind": kind, "name": name, "state": "running", "started": timestamp(),
            **own_identity(),
        }  # fmt: skip
        self.write()

    def write(self, **changes: Any) -> None:
        """Write what has changed, so that a reader finds the file before or after it; it need not outlive a crash."""
        self._known |= changes
        temporary = half_written(self._path)
        with suppress(OSError):
            temporary.write_text(json.dumps({**self._known, "updated": timestamp()}))
            temporary.replace(self._path)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)

    def end(self, state: str, message: str = "") -> None:
        """Write how it ended."""
        self.write(state=state, seconds_left=None, message=shortened(without_secrets(message), _LONGEST))


class RunStatus(Observer):
    """Keeps the status of a run. It has a clock of its own, which is told of each event first."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        """Begin: a run counts as running from now on."""
        self._clock = RunClock()
        self._file = _StatusFile(folder, "run", plan.recipe.name)
        self._written = 0.0

    def run_started(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """Keep how many stages there are."""
        self._clock.run_started(plan, sizes)
        self._file.write(steps=self._clock.stages)

    def step_started(self, step_id: str) -> None:
        """Keep which step it is."""
        self._clock.step_started(step_id)
        self._write(step=step_id, step_number=self._clock.stages_done + 1)

    def training_started(self, step_id: str, epochs: int, steps_per_epoch: int) -> None:
        """Pass it to the clock."""
        self._clock.training_started(step_id, epochs, steps_per_epoch)

    def training_resumed(self, step_id: str, epoch: int) -> None:
        """Pass it to the clock."""
        self._clock.training_resumed(step_id, epoch)

    def batch_finished(self, step_id: str, epoch: int, batch: int, logs: Mapping[str, float]) -> None:
        """Keep the time that is left, now and then."""
        self._clock.batch_finished(step_id, epoch, batch, logs)
        self._write_now_and_then()

    def epoch_finished(self, step_id: str, epoch: int, logs: Mapping[str, float]) -> None:
        """Keep the time that is left, now and then."""
        self._clock.epoch_finished(step_id, epoch, logs)
        self._write_now_and_then()

    def measuring(self, step_id: str) -> None:
        """Pass it to the clock."""
        self._clock.measuring(step_id)

    def step_finished(self, stage: StageRow) -> None:
        """Keep the figures of the stage."""
        self._clock.step_finished(stage)
        self._write(step=stage.id, step_number=self._clock.stages_done, **figures_of(stage))

    def teacher_stage_finished(self, stage: StageRow) -> None:
        """Pass it to the clock."""
        self._clock.teacher_stage_finished(stage)

    def warned(self, text: str) -> None:
        """Left to the observers that show it."""

    def run_finished(self, report: Report) -> None:
        """Keep that it is done."""
        self._file.end("finished")

    def run_failed(self, plan: Plan, error: str) -> None:
        """Keep why it failed."""
        interrupted = error == INTERRUPT
        self._file.end("interrupted" if interrupted else "failed", "" if interrupted else error)

    def _write_now_and_then(self) -> None:
        if time.monotonic() - self._written >= _BETWEEN:
            self._write()

    def _write(self, **changes: Any) -> None:
        self._written = time.monotonic()
        left = self._clock.run_left
        self._file.write(**changes, seconds_left=None if left is None else round(left, 1))


class SearchStatus:
    """Keeps the status of a search."""

    def __init__(self, file: _StatusFile, trials: int | None) -> None:
        self._file = file
        self._trials = trials
        self._began = time.monotonic()
        self._tried = 0

    def tried(self, trials: int) -> None:
        """Keep how many trials are over, and how long the others may take."""
        self._tried += 1
        each = (time.monotonic() - self._began) / self._tried
        left = None if self._trials is None else round(each * max(0, self._trials - trials), 1)
        self._file.write(step=f"trial {trials}", step_number=trials, seconds_left=left)


@contextmanager
def search_status(folder: Path, name: str, trials: int | None, resume: str = "") -> Iterator[SearchStatus]:
    """Keep the status of a search while the block runs, and how it ended.

    Args:
        folder: of the search.
        name: of its recipe.
        trials: how many there will be; None if time decides.
        resume: the command that goes on with it, in the folder where this process works.
    """
    file = _StatusFile(folder, "search", name)
    file.write(steps=trials, resume=without_secrets(resume) or None, working_folder=str(Path.cwd()))
    try:
        yield SearchStatus(file, trials)
    except KeyboardInterrupt:
        file.end("interrupted")
        raise
    except Exception as error:
        file.end("failed", str(error))
        raise
    file.end("finished")


def figures_of(stage: StageRow) -> dict[str, Any]:
    """The size and the first metric of a stage."""
    name, metric = next(iter(stage.metrics.items()), ("", None))
    value = finite(metric.value) if metric else None
    share = bool(metric and metric.share)
    return {"bytes": stage.bytes, "metric": value, "metric_name": name or None, "metric_is_share": share}


def metric_cell(value: float | None, is_share: bool) -> str:
    """`98.21 %`, or `0.1234` for what is not a share."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value * 100:.2f} %" if is_share else f"{value:.4g}"
