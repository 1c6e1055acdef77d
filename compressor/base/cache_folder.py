"""Where the cache is kept, and the folder in it for spooled data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import platformdirs

FOLDER_VARIABLE = "COMPRESSOR_CACHE"
SPOOL: Final = "spool"  # the folder of spooled data, its kind, and what a run has on record while it may read some


def default_folder() -> Path:
    """The folder that the environment variable `COMPRESSOR_CACHE` names, or one in the user's own cache folder."""
    return Path(os.environ.get(FOLDER_VARIABLE) or platformdirs.user_cache_dir("compressor"))
