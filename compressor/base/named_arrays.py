"""Treats a single array of samples and a mapping of named arrays alike.

Inputs, outputs and labels are either an array of shape (n, ...) or, if a model has several inputs or outputs, a mapping
from their names to such arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

Values: TypeAlias = Any  # an array, a mapping of arrays by name, or None


def is_named(values: Values) -> TypeGuard[Mapping[str, Any]]:
    """Whether the values are a mapping of arrays by name."""
    return isinstance(values, Mapping)


def by_name(values: Values, name: str) -> Mapping[str, Any]:
    """The arrays by name; a single array gets `name`."""
    return values if is_named(values) else {name: values}


def in_order(values: Values, names: Sequence[str]) -> list[Any]:
    """The arrays in the order of `names`. If there is only one array, its name does not matter.

    Raises:
        KeyError: there are several arrays, and one of the names is not among them.
    """
    if not is_named(values):
        return [values]
    return list(values.values()) if len(values) == 1 else [values[name] for name in names]


def arrays_in(values: Values) -> list[Any]:
    """All arrays: those of a mapping by sorted name, those of a tuple part by part."""
    if values is None:
        return []
    if isinstance(values, tuple):
        return [array for part in values for array in arrays_in(part)]
    return [values[name] for name in names_in(values)] if is_named(values) else [values]


def names_in(values: Values) -> list[str]:
    """The names of the arrays of a mapping, in the order of `arrays_in`; none of a single array."""
    return sorted(values) if is_named(values) else []


def each(values: Values, function: Callable[[Any], Any]) -> Values:
    """Apply a function to an array, or to each array of a mapping; None stays None."""
    if values is None:
        return None
    return {name: function(array) for name, array in values.items()} if is_named(values) else function(values)


def joined(parts: Sequence[Values]) -> Values:
    """Join the samples of all parts; None if the parts are None."""
    first = parts[0]
    if first is None:
        return None
    if is_named(first):
        return {name: np.concatenate([part[name] for part in parts]) for name in first}
    return np.concatenate(parts)
