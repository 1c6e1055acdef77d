"""Arrays in a folder of `.npy` files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor.data.data_kind import DataKind
from compressor.data.kinds.npz_files import ArrayOptions

if TYPE_CHECKING:
    from compressor.data.split import Splits


class NpyFiles(DataKind):
    """The arrays that an `.npz` file holds, a file each; large ones are read piece by piece."""

    name = ".npy files"
    example = "`./folder` of `.npy` files"
    told_apart = "by the names of the files"
    suffixes = (".npy",)
    Options = ArrayOptions

    def splits(self, target: str, options: ArrayOptions, spool: Path) -> Splits:
        from compressor.data.arrays import npy_splits

        path = Path(target)
        return npy_splits(path if path.is_dir() else path.parent, options.weights)
