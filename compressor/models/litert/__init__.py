"""The `.tflite` format: converting to it, running it, and reading what it holds.

What is named here is for plugins, too; the modules behind it may change.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.models.litert.conversion.converter import Conversion, Weights, to_litert
    from compressor.models.litert.conversion.shrinking import shrunk
    from compressor.models.litert.conversion.zero_dropping import SparseTensor, without_zeros
    from compressor.models.litert.format.flatbuffer import operator_of, read_model, write_model
    from compressor.models.litert.format.operators import Operator
    from compressor.models.litert.format.small_numbers import joined_bytes, split_bytes
    from compressor.models.litert.format.tensor_types import TensorType, type_of
    from compressor.models.litert.reading.contents import Anatomy, WeightTensor, dissect, kernels_in
    from compressor.models.litert.reading.graph_contents import FileOperator, counted, float_operators, signatures_of
    from compressor.models.litert.running.interpreter import LiteRTModel, outputs_for, takes_many
    from compressor.models.litert.running.trial_run import refuse_failing

_HOMES = {
    "reading.contents": (
        "Anatomy",
        "WeightTensor",
        "dissect",
        "kernels_in",
    ),
    "conversion.converter": (
        "Conversion",
        "Weights",
        "to_litert",
    ),
    "format.flatbuffer": (
        "operator_of",
        "read_model",
        "write_model",
    ),
    "reading.graph_contents": (
        "FileOperator",
        "counted",
        "float_operators",
        "signatures_of",
    ),
    "running.interpreter": (
        "LiteRTModel",
        "outputs_for",
        "takes_many",
    ),
    "format.operators": ("Operator",),
    "conversion.shrinking": ("shrunk",),
    "conversion.zero_dropping": (
        "SparseTensor",
        "without_zeros",
    ),
    "format.small_numbers": ("joined_bytes", "split_bytes"),
    "format.tensor_types": ("TensorType", "type_of"),
    "running.trial_run": ("refuse_failing",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Anatomy", "WeightTensor", "dissect", "kernels_in",
    "Conversion", "Weights", "to_litert",
    "operator_of", "read_model", "write_model",
    "FileOperator", "counted", "float_operators", "signatures_of",
    "LiteRTModel", "outputs_for", "takes_many",
    "Operator",
    "shrunk", "SparseTensor", "without_zeros",
    "TensorType", "joined_bytes", "split_bytes", "type_of",
    "refuse_failing",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name in _HOME_OF:
            return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        from compressor.base.deprecations import deprecated_name

        return deprecated_name(__name__, name)
