"""The losses that Keras knows by name, listed so that a recipe can be checked without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag

from compressor.base.import_path import names_function
from compressor.base.text import did_you_mean

LOSSES: Mapping[str, str] = {  # the Keras class of each
    "binary_crossentropy": "BinaryCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "categorical_hinge": "CategoricalHinge",
    "cosine_similarity": "CosineSimilarity",
    "hinge": "Hinge",
    "huber": "Huber",
    "kl_divergence": "KLDivergence",
    "log_cosh": "LogCosh",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_error": "MeanSquaredError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "poisson": "Poisson",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "squared_hinge": "SquaredHinge",
}
_ALIASES: Mapping[str, str] = {
    "bce": "binary_crossentropy",
    "huber_loss": "huber",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
    **{cls: name for name, cls in LOSSES.items()},
}


def full_name(name: str) -> str:
    """The full name of a loss that may be written by its short name or class name."""
    return _ALIASES.get(name, name)


def loss_functions(params: object) -> list[str]:
    """The losses in a step's parameters that are functions, as `package.module:function`."""
    loss = getattr(params, "loss", None)
    names = loss.values() if isinstance(loss, Mapping) else [loss] if isinstance(loss, str) else []
    return [name for name in names if names_function(name)]


def _known(name: str) -> str:
    if full_name(name) not in LOSSES and not names_function(name):
        raise ValueError(f"Keras has no loss '{name}'{did_you_mean(name, [*LOSSES, *_ALIASES])}")
    return name


def _form(value: Any) -> str:
    return "by output" if isinstance(value, Mapping) else "for all outputs"


LossName = Annotated[str, Field(min_length=1), AfterValidator(_known)]
Loss = Annotated[
    Annotated[LossName, Tag("for all outputs")] | Annotated[dict[str, LossName], Field(min_length=1), Tag("by output")],
    Discriminator(_form),
]
