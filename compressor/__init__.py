"""Ordered, checked and measured compression of Keras models.

Names are imported on first use, so that `import compressor` takes almost no time and never imports TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.api import apply, inspect, load, plan, register
    from compressor.base.errors import CompressorError, DataError, ModelError, PluginError, StepError
    from compressor.base.params import Params
    from compressor.base.types import Arrays, Model
    from compressor.contracts.context import StepContext
    from compressor.contracts.dependencies import DependsOn
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.hookspecs import API_VERSION, hookimpl
    from compressor.contracts.layer_targets import LayerTargets
    from compressor.contracts.metric import Batch, Metric
    from compressor.contracts.model_state import ModelState, Refusal
    from compressor.contracts.observer import Observer
    from compressor.contracts.report_rows import Report, StageRow
    from compressor.contracts.sources import Dataset, ModelSource
    from compressor.contracts.strategy import Strategy
    from compressor.contracts.tracker import Tracker
    from compressor.data import ArraySplit, Split, Splits
    from compressor.inspecting.content_rows import ModelContents
    from compressor.models.litert import Conversion, to_litert
    from compressor.models.packing import unpack
    from compressor.recipe.document import RecipeText
    from compressor.recipe.training_params import Teacher, TrainingParams
    from compressor.session import Session

_HOMES = {
    "compressor.api": ("apply", "inspect", "load", "plan", "register"),
    "compressor.session": ("Session",),
    "compressor.base.errors": ("CompressorError", "DataError", "ModelError", "PluginError", "StepError"),
    "compressor.base.params": ("Params",),
    "compressor.base.types": ("Arrays", "Model"),
    "compressor.contracts.context": ("StepContext",),
    "compressor.contracts.dependencies": ("DependsOn",),
    "compressor.contracts.execution_plan": ("Plan",),
    "compressor.contracts.hookspecs": ("API_VERSION", "hookimpl"),
    "compressor.contracts.layer_targets": ("LayerTargets",),
    "compressor.contracts.metric": ("Batch", "Metric"),
    "compressor.contracts.model_state": ("ModelState", "Refusal"),
    "compressor.contracts.observer": ("Observer",),
    "compressor.contracts.report_rows": ("Report", "StageRow"),
    "compressor.contracts.sources": ("Dataset", "ModelSource"),
    "compressor.contracts.strategy": ("Strategy",),
    "compressor.contracts.tracker": ("Tracker",),
    "compressor.data": ("ArraySplit", "Split", "Splits"),
    "compressor.inspecting.content_rows": ("ModelContents",),
    "compressor.models.litert": ("Conversion", "to_litert"),
    "compressor.models.packing": ("unpack",),
    "compressor.recipe.document": ("RecipeText",),
    "compressor.recipe.training_params": ("Teacher", "TrainingParams"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # in the order of _HOMES; a test compares the two
    "apply", "inspect", "load", "plan", "register",
    "Session",
    "CompressorError", "DataError", "ModelError", "PluginError", "StepError",
    "Params",
    "Arrays", "Model",
    "StepContext",
    "DependsOn",
    "Plan",
    "API_VERSION", "hookimpl",
    "LayerTargets",
    "Batch", "Metric",
    "ModelState", "Refusal",
    "Observer",
    "Report", "StageRow",
    "Dataset", "ModelSource",
    "Strategy",
    "Tracker",
    "ArraySplit", "Split", "Splits",
    "ModelContents",
    "Conversion", "to_litert",
    "unpack",
    "RecipeText",
    "Teacher", "TrainingParams",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name in _HOME_OF:
            return getattr(import_module(_HOME_OF[name]), name)
        from compressor.base.deprecations import deprecated_name

        return deprecated_name("compressor", name)


def __dir__() -> list[str]:
    return sorted(__all__)
