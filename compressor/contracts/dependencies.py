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

    def __post_init__(self) -> None:
        """Refuse what is no tuple of names or paths, such as a text without the comma of a tuple of one.

        Raises:
            TypeError: it is something else.
        """
        kinds: dict[str, tuple[type, ...]] = {"environment": (str,), "files": (str, Path)}
        for name, allowed in kinds.items():
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(entry, allowed) for entry in value):
                raise TypeError(f"'{name}' of DependsOn must be a tuple, such as ('LICENCE',), and is {value!r}")
        if not isinstance(self.digest, str):
            raise TypeError(f"'digest' of DependsOn must be a text, and is {self.digest!r}")
