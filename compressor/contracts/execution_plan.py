"""`Plan`: what a recipe and the registry make together, and what a run needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from compressor.base.reference import Reference
from compressor.contracts.configured_metric import ConfiguredMetric, FunctionMetric
from compressor.contracts.sources import Dataset, ModelSource
from compressor.contracts.state import ModelState
from compressor.contracts.strategy import Strategy
from compressor.recipe.document import Route
from compressor.recipe.loss_names import loss_functions
from compressor.recipe.sections import Recipe

BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Provider:
    """Where something came from: a distribution and its version, or a local file and its hash."""

    distribution: str
    version: str

    @property
    def full(self) -> str:
        """All of it, for keys and locks; of a local file the name, since where it stands changes nothing."""
        return f"{Path(self.distribution).name} {self.version}"

    def __str__(self) -> str:
        kind, colon, digest = self.version.partition(":")
        return f"{self.distribution} {kind}{colon}{digest[:12]}"


@dataclass(frozen=True, slots=True)
class PlannedTeacher:
    """A teacher by name, and the plan whose last model it is; the run's own baseline has none."""

    name: str
    plan: Plan | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether it is the run's own baseline."""
        return self.plan is None

    def plan_for(self, student: Plan) -> Plan:
        """The plan as it runs for a student's: with its seed, and as short and as trusting.

        Raises:
            ValueError: it is the baseline, which has none.
        """
        if self.plan is None:
            raise ValueError("the baseline is made by the run itself")
        return replace(self.plan, seed=student.seed, smoke=student.smoke, trust_model=student.trust_model)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that is ready to run: its strategy with its parameters, and the model's state before and after.

    `route` leads to its parameters in the recipe; `strict` fails it where it leaves a layer alone that it might have
    compressed; `teacher` is whom its training learns from.
    """

    id: str
    strategy: Strategy
    provider: Provider
    before: ModelState
    after: ModelState
    route: Route = ()
    strict: bool = False
    teacher: PlannedTeacher | None = None

    @property
    def uses(self) -> str:
        """The strategy's name."""
        return self.strategy.name


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run needs, checked; self-contained, and free of TensorFlow.

    `origins` tells which plugin brought the "model", the "data" and each metric; files and functions have none.
    """

    recipe: Recipe
    model: ModelSource | Reference
    data: Dataset | Reference
    metrics: tuple[ConfiguredMetric, ...]
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
        found += [
            configured.metric.target for configured in self.metrics if isinstance(configured.metric, FunctionMetric)
        ]
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
