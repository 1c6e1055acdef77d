"""Ordered, checked and measured compression of Keras models.

Nothing is imported until it is used, so that `import compressor` costs next to nothing and never brings TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.api import apply, load, plan
    from compressor.base.errors import CompressorError, DataError, ModelError, StepError
    from compressor.base.params import LayerTargets, Params, Teacher, TrainingParams
    from compressor.contracts.hookspecs import hookimpl
    from compressor.contracts.state import ModelState, Refusal
    from compressor.contracts.strategy import Batch, Dataset, Metric, Model, ModelSource, StepContext, Strategy
    from compressor.data import ArraySplit
    from compressor.data.split import Split, Splits
    from compressor.models.litert.converter import Conversion, to_litert
    from compressor.models.litert.package import unpack
    from compressor.session import Session

_HOMES = {
    "compressor.api": ("apply", "load", "plan"),
    "compressor.data": ("ArraySplit", "Split", "Splits"),
    "compressor.base.errors": ("CompressorError", "DataError", "ModelError", "StepError"),
    "compressor.models.litert.converter": ("Conversion", "to_litert"),
    "compressor.contracts.hookspecs": ("hookimpl",),
    "compressor.models.litert.package": ("unpack",),
    "compressor.base.params": ("LayerTargets", "Params", "Teacher", "TrainingParams"),
    "compressor.session": ("Session",),
    "compressor.contracts.state": ("ModelState", "Refusal"),
    "compressor.contracts.strategy": ("Batch", "Dataset", "Metric", "Model", "ModelSource", "StepContext", "Strategy"),
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
