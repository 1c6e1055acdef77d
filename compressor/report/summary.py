"""The report of a run: what every stage weighs, how right it is, and what each step changed."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from compressor.base.machine import processor
from compressor.base.versions import full_versions
from compressor.contracts.report_rows import ConstraintRow, StageRow
from compressor.measure.results import RunResult
from compressor.models.files.devices import computing_conditions
from compressor.models.files.tensorflow_setup import threads_in_use
from compressor.planning.recipe_paths import portable
from compressor.recipe.constraints import Constraints, verdicts
from compressor.recipe.document import dump
from compressor.report.changed_decisions import confusion, flips
from compressor.report.column_types import StageOfRun
from compressor.report.columns import value_columns
from compressor.report.device_rows import device_verdicts
from compressor.report.notebook_views import ViewedReport
from compressor.report.report_model import FullReport, FullStageRow
from compressor.report.weight_differences import with_differences


def summarise(result: RunResult, notes: Sequence[str] = ()) -> ViewedReport:
    """The report of a run, with notes on the run as a whole; these stand with its last stage."""
    recipe = result.plan.recipe
    rows = [stage_row(result, index) for index in range(len(result.stages))]
    last = rows[-1]
    rows[-1] = last.model_copy(update={"layers": with_differences(last.layers, result), "notes": [*last.notes, *notes]})
    return FullReport(
        recipe=recipe.name,
        description=recipe.description,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=result.plan.seed,
        smoke=result.plan.smoke,
        model=result.model,
        data=result.data,
        samples=dict(result.samples),
        expects=list(result.expects),
        runs_code=list(result.plan.runs_code),
        stages=rows,
        constraints=[] if result.plan.smoke else _verdicts(result, rows),
        seconds=result.seconds,
        versions=dict(full_versions()),
        machine=f"{platform.system()} {platform.machine()}",
        threads=threads_in_use(result.plan.threads),
        environment=dict(computing_conditions(result.plan.runtime)),
        resolved_recipe=dump(portable(recipe)),
        class_names=list(result.classes),
        confusion=confusion(result),
        flips=flips(result, recipe.evaluation.examples),
        timed_on=processor() if result.latencies else "",
    )


def _verdicts(result: RunResult, rows: Sequence[StageRow]) -> list[ConstraintRow]:
    return [*constraint_rows(result.plan.recipe.constraints, rows), *device_verdicts(result.plan.device, rows)]


def stage_row(result: RunResult, index: int) -> StageRow:
    """The row of a stage, with its changes against the baseline and the stage before."""
    of = StageOfRun(result, index)
    return FullStageRow(**{column.name: column.compute(of) for column in value_columns()})


def constraint_rows(constraints: Constraints, stages: Sequence[StageRow]) -> list[ConstraintRow]:
    """How each constraint that the recipe sets went; the stages begin with the baseline."""
    return [ConstraintRow(**vars(verdict)) for verdict in verdicts(constraints, stages)]
