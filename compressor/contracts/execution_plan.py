"""`Plan`: a recipe resolved against the registry, with everything a run needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from compressor.base.machine import DEFAULT_THREADS
from compressor.base.markup import Content, element, table
from compressor.base.notebook import snippet
from compressor.base.outgoing import one_line
from compressor.base.path_or_function import Reference
from compressor.contracts.configured_metric import ConfiguredMetric, FunctionMetric
from compressor.contracts.device_profile import Device
from compressor.contracts.model_state import ModelState
from compressor.contracts.sources import Dataset, ModelSource
from compressor.contracts.strategy import Strategy
from compressor.recipe.document import Route
from compressor.recipe.loss_names import loss_functions
from compressor.recipe.runtime_section import RuntimeSection
from compressor.recipe.sections import Recipe

BASELINE = "baseline"
IN_MEMORY = "in memory"  # the version of what is passed as an object


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a plugin came from: a distribution and its version, or a local file and its hash."""

    distribution: str
    version: str

    @property
    def full(self) -> str:
        """The provider in full, for keys and locks; of a local file only the name, since its folder changes nothing."""
        return f"{Path(self.distribution).name} {self.version}"

    @property
    def named_by_user(self) -> bool:
        """Whether the user has named it, as a local file or an object, and not only installed it."""
        return self.version.startswith("sha256:") or self.version == IN_MEMORY

    @property
    def qualifier(self) -> str:
        """What stands before the colon in `distribution:name`: the distribution, or the name of a local file."""
        return Path(self.distribution).name

    def __str__(self) -> str:
        kind, colon, digest = self.version.partition(":")
        return f"{self.distribution} {kind}{colon}{digest[:12]}"


@dataclass(frozen=True, slots=True)
class PlannedTeacher:
    """A teacher: its name, and the plan whose last model it is. The run's own baseline has no plan."""

    name: str
    plan: Plan | None = None

    @property
    def is_baseline(self) -> bool:
        """Whether it is the run's own baseline."""
        return self.plan is None

    def plan_for(self, student: Plan) -> Plan:
        """The plan with the student's seed, threads and runtime, and with its `smoke` and `trust_model`.

        Raises:
            ValueError: the teacher is the baseline, which has no plan.
        """
        if self.plan is None:
            raise ValueError("the baseline is made by the run itself")
        return replace(
            self.plan,
            seed=student.seed,
            smoke=student.smoke,
            trust_model=student.trust_model,
            threads=student.threads,
            runtime=student.runtime,
            measured_on=student.measured_on,
        )


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that is ready to run: its strategy with parameters, and the model's state before and after.

    `route` is the path of its parameters in the recipe. With `strict`, the step fails if it skips a layer that it could
    have compressed. `teacher` is the model that its training learns from.
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
    """Everything a run needs, checked. It can be pickled, and holds nothing of TensorFlow.

    `origins` names the plugin of the "model", the "data" and each metric; files and functions have none.
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
    threads: int = DEFAULT_THREADS  # that TensorFlow splits an operation over
    runtime: RuntimeSection = field(default_factory=RuntimeSection)  # what trainings compute on
    device: Device | None = None  # that the last stage's file must fit
    measured_on: Literal["test", "validation"] = "test"  # the split that stages are measured on

    @property
    def start(self) -> ModelState:
        """The state of the model before the first step."""
        return start_of(self.model)

    @property
    def runs_code(self) -> tuple[str, ...]:
        """The code that the recipe itself runs: plugin files, functions, and modules of Keras classes.

        The code of its teachers' recipes is included.
        """
        own = (*self.recipe.plugins, *self.own_functions, *self.recipe.model.custom_objects)
        return tuple(dict.fromkeys((*own, *(code for plan in self.teachers.values() for code in plan.runs_code))))

    @property
    def own_functions(self) -> tuple[str, ...]:
        """The functions that the recipe names as `package.module:function`: model, data, losses and metrics."""
        sources = (self.model, self.data)
        functions = [source.target for source in sources if isinstance(source, Reference) and source.runs_code]
        for step in self.stages:
            functions += loss_functions(step.strategy.params)
        functions += [
            configured.metric.target for configured in self.metrics if isinstance(configured.metric, FunctionMetric)
        ]
        return tuple(dict.fromkeys(functions))

    @property
    def teachers(self) -> Mapping[str, Plan]:
        """The plans of all teachers but the run's own baseline, by teacher name."""
        teachers = [step.teacher for step in self.stages if step.teacher]
        return {teacher.name: teacher.plan for teacher in teachers if teacher.plan}

    @property
    def stages(self) -> tuple[PlannedStep, ...]:
        """The steps that run, beginning with the training of the baseline if there is one."""
        return (self.baseline, *self.steps) if self.baseline else self.steps

    def __repr__(self) -> str:
        steps = " -> ".join([BASELINE, *(step.id for step in self.steps)])
        return one_line(f"<plan of {self.recipe.name}: {steps}; {self._subject}>")

    def _repr_html_(self) -> str:
        smoke = "Smoke run: a few samples and steps." if self.smoke else None
        code = f"Runs code of its own: {', '.join(self.runs_code)}" if self.runs_code else None
        heads = ["step", "strategy", "model after it", "parameters that are no defaults"]
        rows: list[list[Content]] = [[BASELINE, "", str(self.start), ""]] if self.baseline is None else []
        for step in self.stages:
            params = element("span", _parameters(step), class_="wrapped")
            rows.append([step.id, step.uses, str(step.after), params])
        return snippet(
            element("p", self.recipe.name, " ", element("span", self._subject, class_="quiet"), class_="title"),
            element("p", self.recipe.description) if self.recipe.description else None,
            [element("p", told, class_="missed") for told in (smoke, code) if told],
            table(heads, rows, "Steps"),
            [element("p", f"{name} {value}", class_="quiet") for name, value in _limits(self.recipe)],
        )

    @property
    def _subject(self) -> str:
        metrics = ", ".join(metric.name for metric in self.metrics)
        return f"{self.model.name} on {self.data.name} · {metrics} · seed {self.seed}"


def start_of(model: ModelSource | Reference) -> ModelState:
    """The state of a model before the first step."""
    return ModelState(model.format) if isinstance(model, Reference) else ModelState()


def _parameters(step: PlannedStep) -> str:
    """`final_sparsity=0.8  epochs=8`, and the teacher that the step learns from."""
    params = step.strategy.params.model_dump(by_alias=True, mode="json", exclude_defaults=True)
    told = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in params.items()]
    return "  ".join([*told, f"learns from {step.teacher.name}"] if step.teacher else told)


def _limits(recipe: Recipe) -> list[tuple[str, str]]:
    """The constraints that the recipe sets, by their keys, as it writes them."""
    return [
        (".".join(map(str, route[1:])), json.dumps(node.plain(), ensure_ascii=False))
        for route, node in recipe.tree.leaves()
        if route and route[0] == "constraints" and node.value not in (None, False, {}, ())
    ]
