"""Chooses the type of each layer's weights under a budget, by a small integer program.

Each layer gets exactly one type. The squared errors of the layers add up, as the variances of independent noise do
(Zhou et al. 2018, arXiv 1712.01048), so that both the error and the size are linear in the choice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compressor.contracts.layer_sensitivity import LayerSensitivity
from compressor_plugins.ptq.mixed_precision_params import Choice


def least_error(table: Sequence[LayerSensitivity], most_bytes: float) -> Choice | None:
    """The choice with the least error whose weights take at most so many bytes; None if there is none."""
    return _best_choice(table, minimised="error", bound=most_bytes)


def least_bytes(table: Sequence[LayerSensitivity], most_error: float) -> Choice | None:
    """The choice with the fewest bytes whose error is at most so large; None if there is none."""
    return _best_choice(table, minimised="bytes", bound=most_error**2)


def error_of(table: Sequence[LayerSensitivity], choice: Choice) -> float:
    """The error to expect from a choice."""
    return float(np.sqrt(sum(layer.errors[choice[layer.layer]] ** 2 for layer in table)))


def _best_choice(table: Sequence[LayerSensitivity], *, minimised: str, bound: float) -> Choice | None:
    from scipy.optimize import Bounds, LinearConstraint, milp

    options = [(row, layer, type_) for row, layer in enumerate(table) for type_ in layer.errors]
    errors = np.array([layer.errors[type_] ** 2 for _, layer, type_ in options])
    sizes = np.array([float(layer.bytes[type_]) for _, layer, type_ in options])
    one_each = np.zeros((len(table), len(options)))
    one_each[[row for row, _, _ in options], range(len(options))] = 1
    cost, limited = (errors, sizes) if minimised == "error" else (sizes, errors)
    scale = float(limited.max(initial=0)) or 1.0  # solvers treat very small numbers as zero
    solution = milp(
        cost / (float(cost.max(initial=0)) or 1.0),
        integrality=np.ones(len(options)),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(limited[None] / scale, ub=bound / scale)],
    )
    if solution.x is None:
        return None
    return {layer.layer: type_ for taken, (_, layer, type_) in zip(solution.x, options, strict=True) if taken > 0.5}
