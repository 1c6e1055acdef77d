"""Data: samples from wherever they are, declared preparation, and the splits that a run works with.

Nothing is imported until it is used: the recipe language reads the declared steps, and needs no NumPy for that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.data.load_splits import dataset_splits, load_splits
    from compressor.data.run_data import RunData, run_data
    from compressor.data.samples import ArraySamples, Samples
    from compressor.data.split import ArraySplit, Split, Splits

_HOMES = {
    "RunData": "run", "run_data": "run", "ArraySamples": "samples", "Samples": "samples",
    "dataset_splits": "sources", "load_splits": "sources", "ArraySplit": "split", "Split": "split", "Splits": "split",
}  # fmt: skip

__all__ = [
    "ArraySamples",
    "ArraySplit",
    "RunData",
    "Samples",
    "Split",
    "Splits",
    "dataset_splits",
    "load_splits",
    "run_data",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
