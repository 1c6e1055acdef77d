"""What decides which trials a search makes and what comes of them, so that it can only go on with the same."""

from __future__ import annotations

from typing import Any

from compressor.planning.open_recipe import OpenRecipe
from compressor.planning.planner import resolve
from compressor.planning.registry import Registry
from compressor.recipe.search_space import Assignment
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.keys import origin_parts

ORIGINS = ("model", "data")
_HELD_AGAINST_DATA = ("loss", "batch_size", "class_weight")  # parameters that must fit the data before any step


def settings_of(opened: OpenRecipe, registry: Registry, seed: int, smoke: bool, workers: int | None) -> dict[str, Any]:
    """The settings of a search: the open recipe, what its model and data hold, and how trials are run.

    Args:
        opened: the recipe, every branch of which has been checked.
        registry: the plugins, with those of the recipe's files.
        seed: of the sampler, and of each run.
        smoke: whether runs take a few samples and training steps only.
        workers: how many trials run at once; None for one.
    """
    plan = resolve(opened.drawn(first_of(opened)), registry, seed=seed, smoke=smoke)
    origins = {part: key_of(parts) for part in ORIGINS if (parts := origin_parts(part, plan)) is not None}
    return {"recipe": opened.space.tree.plain(), **origins, "seed": seed, "smoke": smoke, "workers": workers or 1}


def first_of(opened: OpenRecipe) -> Assignment:
    """One of the choices that a recipe leaves: the first steps, and the first of each list or range."""
    structure = next(iter(opened.space.every_structure()))
    return {**structure, **{one.name: one.search.ends[0] for one in opened.space.open_in(structure)}}


def all_start_alike(opened: OpenRecipe) -> bool:
    """Whether what a run checks of its model and its data before the first step is the same in all trials."""
    routes = [choice.route for choice in opened.space.choices]
    return all(route[0] == "steps" and route[-1] not in _HELD_AGAINST_DATA for route in routes)
