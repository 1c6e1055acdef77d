"""Ordered, checked and measured compression of Keras models.

Nothing is imported until it is used, so that `import compressor` costs next to nothing and never brings TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.api import apply, load, plan
    from compressor.data import ArraySplit, Split, Splits
    from compressor.errors import CompressorError, DataError, ModelError, StepError
    from compressor.export import Conversion, to_litert
    from compressor.hookspecs import hookimpl
    from compressor.package import unpack
    from compressor.params import LayerTargets, Params, Teacher, TrainingParams
    from compressor.session import Session
    from compressor.state import ModelState, Refusal
    from compressor.strategy import Batch, Dataset, Metric, Model, ModelSource, StepContext, Strategy

_HOMES = {
    "compressor.api": ("apply", "load", "plan"),
    "compressor.data": ("ArraySplit", "Split", "Splits"),
    "compressor.errors": ("CompressorError", "DataError", "ModelError", "StepError"),
    "compressor.export": ("Conversion", "to_litert"),
    "compressor.hookspecs": ("hookimpl",),
    "compressor.package": ("unpack",),
    "compressor.params": ("LayerTargets", "Params", "Teacher", "TrainingParams"),
    "compressor.session": ("Session",),
    "compressor.state": ("ModelState", "Refusal"),
    "compressor.strategy": ("Batch", "Dataset", "Metric", "Model", "ModelSource", "StepContext", "Strategy"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # in the order of _HOMES; a test holds the two against each other
    "apply", "load", "plan",
    "ArraySplit", "Split", "Splits",
    "CompressorError", "DataError", "ModelError", "StepError",
    "Conversion", "to_litert",
    "hookimpl",
    "unpack",
    "LayerTargets", "Params", "Teacher", "TrainingParams",
    "Session",
    "ModelState", "Refusal",
    "Batch", "Dataset", "Metric", "Model", "ModelSource", "StepContext", "Strategy",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'compressor' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
