"""Data: samples from wherever they are, declared preparation, and the splits that a run works with.

Nothing is imported until it is used: the recipe language reads the declared steps, and needs no NumPy for that.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.base.named_arrays import arrays_in, by_name, in_order, joined
    from compressor.data.from_source import dataset_splits, load_splits
    from compressor.data.prepared_splits import RunData, run_data
    from compressor.data.samples import ArraySamples, Samples
    from compressor.data.split import ArraySplit, Split, Splits

_HOMES = {
    "compressor.base.named_arrays": ("arrays_in", "by_name", "in_order", "joined"),
    "compressor.data.from_source": ("dataset_splits", "load_splits"),
    "compressor.data.prepared_splits": ("RunData", "run_data"),
    "compressor.data.samples": ("ArraySamples", "Samples"),
    "compressor.data.split": ("ArraySplit", "Split", "Splits"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ArraySamples", "ArraySplit", "RunData", "Samples", "Split", "Splits", "dataset_splits", "load_splits", "run_data",
    "arrays_in", "by_name", "in_order", "joined",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name in _HOME_OF:
            return getattr(import_module(_HOME_OF[name]), name)
        from compressor.base.deprecations import deprecated_name

        return deprecated_name(__name__, name)
