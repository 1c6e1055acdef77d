"""Where the work of a command runs, as `--on` and what goes with it say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ADDRESS: Final = re.compile(r"ray|ray://[^/\s:]+:\d{1,5}|ray://\[[0-9a-fA-F:]+\]:\d{1,5}")


@dataclass(frozen=True)
class On:
    """A cluster, and what each trial or run is declared to need there.

    Attributes:
        address: `ray`, or `ray://host:port`.
        cpus: processors; None for as many as the recipe has threads.
        gpus: graphics processors.
        memory: bytes; 0 for what the first trial takes, or nothing declared.
    """

    address: str
    cpus: float | None = None
    gpus: float = 0
    memory: int = 0
