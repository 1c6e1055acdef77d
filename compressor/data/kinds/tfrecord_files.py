"""Examples in TFRecord files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from compressor.data.data_kind import DataKind
from compressor.data.kinds import files_of
from compressor.data.record_options import RecordOptions
from compressor.data.split_names import parted_by_name

if TYPE_CHECKING:
    from compressor.data.split import Splits


class TFRecordFiles(DataKind):
    """Examples, not compressed."""

    name = "TFRecord files"
    example = "`./a.tfrecord`, a folder or a pattern"
    told_apart = "files, or folders of them, that begin with `train`, `val`, `test`"
    suffixes = (".tfrecord",)
    word = "tfrecord"
    in_split_folders = True
    Options = RecordOptions

    def splits(self, target: str, options: RecordOptions, spool: Path) -> Splits:
        from compressor.data.records import record_splits

        return record_splits(parted_by_name(files_of(target, self), Path(target)), options)
