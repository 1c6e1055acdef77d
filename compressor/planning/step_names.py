"""Checks that every step of a recipe has an id of its own."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.contracts.execution_plan import BASELINE
from compressor.recipe.extends import first_free
from compressor.recipe.problems import Problem
from compressor.recipe.sections import Recipe


def repeated_ids(recipe: Recipe, ids: Sequence[str]) -> list[Problem]:
    """A problem for each id that another step or the baseline has."""
    problems = []
    seen = {BASELINE}
    for index, id_ in enumerate(ids):
        if id_ in seen:
            taken = "is the name of the stage before all steps" if id_ == BASELINE else "names two steps"
            free = first_free(f"{id_}-2", ids)
            place = recipe.tree.nearest(("steps", index, "id"))
            problems.append(Problem(f"the id '{id_}' {taken}; call this one '{free}'", place.origin))
        seen.add(id_)
    return problems
