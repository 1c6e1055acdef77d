"""Finds columns of a table that int8 can hardly resolve, since all columns of an input share one scale."""

from __future__ import annotations

from collections.abc import Iterable

from compressor import Arrays

_STEPS = 255  # of int8
_FEWEST = 8  # steps; a column that spans fewer has lost most of its information


def narrow_columns(samples: Iterable[Arrays]) -> dict[str, list[int]]:
    """The columns of each input, counted from 1, that span fewer than 8 of the 256 steps of the input's int8 range.

    Args:
        samples: inputs of shape (1, columns), or mappings of them by name. Inputs of other shapes are left out.
    """
    import numpy as np

    from compressor.data import by_name

    rows: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]] = {}
    for sample in samples:
        for name, values in by_name(sample, "").items():
            if values.ndim == 2:
                rows.setdefault(name, []).append(values)
    found = {}
    for name, parts in rows.items():
        values = np.concatenate(parts)
        step = (max(values.max(), 0) - min(values.min(), 0)) / _STEPS
        spans = np.ptp(values, axis=0)
        if len(narrow := np.flatnonzero((spans > 0) & (spans < _FEWEST * step))):
            found[name] = [int(column) + 1 for column in narrow]
    return found
