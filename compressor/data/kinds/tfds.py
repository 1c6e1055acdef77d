"""Data sets of tensorflow-datasets, by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import Field

from compressor.base.errors import DataError
from compressor.base.params import Params
from compressor.data.data_kind import DataKind, Library
from compressor.data.split_names import Part

if TYPE_CHECKING:
    from compressor.data.split import Splits


class TfdsOptions(Params):
    """Where tensorflow-datasets finds a data set."""

    data_dir: str | None = Field(None, description="where it is kept; tensorflow-datasets' own folder when left out")
    download: bool = Field(True, description="download it where it is not there")


class TensorFlowDatasets(DataKind):
    """A data set with inputs and labels."""

    name = "tensorflow-datasets"
    example = "`tfds:mnist`"
    told_apart = "as it has them"
    prefix = "tfds:"
    library = Library("tensorflow_datasets", "tensorflow-datasets")
    path_options = ("data_dir",)
    Options = TfdsOptions

    def splits(self, target: str, options: TfdsOptions, spool: Path) -> Splits:
        import tensorflow_datasets as tfds

        from compressor.data.function_results import splits_of

        name = target.removeprefix(self.prefix)
        try:
            loaded: dict[str, Any] = tfds.load(
                name, as_supervised=True, data_dir=options.data_dir, download=options.download, shuffle_files=False
            )
        # it raises classes of its own, which come and go between versions
        except Exception as error:  # noqa: BLE001
            what = f"tensorflow-datasets cannot load '{name}' ({error})"
            raise DataError(what, "correct the name, or connect to the network") from None
        return splits_of({part: loaded[part] for part in get_args(Part) if part in loaded}, spool)
