"""Picks the type of each layer's weights under a budget, as a small integer program.

Each layer gets exactly one type. The squared errors of the layers add up, as those of independent noises do
(Zhou et al. 2018, arXiv 1712.01048), so that both sides are linear in what is picked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compressor.contracts.sensitivity import LayerSensitivity, WeightType

Choice = dict[str, WeightType]


def least_error(table: Sequence[LayerSensitivity], most_bytes: float) -> Choice | None:
    """The choice of the least error among those whose weights take at most so many bytes; None where none do."""
    return _picked(table, minimised="error", bound=most_bytes)


def least_bytes(table: Sequence[LayerSensitivity], most_error: float) -> Choice | None:
    """The choice of the fewest bytes among those of at most so large an error; None where none is."""
    return _picked(table, minimised="bytes", bound=most_error**2)


def error_of(table: Sequence[LayerSensitivity], choice: Choice) -> float:
    """The error that a choice is expected to bring."""
    return float(np.sqrt(sum(layer.errors[choice[layer.layer]] ** 2 for layer in table)))


def _picked(table: Sequence[LayerSensitivity], *, minimised: str, bound: float) -> Choice | None:
    from scipy.optimize import Bounds, LinearConstraint, milp

    options = [(row, layer, type_) for row, layer in enumerate(table) for type_ in layer.errors]
    errors = np.array([layer.errors[type_] ** 2 for _, layer, type_ in options])
    sizes = np.array([float(layer.bytes[type_]) for _, layer, type_ in options])
    one_each = np.zeros((len(table), len(options)))
    one_each[[row for row, _, _ in options], range(len(options))] = 1
    cost, limited = (errors, sizes) if minimised == "error" else (sizes, errors)
    scale = float(limited.max(initial=0)) or 1.0  # solvers take a thousandth for nothing
    found = milp(
        cost / (float(cost.max(initial=0)) or 1.0),
        integrality=np.ones(len(options)),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(limited[None] / scale, ub=bound / scale)],
    )
    if found.x is None:
        return None
    return {layer.layer: type_ for taken, (_, layer, type_) in zip(found.x, options, strict=True) if taken > 0.5}
