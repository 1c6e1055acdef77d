"""Passes on the progress that tasks report, by way of an actor on the cluster's head."""

from __future__ import annotations

import time
from typing import Any, Final, TypeAlias

Report: TypeAlias = tuple[int, str, str]  # the number of the job, the kind of report, and its text
_BETWEEN: Final = 0.5  # seconds between two looks
_SECONDS: Final = 10.0  # that a look may take


class Mailbox:
    """Runs as an actor: keeps what tasks report until it is taken."""

    def __init__(self) -> None:
        self._reports: list[Report] = []

    def tell(self, number: int, kind: str, text: str) -> None:
        """Keep a report."""
        self._reports.append((number, kind, text))

    def take(self) -> list[Report]:
        """All reports since the last time."""
        reports, self._reports = self._reports, []
        return reports


class TaskReports:
    """The driver's end: `mailbox` is what tasks are given."""

    def __init__(self) -> None:
        import ray

        on_head = {"num_cpus": 0, "resources": {"node:__internal_head__": 0.001}, "max_restarts": -1}
        self.mailbox: Any = ray.remote(Mailbox).options(**on_head).remote()
        self._looked = time.monotonic()

    def take(self) -> list[Report]:
        """What was reported since the last look; nothing where that was just now, or where nobody answers."""

        if time.monotonic() - self._looked < _BETWEEN:
            return []
        return self.take_now()

    def take_now(self) -> list[Report]:
        """What was reported since the last look."""
        import ray

        self._looked = time.monotonic()
        try:
            reports: list[Report] = ray.get(self.mailbox.take.remote(), timeout=_SECONDS)
        except Exception:  # noqa: BLE001 - it is begun anew where it was lost, and reports are not what counts
            return []
        return reports
