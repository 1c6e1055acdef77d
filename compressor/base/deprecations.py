"""Public names on their way out: each still works, with a warning, until the version that no longer has it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Deprecated:
    """A public name that has moved: where it is now, as `module:name`, and the version that no longer has it."""

    now: str
    gone_in: str


DEPRECATED: dict[str, Deprecated] = {}
"""By the full old name, such as `compressor.Judge`. An entry stays for at least one release."""

used: list[str] = []
"""The warnings of deprecated names that this process has used, in order."""


def deprecated_name(module: str, name: str) -> Any:
    """Look up a deprecated name of a module by its new name, and warn at the place that uses it.

    Raises:
        AttributeError: the module never had such a name.
    """
    full = f"{module}.{name}"
    if full not in DEPRECATED:
        raise AttributeError(f"module '{module}' has no attribute '{name}'")
    home, _, new = DEPRECATED[full].now.partition(":")
    text = f"{full} is now {home}.{new}; the old name goes with compressor {DEPRECATED[full].gone_in}"
    used.append(text)
    warnings.warn(text, DeprecationWarning, stacklevel=3)
    return getattr(import_module(home), new)
