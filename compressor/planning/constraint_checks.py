"""Checks the constraints and objectives of a recipe against its metrics and steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.base.text import did_you_mean
from compressor.contracts.execution_plan import BASELINE, PlannedStep
from compressor.recipe.constraints import StageConstraints, misfits, rules
from compressor.recipe.extends import step_ids
from compressor.recipe.limits import Limit
from compressor.recipe.objectives import figures, objective_problems
from compressor.recipe.problems import Problem
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import Route, from_data
from compressor.recipe.verdicts import PlannedMetric


def constraint_problems(recipe: Recipe, metrics: Sequence[PlannedMetric | None]) -> Iterator[Problem]:
    """Limits that do not suit the metrics, and those for stages that the recipe does not have."""
    for route, message in misfits(recipe.constraints, metrics):
        yield _problem(recipe, route, message)
    ids = [BASELINE, *step_ids(recipe.tree.find(("steps",)) or from_data([]))]
    for stage in recipe.constraints.stages:
        if stage not in ids:
            place = recipe.tree.nearest(("constraints", "stages", stage))
            message = f"there is no stage '{stage}'{did_you_mean(stage, ids)}"
            yield Problem(message, place.key_origin or place.origin)


def objectives_at_fault(recipe: Recipe, metrics: Sequence[PlannedMetric | None]) -> Iterator[Problem]:
    """Objectives that name no figure and no metric, or ask for a bad one."""
    for route, message in objective_problems(recipe.objectives, metrics):
        yield Problem(message, recipe.tree.nearest(("objectives", *route)).origin)


def package_problems(recipe: Recipe, steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """Limits and objectives on packages for stages that are none.

    `steps` are those of the recipe, if all of them could be planned.
    """
    if len(steps) < len(recipe.steps):
        return
    packages = {step.id for step in steps if step.after.format == "package"}
    for index, objective in enumerate(recipe.objectives):
        figure = figures().get(objective.name)
        if figure is not None and figure.packages and (steps[-1].id if steps else BASELINE) not in packages:
            message = f"'{objective.name}' is of packages, and the last step makes none; end with 'pack', or drop it"
            yield Problem(message, recipe.tree.nearest(("objectives", index)).origin)
    limited: list[tuple[Route, StageConstraints, str]] = [((), recipe.constraints, steps[-1].id if steps else BASELINE)]
    limited += [(("stages", stage), own, stage) for stage, own in recipe.constraints.stages.items()]
    for route, own, stage in limited:
        for key, rule in rules(own):
            if isinstance(rule, Limit) and rule.packages and getattr(own, key) is not None and stage not in packages:
                message = f"'{key}' is for packages, and the stage '{stage}' is none; add the step 'pack', or drop it"
                yield _problem(recipe, (*route, key), message)


def _problem(recipe: Recipe, route: Route, message: str) -> Problem:
    return Problem(message, recipe.tree.nearest(("constraints", *route)).origin)
