"""Checks of a recipe's `runtime` section against the steps that train."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.contracts.execution_plan import PlannedStep
from compressor.recipe.problems import Problem
from compressor.recipe.sections import Recipe
from compressor.recipe.training_params import TrainingDefaults
from compressor.recipe.tree import Node


def runtime_problems(recipe: Recipe, steps: Sequence[PlannedStep]) -> list[Problem]:
    """A problem for every step that cannot train as the recipe's `runtime` says.

    Args:
        recipe: the recipe.
        steps: its steps, with the baseline's training, and what each does to the model.
    """
    return [
        Problem(message, node.origin if node else None)
        for step in _with_teachers(steps)
        for message, node in _faults(recipe, step)
    ]


def _with_teachers(steps: Sequence[PlannedStep]) -> Iterator[PlannedStep]:
    """The steps that train, and those of the teachers, which are made on the student's devices."""
    for step in steps:
        if step.teacher and step.teacher.plan:
            yield from _with_teachers(step.teacher.plan.stages)
        if isinstance(step.strategy.params, TrainingDefaults):
            yield step


def _faults(recipe: Recipe, step: PlannedStep) -> Iterator[tuple[str, Node | None]]:
    runtime, params = recipe.runtime, step.strategy.params
    assert isinstance(params, TrainingDefaults)
    if runtime.mixed_precision is not None and "quantization_aware" in step.after.traits:
        message = (
            f"'{step.id}' trains with fake quantization, which computes in float32 alone; remove 'mixed_precision', or "
            "leave quantization to 'ptq'"
        )
        yield message, recipe.tree.find(("runtime", "mixed_precision"))
    if runtime.devices is not None and params.batch_size < runtime.devices:
        message = (
            f"'{step.id}' trains on batches of {params.batch_size}, which {runtime.devices} devices cannot share; "
            f"raise 'batch_size' to {runtime.devices} or more, or lower 'devices'"
        )
        yield message, recipe.tree.find(("runtime", "devices"))
