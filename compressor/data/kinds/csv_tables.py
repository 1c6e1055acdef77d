"""Tables in `.csv` files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from compressor.base.params import Params
from compressor.data.data_kind import DataKind
from compressor.data.kinds import files_of
from compressor.data.split_names import parted_by_name

if TYPE_CHECKING:
    from compressor.data.split import Splits


class TableOptions(Params):
    """Which columns of a table are what."""

    label: str | list[str] | None = Field(
        None, description="the column of the labels, or several of numbers; text becomes class numbers, sorted by name"
    )
    features: list[str] | None = Field(
        None, min_length=1, description="the columns of the inputs; all others by default"
    )
    weights: str | None = Field(
        None, min_length=1, description="the column that says how much each sample counts in training"
    )
    delimiter: str = Field(",", min_length=1, max_length=1, description="what separates the columns of a CSV file")


class CsvTables(DataKind):
    """A line of column names, then numbers, none missing; the label may be text."""

    name = ".csv tables"
    example = "`./table.csv`, or a folder of tables"
    told_apart = "files, or folders of them, that begin with `train`, `val`, `test`"
    suffixes = (".csv",)
    in_split_folders = True
    Options = TableOptions

    def splits(self, target: str, options: TableOptions, spool: Path) -> Splits:
        from compressor.data.table_files import CsvTable
        from compressor.data.tables import table_splits

        parts = parted_by_name(files_of(target, self), Path(target))
        tables = {part: CsvTable(tuple(files), options.delimiter) for part, files in parts.items()}
        return table_splits(tables, options.label, options.features, options.weights, spool)
