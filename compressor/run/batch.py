"""Several runs of one command: what each is, where its results go, and what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from compressor.base.errors import CompressorError, ExitCode
from compressor.contracts.execution_plan import Plan
from compressor.contracts.report_rows import Report
from compressor.run.published_run import claimed_at
from compressor.run.run_folder import claimed

_WORST = (ExitCode.INTERNAL, ExitCode.STEP, ExitCode.INPUT, ExitCode.USAGE, ExitCode.CONSTRAINT, ExitCode.DONE)


@dataclass
class BatchRecipe:
    """A recipe of a batch, and what has come of it so far.

    Attributes:
        plan: of the recipe, with the seed if there is one.
        output: a folder or an address; None for a new folder.
        seeds: how many seeds, from 0 on; None for the plan's own.
        folder: of the results, once it is claimed.
        reports: of the runs that are done, by their seeds.
        error: what went wrong first.
        code: the exit code that it alone would have.
    """

    plan: Plan
    output: str | Path | None
    seeds: int | None
    folder: Path | None = None
    reports: dict[int, Report] = field(default_factory=dict)
    error: str = ""
    code: int = ExitCode.DONE
    _claims: ExitStack = field(default_factory=ExitStack)
    _over: int = 0

    @property
    def name(self) -> str:
        """The recipe's."""
        return self.plan.recipe.name

    @property
    def plans(self) -> list[Plan]:
        """The plan of each run."""
        return [self.plan] if self.seeds is None else [replace(self.plan, seed=seed) for seed in range(self.seeds)]

    def open(self, plan: Plan, warn: Callable[[str], None], publishing: Callable[[], None]) -> Path:
        """Claim the folder for one of the runs.

        Raises:
            CompressorError: it cannot be claimed.
        """
        if self.folder is None:
            claim = claimed_at(self.plan, self.output, self.seeds is not None, warn, publishing)
            self.folder = self._claims.enter_context(claim)
        if self.seeds is None:
            return self.folder
        return self._claims.enter_context(claimed(plan, self.folder / f"seed-{plan.seed}"))

    def took(self, plan: Plan, report: Report) -> None:
        """A run is done."""
        self.reports[plan.seed] = report
        if any(not row.met for row in report.constraints):
            self.code = worst([self.code, ExitCode.CONSTRAINT])

    def failed(self, error: str, code: int) -> None:
        """A run has failed."""
        self.error = self.error or error
        self.code = worst([self.code, code])

    def ended(self, finish: Callable[[BatchRecipe], None]) -> bool:
        """One more run is over; whether all are, after which `finish` is called, and the results are published."""
        self._over += 1
        if self._over < len(self.plans):
            return False
        try:
            with self._claims:
                if self.error:
                    raise _FailedRunError
                finish(self)
        except _FailedRunError:
            pass
        except CompressorError as error:
            self.failed(str(error), error.exit_code)
        return True

    def leave(self) -> None:
        """Let go of the folder, with the exception that is being handled."""
        self._claims.__exit__(*sys.exc_info())

    @property
    def missed(self) -> list[str]:
        """The names of the constraints that are missed."""
        return sorted({row.name for report in self.reports.values() for row in report.constraints if not row.met})


def worst(codes: Sequence[int]) -> int:
    """The exit code of the worst that happened."""
    return next((code for code in _WORST if code in codes), max(codes, default=ExitCode.DONE))


class _FailedRunError(Exception):
    """Tells the claim of a folder that what is in it is not whole."""
