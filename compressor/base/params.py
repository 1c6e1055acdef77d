"""Parameters of strategies, models and data sets: pydantic models that refuse what they do not know."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from compressor.recipe.loss_names import Loss

_Value = TypeVar("_Value")


class Params(BaseModel):
    """Base of all parameters: immutable, no unknown keys, no infinities, and types as written (no "5" for 5)."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        populate_by_name=True,
        validate_default=True,
    )


class EarlyStopping(Params):
    """Stop a training once the validation loss stops falling, and keep the best epoch's weights."""

    patience: int = Field(2, ge=1, description="epochs without improvement before training stops")
    min_delta: float = Field(0.0, ge=0, description="smallest fall of the validation loss that counts")


class Hint(Params):
    """Two layers whose outputs are held against each other, through a projection that is learned beside the student."""

    student: str = Field(min_length=1, description="a layer of the student, by name")
    teacher: str = Field(min_length=1, description="a layer of the teacher, by name, of the same height and width")


class Teacher(Params):
    """A trained model whose outputs a training learns from, beside the labels; its source alone may stand for it.

    Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531); the hints are those
    of Romero et al. 2015, "FitNets: Hints for Thin Deep Nets" (arXiv 1412.6550).
    """

    source: str = Field(
        min_length=1,
        max_length=1_000,
        description="`baseline`, `recipe:NAME` of a shipped recipe, the path of a recipe or of a Keras model, a "
        "registered model that comes trained, or package.module:function",
    )
    with_: dict[str, Any] = Field({}, alias="with", description="parameters of a registered model, or of the function")
    temperature: float = Field(
        4.0, ge=1, le=100, description="what logits are divided by before they are compared; above 1 brings out "
        "what the teacher makes of the wrong classes"
    )  # fmt: skip
    soft_share: float = Field(
        0.7, ge=0, le=1, description="how much the teacher's outputs count in the loss; the labels count the rest"
    )
    hints: list[Hint] = Field([], max_length=64, description="pairs of layers whose outputs are to agree as well")
    hint_weight: float = Field(1.0, gt=0, le=1_000, description="how much the mean squared error of the hints counts")

    @model_validator(mode="before")
    @classmethod
    def _from_source(cls, given: object) -> object:
        if isinstance(given, str):
            return {"source": given}
        if not isinstance(given, dict | Teacher):
            raise PydanticCustomError("teacher_type", "a source, or a mapping")
        return given


def or_text(schema: dict[str, Any]) -> None:
    """Let a field's JSON Schema take the text that stands for a mapping."""
    options = schema.pop("anyOf", None) or [{"$ref": schema.pop("$ref")}]
    schema["anyOf"] = [{"type": "string", "minLength": 1}, *options]


class TrainingDefaults(Params):
    """What a recipe's `training:` section may set for every training step."""

    optimizer: Literal["adam", "nadam", "rmsprop", "sgd"] = Field("adam", description="Keras optimizer")
    learning_rate: float = Field(1e-3, gt=0, le=10, description="learning rate, at the start")
    decay: Literal["constant", "cosine"] = Field(
        "constant", description="how the learning rate goes on: as it is, or along a half cosine to zero"
    )
    weight_decay: float = Field(
        0.0, ge=0, lt=1, description="share of each weight taken off a step, times the learning rate (decoupled)"
    )
    loss: Loss = Field(
        "sparse_categorical_crossentropy",
        description="Keras loss by name, or package.module:function; or a mapping of these by the outputs' names",
    )
    loss_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="how much the loss of each output counts, by the outputs' names; 1 where it is left out"
    )
    batch_size: int = Field(128, ge=1, le=65_536, description="samples a training step")
    early_stopping: EarlyStopping | None = Field(None, description="stop when validation stops improving")
    teacher: Teacher | None = Field(
        None, description="a trained model to learn from, beside the labels", json_schema_extra=or_text
    )


class TrainingParams(TrainingDefaults):
    """Parameters of a strategy that trains; those of the recipe's `training:` section fill what is not given."""

    epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split")


class LayerPatterns(Params):
    """Parameters that name layers. `by_layer` tells the fields that map patterns to values, such as a sparsity each."""

    by_layer: ClassVar[tuple[str, ...]] = ()

    def patterns(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Every pattern, with the way to it from these parameters."""
        return [((field, pattern), pattern) for field in self.by_layer for pattern in getattr(self, field)]

    def unmatched(self, layers: list[tuple[str, str]]) -> list[tuple[tuple[str | int, ...], str]]:
        """The patterns that match none of the (name, class) pairs, with the way to each."""
        return [
            (place, pattern)
            for place, pattern in self.patterns()
            if not any(_matches(pattern, name, kind) for name, kind in layers)
        ]

    def idle(self, worked_on: list[tuple[str, str]]) -> list[str]:
        """The patterns that choose layers, and none of the (name, class) pairs that a strategy can work on."""
        return [pattern for place, pattern in self.unmatched(worked_on) if place[0] != "except"]


class LayerTargets(LayerPatterns):
    """Which layers a strategy works on."""

    layers: list[str] = Field(
        ["*"], min_length=1, description="names, globs (`block_*/conv*`) or types (`type:Dense`) to work on"
    )
    except_: list[str] = Field([], alias="except", description="names, globs or types to leave alone")

    def selects(self, name: str, kind: str) -> bool:
        """Whether the layer of this name and class is a target."""
        chosen = any(_matches(pattern, name, kind) for pattern in self.layers)
        return chosen and not any(_matches(pattern, name, kind) for pattern in self.except_)

    def patterns(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Those of the lists, and of the mappings."""
        lists = (("layers", self.layers), ("except", self.except_))
        listed = [((field, index), pattern) for field, found in lists for index, pattern in enumerate(found)]
        return [*listed, *super().patterns()]


def value_for(values: Mapping[str, _Value], name: str, kind: str) -> _Value | None:
    """What a mapping of patterns gives a layer of this name and class; of several that match, the last counts."""
    found = [value for pattern, value in values.items() if _matches(pattern, name, kind)]
    return found[-1] if found else None


def _matches(pattern: str, name: str, kind: str) -> bool:
    if pattern.startswith("type:"):
        return fnmatchcase(kind, pattern.removeprefix("type:"))
    return fnmatchcase(name, pattern)
