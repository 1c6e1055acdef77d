"""Sends word when a run has ended, as a plugin that watches it: `--notify`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.base.event_log import timestamp
from compressor.base.secrets import without_secrets
from compressor.base.text import shortened
from compressor.contracts.hookspecs import hookimpl
from compressor.report.run_events import INTERRUPT, of_report
from compressor.run.notice_targets import missing_program, name_of, send_all

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report

SECONDS = 5.0  # that the targets have to answer
SECONDS_INTERRUPTED = 3.0  # after an interrupt, when somebody waits for the command to end
_LONGEST_MESSAGE = 1000  # characters
_UNHARMED = "the run and its results are not affected"


class Notifier:
    """A plugin that sends word when a run has ended; one that cannot be sent is told, and changes nothing else."""

    def __init__(self, targets: Sequence[str], sending: Callable[[], None] = lambda: None) -> None:
        """Send to some targets.

        Args:
            targets: see `notice_targets`.
            sending: is called before anything is sent, which may take some seconds.
        """
        self.warn: Callable[[str], None] = logging.getLogger(__name__).warning
        self._targets = targets
        self._sending = sending

    @hookimpl
    def run_started(self) -> None:
        """Say now what cannot be shown later."""
        for target in self._targets:
            if reason := missing_program(target):
                self.warn(f"no notice can be shown on {name_of(target)}: {reason}")

    @hookimpl
    def run_finished(self, report: Report, folder: Path) -> None:
        """Send the headline, and which constraints were missed."""
        keys = of_report(report)
        missed = keys["missed"]
        text = f"constraints not met: {', '.join(missed)}; {keys['headline']}" if missed else keys["headline"]
        outcome = "missed" if missed else "done"
        self._send("run_finished", outcome, text, run=_shown(folder), recipe=report.recipe, **keys)

    @hookimpl
    def run_failed(self, plan: Plan, error: str, folder: Path) -> None:
        """Send what went wrong."""
        interrupted = error == INTERRUPT
        message = "interrupted" if interrupted else error
        self._send(
            "run_failed", "interrupted" if interrupted else "failed", message, run=_shown(folder),
            recipe=plan.recipe.name, seed=plan.seed, smoke=plan.smoke, message=message,
        )  # fmt: skip

    def process_ended(self, message: str, interrupted: bool) -> None:
        """Send what became of a run whose process was killed or crashed."""
        self._send("run_failed", "interrupted" if interrupted else "killed", message, message=message)

    def _send(self, event: str, outcome: str, text: str, **keys: Any) -> None:
        smoke = " (a smoke run)" if keys.get("smoke") else ""
        title = f"compressor: {keys.get('recipe', 'run')} {outcome}{smoke}"
        texts = {"title": title, "text": title if text == outcome else f"{title}: {_harmless(text)}"}
        if "message" in keys:
            keys["message"] = _harmless(keys["message"])
        self._sending()
        seconds = SECONDS_INTERRUPTED if outcome == "interrupted" else SECONDS
        notice = {"time": timestamp(milliseconds=True), "event": event, "outcome": outcome, **texts, **keys}
        for target, reason in send_all(self._targets, notice, seconds).items():
            self.warn(f"no notice was sent to {name_of(target)}: {reason}; {_UNHARMED}")


def _harmless(text: str) -> str:
    return shortened(without_secrets(text), _LONGEST_MESSAGE)


def _shown(folder: Path) -> str:
    """The folder as seen from the working directory, where it is within it; otherwise its name."""
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) else folder.name
