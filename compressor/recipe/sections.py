"""What a recipe of version 1 may hold. The docs and the JSON Schema are generated from these classes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from compressor.base.fields import MAX_ENTRIES, Name, SourceText, Values
from compressor.base.params import Params
from compressor.data.section import DataSection
from compressor.recipe.constraints import Constraints
from compressor.recipe.training_params import TrainingDefaults
from compressor.recipe.tree import Node, from_data


def _version(given: object) -> object:
    if type(given) is int and given == 1:  # neither true nor 1.0, which are equal to it
        return given
    raise ValueError("there is only version 1 of the recipe language so far; write 'version: 1'")


Version = Annotated[Literal[1], BeforeValidator(_version)]


class ModelSection(Params):
    """The model to compress."""

    source: SourceText = Field(description="a registered model, a path, or package.module:function")
    with_: Values = Field({}, alias="with", description="parameters of a registered model, or of the function")
    custom_objects: list[SourceText] = Field(
        [], max_length=MAX_ENTRIES, description="modules (or module:Name) of your own Keras classes; they run code"
    )
    train: Values | None = Field(None, description="train it first, with the parameters of the strategy 'train'")


class MetricSection(Params):
    """A metric; its bare name stands for a mapping with `uses` alone."""

    uses: SourceText = Field(description="the metric, by name, or package.module:function")
    with_: Values = Field({}, alias="with", description="the metric's parameters, or the function's arguments")
    name: str | None = Field(None, min_length=1, max_length=80, description="what to call it in the report")
    output: str | None = Field(None, min_length=1, description="which of the model's outputs it judges, by name")
    higher_is_better: bool | None = Field(None, description="of a function; a metric by name knows it by itself")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: object) -> object:
        if isinstance(given, str):
            return {"uses": given}
        if not isinstance(given, dict | MetricSection):
            raise PydanticCustomError("metric_type", "a metric's name, or a mapping")
        return given


class EvaluationSection(Params):
    """How each stage is judged."""

    metrics: list[MetricSection] = Field(
        default_factory=lambda: [MetricSection(uses="accuracy")],
        min_length=1,
        max_length=MAX_ENTRIES,
        description="metrics, each by name or as a mapping; the first one decides",
    )


class StepSection(Params):
    """One compression step."""

    id: Name | None = Field(None, description="its name in the report; the strategy's name when left out")
    uses: SourceText = Field(description="the strategy, by name")
    with_: Values = Field({}, alias="with", description="the strategy's parameters")
    strict: bool = Field(False, description="fail where the step leaves a layer alone, rather than report it")


class Recipe(Params):
    """A recipe, whole and valid in itself; whether its strategies exist and fit is for the planner to say."""

    version: Version = Field(description="version of the recipe language")
    name: Name = Field("recipe", description="its name; the file's name when left out")
    description: str = Field("", description="what it is for, in a sentence")
    plugins: list[SourceText] = Field([], max_length=MAX_ENTRIES, description="local plugin files; they run code")
    model: ModelSection
    data: DataSection
    training: TrainingDefaults = Field(
        default_factory=lambda: TrainingDefaults(), description="for every training step"
    )
    evaluation: EvaluationSection = Field(default_factory=lambda: EvaluationSection())
    steps: list[StepSection] = Field([], max_length=MAX_ENTRIES, description="the compression steps, in order")
    constraints: Constraints = Field(default_factory=lambda: Constraints())

    _tree: Node | None = PrivateAttr(None)

    @property
    def tree(self) -> Node:
        """The values as they were written, with the place each came from."""
        if self._tree is None:
            return from_data(self.model_dump(mode="json", by_alias=True, exclude_unset=True))
        return self._tree

    def placed(self, tree: Node) -> Recipe:
        """The same recipe, knowing where its values stand."""
        copy = self.model_copy()
        copy._tree = tree
        return copy
