"""Shows what a search would try: the size of the space, and everything that is open in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compressor.base.text import counted
from compressor.planning.open_recipe import OpenRecipe
from compressor.recipe.search_space import Choice, Space
from compressor.report.screen import Screen


def size_text(space: Space) -> str:
    """How large a space is: `4 ways to take steps, 3 open values, 96 recipes`."""
    parts = [counted(space.structures, "way") + " to take steps", counted(len(space.values), "open value")]
    count = space.count
    return ", ".join([*parts, "recipes without end" if count is None else counted(count, "recipe")])


def show_space(opened: OpenRecipe, recipe: str, held: Sequence[str] = ()) -> None:
    """Show the space of a recipe, and how to search it; `held` says which steps trials hold."""
    screen, space = Screen(), opened.space
    screen.show((opened.name, "bold"), f" · {size_text(space)}", wrap=False)
    screen.show()
    for choice in space.choices:
        screen.show(" ", (choice.name, "bold"), f"  {choice.search}", (_condition(choice), "dim"), wrap=False)
    screen.show()
    for line in held:
        screen.show(f" {line} (--draw-anew: once)")
    screen.show(f" every branch is valid; to search: compressor search {recipe} --trials 20", wrap=False)


def space_as_data(opened: OpenRecipe) -> dict[str, Any]:
    """The space of a recipe, for programs."""
    space = opened.space
    return {
        "recipe": space.tree.plain(),
        "structures": space.structures,
        "recipes": space.count,
        "open": [
            {
                "name": choice.name,
                "values": list(choice.search.values) or None,
                "low": None if choice.search.values else choice.search.low,
                "high": None if choice.search.values else choice.search.high,
                "step": choice.search.step,
                "log": choice.search.log,
                "needs": dict([choice.needs]) if choice.needs else {},
            }
            for choice in space.choices
        ],
    }


def _condition(choice: Choice) -> str:
    return "" if choice.needs is None else f"  if {choice.needs[0]} is '{choice.needs[1]}'"
