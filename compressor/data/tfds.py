"""Data sets of tensorflow-datasets, by name: `tfds:mnist`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compressor.base.errors import DataError
from compressor.data.function_results import splits_of
from compressor.data.source_options import TFDS, TfdsOptions
from compressor.data.split import Splits


def tfds_splits(target: str, options: TfdsOptions, spool: Path) -> Splits:
    """The train, validation and test splits of a data set that has inputs and labels.

    Raises:
        DataError: tensorflow-datasets is not installed, or has no such data set.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        what = f"'{target}' is read by tensorflow-datasets, which is not installed"
        raise DataError(what, "pip install tensorflow-datasets") from None
    name = target.removeprefix(TFDS)
    try:
        found: dict[str, Any] = tfds.load(
            name, as_supervised=True, data_dir=options.data_dir, download=options.download, shuffle_files=False
        )
    # it raises classes of its own, which come and go between versions
    except Exception as error:  # noqa: BLE001
        raise DataError(f"tensorflow-datasets cannot load '{name}' ({error})", "mend the name, or connect") from None
    known = {"train": "train", "test": "test", "validation": "validation"}
    return splits_of({part: found[part] for part in known if part in found}, spool)
