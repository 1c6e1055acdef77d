"""Runs one trial: its recipe on the validation split, stopped at a stage that misses its limit for certain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from compressor.base.atomic_files import write_whole
from compressor.base.errors import CompressorError, DataError, ModelError
from compressor.contracts.execution_plan import Plan
from compressor.contracts.observer import Observer, Observers
from compressor.contracts.report_rows import StageRow
from compressor.recipe.constraints import Constraints, rules
from compressor.recipe.limits import Limit
from compressor.recipe.objectives import Goal
from compressor.recipe.sections import Recipe
from compressor.report.device_rows import device_verdicts
from compressor.run.cache.store import Cache
from compressor.run.engine import Run, started
from compressor.run.run_folder import results_of

_LEAST_MISS = 1e-9  # so that one that is missed is above 0, however close


class StartError(CompressorError):
    """The model or the data that a trial starts from is at fault, or they do not fit each other."""


@dataclass(frozen=True)
class Outcome:
    """What a trial came to: the objectives' values, None where one is not known, and the misses of constraints.

    `stopped` says at which stage and why a trial was stopped, which then has no values.
    """

    values: tuple[float | None, ...]
    misses: Mapping[str, float]
    stopped: str = ""


def run_trial(
    plan: Plan,
    goals: Sequence[Goal],
    folder: Path,
    cache: Cache,
    observer: Observer,
    rehearse: bool,
    keep_model: bool = False,
) -> Outcome:
    """Run a recipe and measure it on the validation split.

    A trial is stopped after a stage that misses a limit of its own (`constraints.stages`), since nothing that follows
    can mend that. A file that is too large for the limit of the last stage may still become smaller.

    Args:
        plan: the plan of the recipe.
        goals: the objectives.
        folder: an empty folder for the stages' files.
        cache: shares steps with other trials.
        observer: is told what happens.
        rehearse: whether to take all steps on the untrained model first, if any trains.
        keep_model: whether to write what ships into the folder, as a run does: `model.tflite`, and its package.

    Raises:
        StartError: the data or the model is at fault, before any step is taken.
        CompressorError: a step is at fault, or anything else.
    """
    plan = replace(plan, measured_on="validation")
    rows, last = _Rows(), b""
    with _started(plan, folder, cache, Observers(rows, observer)) as run:
        if rehearse:
            run.rehearse()
        for step in (None, *plan.stages):
            if step is not None:
                last = run.stage(step).content
            if not plan.smoke and rows.stages and (missed := _missed_at(plan.recipe, rows.stages)):
                return Outcome((), missed, f"stopped after '{rows.stages[-1].id}', which misses {', '.join(missed)}")
        if keep_model and last:
            for name, content in results_of(last).items():
                write_whole(folder / name, content)
    values = tuple(goal.of(rows.stages) for goal in goals)
    if plan.smoke:
        return Outcome(values, {})
    return Outcome(values, {**misses(plan.recipe.constraints, rows.stages), **_device_misses(plan, rows.stages)})


@contextmanager
def _started(plan: Plan, folder: Path, cache: Cache, observer: Observer) -> Iterator[Run]:
    with ExitStack() as stack:
        try:
            run = stack.enter_context(started(plan, folder, cache, observer))
        except (DataError, ModelError) as error:
            raise StartError(error.what, error.remedy) from error
        yield run


def misses(constraints: Constraints, stages: Sequence[StageRow]) -> dict[str, float]:
    """By how much each constraint is missed, as a share of its limit where it has one; 0 where it is met."""
    return {
        verdict.name: 0.0 if verdict.met else _miss(rule, getattr(constraints, key), stages)
        for key, rule in rules(constraints)
        for verdict in rule.verdicts(key, getattr(constraints, key), stages)
    }


def _device_misses(plan: Plan, stages: Sequence[StageRow]) -> dict[str, float]:
    """The same of what the recipe's target demands."""
    return {
        verdict.name: 0.0 if verdict.met else _share_above(verdict.name, stages[-1])
        for verdict in device_verdicts(plan.device, stages)
    }


def _share_above(name: str, stage: StageRow) -> float:
    """By how much a file is too large for its target, as a share; 1 where that is no matter of size."""
    device, what = getattr(stage, "device", None), name.removeprefix("target.")
    size, most = getattr(device, f"{what}_bytes", None), getattr(device, f"{what}_limit", None)
    return max(_LEAST_MISS, size / most - 1) if size is not None and most else 1.0


class _Rows(Observer):
    """Keeps the rows of the run's stages."""

    def __init__(self) -> None:
        self.stages: list[StageRow] = []

    def step_finished(self, stage: StageRow) -> None:
        self.stages.append(stage)

    def warned(self, text: str) -> None:
        """Left to the observer that shows it."""


def _missed_at(recipe: Recipe, stages: Sequence[StageRow]) -> dict[str, float]:
    """The limits of the last of these stages that it misses."""
    own = recipe.constraints.stages.get(stages[-1].id)
    if own is None:
        return {}
    of_stage = Constraints(stages={stages[-1].id: own})
    return {name: miss for name, miss in misses(of_stage, stages).items() if miss}


def _miss(rule: object, limit: object, stages: Sequence[StageRow]) -> float:
    figure = rule.figures(stages)[-1] if isinstance(rule, Limit) else None
    if figure is None or not isinstance(limit, int | float):
        return 1.0
    return max(_LEAST_MISS, abs(figure - limit) / (abs(limit) or 1.0))
