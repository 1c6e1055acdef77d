"""The first recipes of a search, spread evenly over its space, since random ones leave gaps and come in heaps.

They are points of an additive recurrence with a random start (Roberts 2018, "The Unreasonable Effectiveness of
Quasirandom Sequences"; Cranley and Patterson 1976): with one open number, each new point halves a large gap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compressor.recipe.search_space import Assignment, Space


def spread_point(space: Space, number: int, seed: int) -> Assignment:
    """One of the evenly spread recipes, by its number from 0 on; another seed spreads others."""
    choices = space.choices
    strides = _root(len(choices)) ** -np.arange(1.0, len(choices) + 1)
    shares = (np.random.default_rng([seed]).random(len(choices)) + number * strides) % 1
    assignment: dict[str, Any] = {}
    for choice, share in zip(choices, shares, strict=True):
        if choice.is_step or choice.matters(assignment):
            assignment[choice.name] = choice.search.at_share(float(share))
    return assignment


def _root(dimensions: int) -> float:
    """The positive root of x^(d + 1) = x + 1; for one dimension, the golden ratio."""
    root = 2.0
    for _ in range(64):
        root = (1 + root) ** (1 / (dimensions + 1))
    return root
