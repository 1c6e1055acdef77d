"""Compares runs with the first of them, and says what makes that unfair, and how the gate came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from compressor.comparing.compared_run import ComparedRun
from compressor.comparing.condition import Condition
from compressor.comparing.gate import GateResult, check_names, hold
from compressor.comparing.metric_changes import MetricChange, metric_changes
from compressor.comparing.paired_calls import call_change
from compressor.comparing.quantities import QUANTITIES
from compressor.comparing.recipe_differences import recipe_differences
from compressor.comparing.unfairness import smoke, unfair
from compressor.report.figures import doubts


@dataclass(frozen=True)
class RunComparison:
    """Runs, and how each differs from the first.

    Attributes:
        runs: the first is what the others are compared with.
        changes: how the metrics of each of the others differ from those of the first, in order.
        differences: where the recipe of each of the others differs from that of the first, as text.
        warnings: what makes the comparison unfair, and what puts figures in doubt.
        gates: how each condition came out for each of the others.
    """

    runs: tuple[ComparedRun, ...]
    changes: tuple[tuple[MetricChange, ...], ...]
    differences: tuple[str, ...]
    warnings: tuple[str, ...]
    gates: tuple[GateResult, ...]

    @property
    def first(self) -> ComparedRun:
        """What the others are compared with."""
        return self.runs[0]

    @property
    def failed(self) -> bool:
        """Whether a condition of `--fail-if` holds for any run."""
        return any(gate.failed for gate in self.gates)

    @property
    def metrics(self) -> list[str]:
        """The metrics that any run has, those of the first one first."""
        return list(dict.fromkeys(name for run in self.runs for name in run.last.metrics))

    @property
    def titles(self) -> list[str]:
        """A line for each run that says what it is and, after the first, where its recipe is another."""
        rest = [f" · other than {self.first.letter} in {text}" if text else "" for text in self.differences]
        return [run.title + more for run, more in zip(self.runs, ["", *rest], strict=True)]

    def change(self, run: ComparedRun, metric: str) -> MetricChange | None:
        """The change of a metric from the first run to one of the others."""
        place = self.runs.index(run)
        changes = self.changes[place - 1] if place else ()
        return next((change for change in changes if change.metric == metric), None)


def comparison_of(runs: Sequence[ComparedRun], conditions: Sequence[Condition] = ()) -> RunComparison:
    """Compare runs with the first of them.

    Args:
        runs: two or more.
        conditions: of the gate.

    Raises:
        ConditionError: a condition names what the runs do not have.
    """
    first, *others = runs
    for condition in conditions:
        check_names(condition, runs)
    warnings = [
        *(text for run in runs for text in smoke(run)),
        *(text for run in others for text in unfair(first, run)),
    ]
    for run in runs:
        warnings += [f"{run.letter}: {text}" for text in (doubts(run.report) if run.report else ())]
    changes = tuple(tuple(metric_changes(first, run)) for run in others)
    return RunComparison(
        runs=tuple(runs),
        changes=changes,
        differences=tuple(recipe_differences(first, run) for run in others),
        warnings=tuple(warnings),
        gates=tuple(
            hold(condition, first, run, own)
            for run, own in zip(others, changes, strict=True)
            for condition in conditions
        ),
    )


def as_data(comparison: RunComparison) -> dict[str, Any]:
    """Return the comparison as JSON has it. Sizes are in bytes, times in seconds, shares from 0 to 1."""
    return {
        "runs": [_run_data(run) for run in comparison.runs],
        "changes": [
            _change_data(run, change)
            for run, changes in zip(comparison.runs[1:], comparison.changes, strict=True)
            for change in changes
        ],
        "calls": [
            {key: value for key, value in vars(change).items() if key != "first"}
            for run in comparison.runs[1:]
            if (change := call_change(comparison.first, run)) is not None
        ],
        "recipe_differences": [
            {"run": run.letter, "text": text}
            for run, text in zip(comparison.runs[1:], comparison.differences, strict=True)
            if text
        ],
        "warnings": list(comparison.warnings),
        "gate": [
            {
                "run": gate.run,
                "failed": gate.failed,
                "findings": [asdict(finding) for finding in gate.findings],
            }
            for gate in comparison.gates
        ],
        "failed": comparison.failed,
    }


def _run_data(run: ComparedRun) -> dict[str, Any]:
    report = run.report
    made = (
        {}
        if report is None
        else {
            "recipe": report.recipe,
            "model": report.model,
            "data": report.data,
            "seeds": list(run.seeds) or [report.seed],
            "created": report.created,
            "stage": run.last.id,
        }
    )
    return {
        "run": run.letter,
        "name": run.name,
        **made,
        "test_samples": run.test_samples,
        **{quantity.name: quantity.of(run.last) for quantity in QUANTITIES},
        "metrics": {
            name: {"value": row.value, "low": row.low, "high": row.high} for name, row in run.last.metrics.items()
        },
    }


def _change_data(run: ComparedRun, change: MetricChange) -> dict[str, Any]:
    return {
        "run": run.letter,
        "metric": change.metric,
        "difference": change.difference,
        "better": change.better,
        "p_value": change.change.p_value,
        "within_noise": change.change.within_noise,
        "test": change.test,
        "same_samples": change.samples,
        "why_unpaired": change.why_unpaired or None,
        "only_seed_differs": change.only_seed,
    }
