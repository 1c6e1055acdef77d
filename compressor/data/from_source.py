"""From what `data.source` names to the splits it brings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from compressor.base.cache_folder import SPOOL, default_folder
from compressor.base.errors import DataError
from compressor.base.plugin_errors import fenced
from compressor.base.reference import Reference
from compressor.data.source_options import Kind, kind_of, options_of
from compressor.data.split import Splits
from compressor.data.split_names import about


def load_splits(source: Reference | Path, cache: Path | None = None) -> Splits:
    """The data that a path, a `tfds:` name or a function leads to, as it is stored.

    Args:
        source: a file or folder, or where the recipe says that the data is, with what it has under `data.with`.
        cache: the folder of the cache, for data that must be spooled; the default one when left out.

    Raises:
        DataError: there is none, or it cannot be read.
    """
    reference = Reference("path", str(source)) if isinstance(source, Path) else source
    spool = (cache or default_folder()) / SPOOL
    kind = kind_of(reference)
    if kind is not None:
        options = _options(reference)
        with about(reference.name):
            return _from_kind(kind, reference, options, spool)
    if reference.kind == "path":
        path = Path(reference.target)
        if path.exists():
            what = f"{path} is of no kind of data that is known"
            raise DataError(what, "use .npz, .npy, .csv, .parquet, TFRecord files, or folders of images")
        raise DataError(f"there is no data at {path}", "check the path; it starts at the recipe's folder")
    from compressor.data.function_results import splits_of

    given = reference.call()
    with fenced(f"'{reference.target}'", DataError):  # iterating it runs its code
        return splits_of(given, spool)


def _options(reference: Reference) -> Any:
    options = options_of(reference)
    assert options is not None
    try:
        return options.model_validate_json(json.dumps(dict(reference.arguments)), by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "with"
        raise DataError(f"'data.with' does not fit {reference.name}: {where}: {first['msg']}", "mend it") from None


def _from_kind(kind: Kind, reference: Reference, options: Any, spool: Path) -> Splits:
    target = reference.target
    if kind == "npz":
        from compressor.data.arrays import npz_splits

        return npz_splits(_archive(Path(target)))
    if kind == "npy":
        from compressor.data.arrays import npy_splits

        return npy_splits(Path(target) if Path(target).is_dir() else Path(target).parent)
    if kind == "images":
        from compressor.data.images import image_splits

        return image_splits(Path(target), options)
    if kind == "tfrecord":
        from compressor.data.records import record_splits

        return record_splits(target, options)
    if kind == "tfds":
        from compressor.data.tfds import tfds_splits

        return tfds_splits(target, options, spool)
    from compressor.data.tables import table_splits

    return table_splits(target, kind, options, spool)


def _archive(path: Path) -> Path:
    """The `.npz` file that a path leads to.

    Raises:
        DataError: it is a folder with several.
    """
    if not path.is_dir():
        return path
    found = sorted(below for below in path.iterdir() if below.suffix.lower() == ".npz")
    if len(found) > 1:
        raise DataError(f"{path} holds {len(found)} .npz files", "name one of them")
    return found[0]
