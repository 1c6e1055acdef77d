"""Loads the splits that a `data.source` leads to: files, data in a library, or what a function returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from compressor.base.cache_folder import SPOOL, default_folder
from compressor.base.errors import DataError
from compressor.base.file_limits import refuse_special
from compressor.base.params import Params
from compressor.base.path_or_function import Reference
from compressor.base.plugin_errors import fenced
from compressor.data.data_errors import about, no_data_at
from compressor.data.data_kind import DataKind
from compressor.data.kinds import kind_of, readable_files
from compressor.data.split import Splits


class Loadable(Protocol):
    """Anything with a `load` method, such as a `compressor.Dataset`."""

    def load(self) -> object:
        """Load the data."""


def load_splits(source: Reference | Path, cache: Path | None = None) -> Splits:
    """The splits that a path, a name in a library or a function leads to, as they are stored.

    Args:
        source: a file or folder, or a reference from a recipe, which holds the options from `data.with`.
        cache: the folder of the cache, for data that can only be read in order; the default one when left out.

    Raises:
        DataError: there is no data, or it cannot be read.
    """
    reference = Reference("path", str(source)) if isinstance(source, Path) else source
    spool = (cache or default_folder()) / SPOOL
    if reference.kind == "path":
        refuse_special(Path(reference.target))
    if kind := kind_of(reference):
        options = _options(kind, reference)
        if kind.library:
            kind.library.require_for(reference.name)
        with about(reference.name):
            return kind.splits(reference.target, options, spool)
    if reference.kind == "path":
        path = Path(reference.target)
        if path.exists():
            raise DataError(f"{path} is not a known kind of data", f"use {readable_files()}")
        raise no_data_at(path)
    from compressor.data.function_results import splits_of

    returned = reference.call()
    with fenced(f"'{reference.target}'", DataError):  # reading what it returned runs its code, too
        return splits_of(returned, spool)


def dataset_splits(dataset: Loadable, subject: str, cache: Path | None = None) -> Splits:
    """Load the splits of a plugin's data set, which may return anything that a function in a recipe may return.

    Args:
        dataset: the data set.
        subject: the name of the data set in errors.
        cache: as for `load_splits`.

    Raises:
        DataError: the data set fails, or returns something else.
    """
    from compressor.data.function_results import splits_of

    with fenced(subject, DataError):
        return splits_of(dataset.load(), (cache or default_folder()) / SPOOL)


def _options(kind: DataKind, reference: Reference) -> Params:
    try:
        return kind.Options.model_validate_json(json.dumps(dict(reference.arguments)), by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "with"
        raise DataError(f"'data.with' does not fit {reference.name}: {where}: {first['msg']}", "correct it") from None
