"""What the result of a step depends on, besides what every step may depend on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DependsOn:
    """What else the result of a step depends on than its model, parameters, data, seed and code.

    It becomes part of the step's key in the cache, and of `lock.yaml`, so that a result is made anew when it changes.

    Attributes:
        environment: names of environment variables. Of their values only hashes are stored.
        files: paths of files, absolute or from the folder that the run is started in; their content counts. A missing
            file counts as missing.
        digest: a text that differs whenever the result may, such as the version of a service or of a program.
    """

    environment: tuple[str, ...] = ()
    files: tuple[str | Path, ...] = ()
    digest: str = ""
