"""Arrays in an `.npz` file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from compressor.base.errors import DataError
from compressor.base.params import Params
from compressor.data.data_kind import DataKind

if TYPE_CHECKING:
    from compressor.data.split import Splits


class ArrayOptions(Params):
    """The names of arrays that are not the usual ones."""

    weights: str | None = Field(
        None, min_length=1, description="the sample weights: `NAME_train` and so on, or `NAME`; `w` by default"
    )


class NpzFiles(DataKind):
    """Arrays `x_train`, `y_train`, `x_test`, `y_test`, also `x_val`, `y_val`; or just `x`, `y`.

    Labels may be text, and `w_train` or `w` holds sample weights.
    """

    name = ".npz files"
    example = "`./digits.npz`"
    told_apart = "by the names of the arrays"
    suffixes = (".npz",)
    Options = ArrayOptions

    def splits(self, target: str, options: ArrayOptions, spool: Path) -> Splits:
        from compressor.data.arrays import npz_splits

        return npz_splits(_only_file(Path(target)), options.weights)


def _only_file(path: Path) -> Path:
    """The `.npz` file that a path leads to.

    Raises:
        DataError: it is a folder with several.
    """
    if not path.is_dir():
        return path
    files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".npz")
    if len(files) > 1:
        raise DataError(f"{path} holds {len(files)} .npz files", "name one of them")
    return files[0]
