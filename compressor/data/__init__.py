"""Data: samples from wherever they are, declared preparation, and the splits that a run works with.

Nothing is imported until it is used: the recipe language reads the declared steps, and needs no NumPy for that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.data.from_source import load_splits
    from compressor.data.run_data import RunData
    from compressor.data.samples import ArraySamples, Samples
    from compressor.data.split import ArraySplit, Split, Splits

_HOMES = {
    "load_splits": "from_source",
    "RunData": "run_data",
    "ArraySamples": "samples", "Samples": "samples",
    "ArraySplit": "split", "Split": "split", "Splits": "split",
}  # fmt: skip

__all__ = ["ArraySamples", "ArraySplit", "RunData", "Samples", "Split", "Splits", "load_splits"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
