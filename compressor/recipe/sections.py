"""The sections and keys of a version 1 recipe. The docs and the JSON Schema are generated from these classes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from compressor.base.fields import DISTRIBUTION_PATTERN, MAX_ENTRIES, Name, SourceText, Values
from compressor.base.machine import DEFAULT_THREADS, MOST_THREADS
from compressor.base.params import Params
from compressor.data.section import DataSection
from compressor.recipe.constraints import Constraints
from compressor.recipe.objectives import Objective
from compressor.recipe.runtime_section import RuntimeSection
from compressor.recipe.training_params import TrainingDefaults
from compressor.recipe.tree import Node, from_data


def _version(value: object) -> object:
    if type(value) is int and value == 1:  # not true or 1.0, which are equal to 1
        return value
    if type(value) is int and 1 < value < 1_000:
        raise ValueError(f"this compressor knows version 1 of the recipe language, and not {value}; update compressor")
    raise ValueError("there is only version 1 of the recipe language so far; write 'version: 1'")


Version = Annotated[Literal[1], BeforeValidator(_version)]


def _shape(value: object) -> object:
    shapes = list(value.values()) if isinstance(value, dict) else [value]
    if shapes and all(isinstance(shape, list) and shape and all(map(_is_size, shape)) for shape in shapes):
        return value
    raise ValueError("give the size of each axis of a sample, such as [64, 64, 3], or a mapping of these by input")


def _is_size(value: object) -> bool:
    return type(value) is int and value > 0


InputShape = Annotated[list[int] | dict[str, list[int]], BeforeValidator(_shape)]


DistributionName = Annotated[str, Field(pattern=DISTRIBUTION_PATTERN, max_length=80)]
VersionRange = Annotated[str, Field(max_length=200)]


class ModelSection(Params):
    """The model to compress."""

    source: SourceText = Field(description="a registered model, a path, package.module:function or ./file.py:function")
    with_: Values = Field({}, alias="with", description="parameters of a registered model, or of the function")
    custom_objects: list[SourceText] = Field(
        [],
        max_length=MAX_ENTRIES,
        description="modules or files (or module:Name) of your own Keras classes; their code is run",
    )
    input_shape: InputShape | None = Field(
        None,
        description="shape of a sample, such as [64, 64, 3], or a mapping of these by input: "
        "what a model with open sizes is built for; as the data has it if left out",
    )
    train: Values | None = Field(None, description="train it first, with the parameters of the strategy 'train'")


class MetricSection(Params):
    """A metric; its name alone is short for a mapping with `uses`."""

    uses: SourceText = Field(description="the metric, by name, package.module:function or ./file.py:function")
    with_: Values = Field({}, alias="with", description="the metric's parameters, or the function's arguments")
    name: str | None = Field(None, min_length=1, max_length=80, description="its name in the report")
    output: str | None = Field(None, min_length=1, description="the output of the model that it measures, by name")
    higher_is_better: bool | None = Field(None, description="for a function only; a registered metric says so itself")

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: object) -> object:
        if isinstance(value, str):
            return {"uses": value}
        if not isinstance(value, dict | MetricSection):
            raise PydanticCustomError("metric_type", "a metric's name, or a mapping")
        return value


class EvaluationSection(Params):
    """How each stage is measured."""

    metrics: list[MetricSection] = Field(
        default_factory=lambda: [MetricSection(uses="accuracy")],
        min_length=1,
        max_length=MAX_ENTRIES,
        description="metrics, each a name or a mapping; constraints on accuracy are for the first one",
    )
    examples: int = Field(
        12, ge=0, le=100, description="test samples that went from right to wrong, which the report shows; 0 for none"
    )
    latency: bool = Field(
        False,
        description="time the files of all stages in turn, and their operators; `max_latency_ratio` does so, too",
    )


class StepSection(Params):
    """One compression step."""

    id: Name | None = Field(None, description="its name in the report; the strategy's name if left out")
    uses: SourceText = Field(description="the strategy, by name")
    with_: Values = Field({}, alias="with", description="the strategy's parameters")
    strict: bool = Field(False, description="fail if the step leaves a layer alone, instead of reporting it")


class Recipe(Params):
    """A recipe that is valid by itself; the planner checks whether its strategies exist and fit together."""

    version: Version = Field(description="version of the recipe language")
    name: Name = Field("recipe", description="its name; the file's name if left out")
    description: str = Field("", description="what it is for, in a sentence")
    plugins: list[SourceText] = Field([], max_length=MAX_ENTRIES, description="local plugin files; their code is run")
    requires: dict[DistributionName, VersionRange] = Field(
        {},
        max_length=MAX_ENTRIES,
        description="distributions that must be installed, such as those of plugins, and which versions: `>=1.2`",
    )
    model: ModelSection
    data: DataSection
    training: TrainingDefaults = Field(
        default_factory=lambda: TrainingDefaults(), description="defaults for every training step"
    )
    threads: int = Field(
        DEFAULT_THREADS,
        ge=1,
        le=MOST_THREADS,
        description="threads that TensorFlow splits an operation over, on every machine; others give other bytes",
    )
    runtime: RuntimeSection = Field(
        default_factory=lambda: RuntimeSection(), description="several GPUs, and another precision, for trainings"
    )
    evaluation: EvaluationSection = Field(default_factory=lambda: EvaluationSection())
    target: SourceText | None = Field(
        None,
        description="the device that the file must fit: a name that `compressor fit --list` shows, or a YAML file",
    )
    steps: list[StepSection] = Field([], max_length=MAX_ENTRIES, description="the compression steps, in order")
    constraints: Constraints = Field(default_factory=lambda: Constraints())
    objectives: list[Objective] = Field(
        [],
        max_length=4,
        description="what `compressor search` makes small or large; a small file and a good first metric if left out",
    )

    _tree: Node | None = PrivateAttr(None)

    @property
    def times_calls(self) -> bool:
        """Whether the files of all stages are to be timed in turn."""
        limits = (self.constraints, *self.constraints.stages.values())
        return self.evaluation.latency or any(limit.max_latency_ratio is not None for limit in limits)

    @property
    def tree(self) -> Node:
        """The values as written, each with its position."""
        if self._tree is None:
            return from_data(self.model_dump(mode="json", by_alias=True, exclude_unset=True))
        return self._tree

    def placed(self, tree: Node) -> Recipe:
        """A copy of the recipe whose `tree` is the one it was read from."""
        copy = self.model_copy()
        copy._tree = tree
        return copy
