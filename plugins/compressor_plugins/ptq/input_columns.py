"""Columns of a table that quantization cannot tell apart from nothing: all of an input's columns share one scale."""

from __future__ import annotations

from collections.abc import Iterable

from compressor import Arrays

_STEPS = 255  # of int8
_FEWEST = 8  # steps, under which a column has lost most of what it says


def narrow_columns(samples: Iterable[Arrays]) -> dict[str, list[int]]:
    """The columns, counted from 1, of each input that span fewer than 8 of the 256 steps that the input gets.

    Args:
        samples: inputs, shape (1, columns), or mappings of such by the inputs' names; others are left out.
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
