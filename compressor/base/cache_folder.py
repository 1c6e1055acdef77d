"""The location of the cache, and the name of the folder in it for spooled data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import platformdirs

from compressor.base.addresses import as_place

FOLDER_VARIABLE = "COMPRESSOR_CACHE"
SPOOL: Final = "spool"  # the folder of spooled data, its kind in listings, and the key a run marks as in use


def default_folder() -> Path:
    """The folder named by the environment variable `COMPRESSOR_CACHE`, or else one in the user's cache folder.

    Where the variable holds an address, such as `s3://bucket/cache`, this is the folder for copies of what is there.
    """
    value = os.environ.get(FOLDER_VARIABLE)
    place = as_place(value) if value else ""
    return place if isinstance(place, Path) else Path(platformdirs.user_cache_dir("compressor"))
