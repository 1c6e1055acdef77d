"""Training parameters: those of a strategy that trains, and their defaults in the recipe's `training:` section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from compressor.base.params import Params
from compressor.base.search_domain import Search
from compressor.recipe.loss_names import Loss


class EarlyStopping(Params):
    """Stop training once the validation loss stops falling, and keep the weights of the best epoch."""

    patience: int = Field(2, ge=1, description="epochs without improvement before training stops")
    min_delta: float = Field(0.0, ge=0, description="smallest decrease of the validation loss that counts")


class Hint(Params):
    """A layer of the student that learns to match a layer of the teacher, through a projection learned in training."""

    student: str = Field(min_length=1, description="a layer of the student, by name")
    teacher: str = Field(min_length=1, description="a layer of the teacher, by name, of the same height and width")


class Teacher(Params):
    """A trained model whose outputs a student learns from, in addition to the labels.

    Its source alone is short for a mapping with `source`.

    Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531); the hints are those
    of Romero et al. 2015, "FitNets: Hints for Thin Deep Nets" (arXiv 1412.6550).
    """

    source: str = Field(
        min_length=1,
        max_length=1_000,
        description="`baseline`, `recipe:NAME` of a shipped recipe, the path of a recipe or of a Keras model, a "
        "registered model that comes trained, package.module:function or ./file.py:function",
    )
    with_: dict[str, Any] = Field({}, alias="with", description="parameters of a registered model, or of the function")
    temperature: float = Field(
        4.0, ge=1, le=100, description="divisor of the logits before they are compared; the higher it is, the more "
        "the teacher's view of the wrong classes counts"
    )  # fmt: skip
    soft_share: float = Field(
        0.7, ge=0, le=1, description="share of the teacher's outputs in the loss; the labels have the rest"
    )
    hints: list[Hint] = Field([], max_length=64, description="pairs of layers whose outputs should match as well")
    hint_weight: float = Field(1.0, gt=0, le=1_000, description="weight of the hints' mean squared error in the loss")

    @model_validator(mode="before")
    @classmethod
    def _from_source(cls, value: object) -> object:
        if isinstance(value, str):
            return {"source": value}
        if not isinstance(value, dict | Teacher):
            raise PydanticCustomError("teacher_type", "a source, or a mapping")
        return value


def or_text(schema: dict[str, Any]) -> None:
    """Let a field's JSON Schema accept the text that is short for a mapping."""
    options = schema.pop("anyOf", None) or [{"$ref": schema.pop("$ref")}]
    schema["anyOf"] = [{"type": "string", "minLength": 1}, *options]


def _form(value: Any) -> str:
    return "by class" if isinstance(value, Mapping) else "of all"


_Weight = Annotated[float, Field(ge=0)]
ClassWeight = Annotated[
    Annotated[Literal["balanced"], Tag("of all")] | Annotated[dict[str, _Weight], Field(min_length=1), Tag("by class")],
    Discriminator(_form),
]


class TrainingDefaults(Params):
    """Defaults for every training step, from a recipe's `training:` section."""

    optimizer: Literal["adam", "nadam", "rmsprop", "sgd"] = Field("adam", description="Keras optimizer")
    learning_rate: Annotated[float, Search.between(1e-4, 1e-2, log=True)] = Field(
        1e-3, gt=0, le=10, description="initial learning rate"
    )
    decay: Literal["constant", "cosine"] = Field(
        "constant", description="schedule of the learning rate: constant, or a half cosine down to zero"
    )
    weight_decay: float = Field(
        0.0, ge=0, lt=1, description="share of each weight subtracted per step, times the learning rate (decoupled)"
    )
    loss: Loss = Field(
        "sparse_categorical_crossentropy",
        description="Keras loss by name, package.module:function or ./file.py:function; or a mapping of these by "
        "output name",
    )
    loss_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="weight of the loss of each output, by output name; 1 for an output that is left out"
    )
    class_weight: ClassWeight | None = Field(
        None,
        description="how much samples of a class count, by its name or number, 1 for a class that is left out; or "
        "`balanced`, which has all classes count alike",
    )
    batch_size: int = Field(128, ge=1, le=65_536, description="samples per training step")
    early_stopping: EarlyStopping | None = Field(None, description="stop when validation stops improving")
    teacher: Teacher | None = Field(
        None, description="a trained model to learn from, in addition to the labels", json_schema_extra=or_text
    )


class TrainingParams(TrainingDefaults):
    """Parameters of a strategy that trains; values left out come from the recipe's `training:` section."""

    epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split")
