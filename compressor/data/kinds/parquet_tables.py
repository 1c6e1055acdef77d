"""Tables in `.parquet` files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor.data.data_kind import DataKind, Library
from compressor.data.kinds import files_of
from compressor.data.kinds.csv_tables import TableOptions
from compressor.data.split_names import parted_by_name

if TYPE_CHECKING:
    from compressor.data.split import Splits


class ParquetTables(DataKind):
    """Columns of numbers, none missing; the label may be text."""

    name = ".parquet tables"
    example = "`./table.parquet`, or a folder of tables"
    told_apart = "files, or folders of them, that begin with `train`, `val`, `test`"
    suffixes = (".parquet",)
    in_split_folders = True
    library = Library("pyarrow", "pyarrow")
    Options = TableOptions

    def splits(self, target: str, options: TableOptions, spool: Path) -> Splits:
        from compressor.data.table_files import ParquetTable
        from compressor.data.tables import table_splits

        parts = parted_by_name(files_of(target, self), Path(target))
        tables = {part: ParquetTable(tuple(files)) for part, files in parts.items()}
        return table_splits(tables, options.label, options.features, options.weights, spool)
