"""`Plan`: what a recipe and the registry make together, and what a run needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compressor.contracts.configured_metric import FunctionMetric, Judge
from compressor.contracts.state import ModelState
from compressor.contracts.strategy import Dataset, ModelSource
from compressor.models.files.loading import Reference
from compressor.planning.registry import Provider
from compressor.planning.step_order import PlannedStep
from compressor.recipe.loss_names import loss_functions
from compressor.recipe.sections import Recipe


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs, checked; self-contained, and free of TensorFlow.

    `origins` tells which plugin brought the "model", the "data" and each metric; files and functions have none.
    """

    recipe: Recipe
    model: ModelSource | Reference
    data: Dataset | Reference
    metrics: tuple[Judge, ...]
    baseline: PlannedStep | None
    steps: tuple[PlannedStep, ...]
    origins: Mapping[str, Provider] = field(default_factory=dict)
    plugin_files: tuple[Path, ...] = ()
    seed: int = 0
    smoke: bool = False
    trust_model: bool = False  # whether code in the model's file may run

    @property
    def start(self) -> ModelState:
        """What the model is before anything is done to it."""
        return start_of(self.model)

    @property
    def runs_code(self) -> tuple[str, ...]:
        """The code that the recipe brings or names itself: plugin files, functions and modules of Keras classes.

        What its teachers' recipes bring is part of it.
        """
        own = (*self.recipe.plugins, *self.own_functions, *self.recipe.model.custom_objects)
        return tuple(dict.fromkeys((*own, *(code for plan in self.teachers.values() for code in plan.runs_code))))

    @property
    def own_functions(self) -> tuple[str, ...]:
        """The functions that the recipe names as `package.module:function`: model, data, losses and metrics."""
        found = [one.target for one in (self.model, self.data) if isinstance(one, Reference) and one.runs_code]
        for step in self.stages:
            found += loss_functions(step.strategy.params)
        found += [judge.metric.target for judge in self.metrics if isinstance(judge.metric, FunctionMetric)]
        return tuple(dict.fromkeys(found))

    @property
    def teachers(self) -> Mapping[str, Plan]:
        """The plans of the teachers that do not come from the run itself, by the teachers' names."""
        teachers = [step.teacher for step in self.stages if step.teacher]
        return {teacher.name: teacher.plan for teacher in teachers if teacher.plan}

    @property
    def stages(self) -> tuple[PlannedStep, ...]:
        """What runs, the training of the baseline first where there is one."""
        return (self.baseline, *self.steps) if self.baseline else self.steps


def start_of(model: ModelSource | Reference) -> ModelState:
    """What a model is when it comes."""
    return ModelState(model.format) if isinstance(model, Reference) else ModelState()
