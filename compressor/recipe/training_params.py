"""Parameters of training: those of a strategy that trains, and the defaults in the recipe's `training:` section."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from compressor.base.params import Params
from compressor.recipe.loss_names import Loss


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
