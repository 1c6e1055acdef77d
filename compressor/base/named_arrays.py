"""Arrays of samples, one alone or several by name: what treats both alike.

Inputs, outputs and labels all come so: as an array of shape (n, ...), or, where a model has several, as a mapping of
such arrays by the names of its inputs or outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

Values: TypeAlias = Any  # an array, a mapping of arrays by name, or None where there are none


def is_named(values: Values) -> TypeGuard[Mapping[str, Any]]:
    """Whether these are several arrays by name."""
    return isinstance(values, Mapping)


def by_name(values: Values, name: str) -> Mapping[str, Any]:
    """The arrays by name; `name` is for an array that has none."""
    return values if is_named(values) else {name: values}


def in_order(values: Values, names: Sequence[str]) -> list[Any]:
    """The arrays in the order of the names. Where there is only one array, its name does not matter.

    Raises:
        KeyError: there are several, and none of a name.
    """
    if not is_named(values):
        return [values]
    return list(values.values()) if len(values) == 1 else [values[name] for name in names]


def arrays_in(values: Values) -> list[Any]:
    """All arrays, those of a mapping in the order of their sorted names; of a tuple, those of each part in turn."""
    if values is None:
        return []
    if isinstance(values, tuple):
        return [array for part in values for array in arrays_in(part)]
    return [values[name] for name in sorted(values)] if is_named(values) else [values]


def each(values: Values, function: Callable[[Any], Any]) -> Values:
    """The function's results for an array, or by name for each array of a mapping; None stays None."""
    if values is None:
        return None
    return {name: function(array) for name, array in values.items()} if is_named(values) else function(values)


def joined(parts: Sequence[Values]) -> Values:
    """The samples of all parts, one after the other; None where the parts are."""
    first = parts[0]
    if first is None:
        return None
    if is_named(first):
        return {name: np.concatenate([part[name] for part in parts]) for name in first}
    return np.concatenate(parts)
